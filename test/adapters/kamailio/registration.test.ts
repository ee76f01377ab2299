// What the engine hears of registrations, through a real proxy.
import t from 'tap';
import { openStage, pause, plain } from './fake-engine.js';

t.test('registrations', async (t) => {
  const stage = await openStage();
  t.teardown(() => stage.close());
  const { engine } = stage;
  const bob = await stage.phone('bob');
  const aor = 'sip:bob@example.org';
  const last = (kind: string): readonly string[] => engine.of(kind).at(-1)?.fields ?? [];
  const settled = (): Promise<void> => pause(100);

  await t.test(
    'the first and the refreshed registration, with contact, expiry and features',
    async (t) => {
      t.equal((await bob.register(600, ';+g.oma.sip-im;expires=300')).status, 200);
      await settled();
      const [version, node, code, who, contacts, expires] = last('online');
      t.same([version, node, code, expires], ['v1', 'n1', '1', '600']);
      t.equal(plain(who), aor);
      t.equal(plain(contacts), `<${bob.contact}>;+g.oma.sip-im;expires=300`);
      await bob.register(600);
      await settled();
      t.equal(last('online')[2], '2', 'a refresh is told as well');
    },
  );

  await t.test('several Contact header fields are joined; no Expires is "-"', async (t) => {
    const answer = await bob.request('REGISTER', 'sip:example.org', {
      to: `<${aor}>`,
      headers: { Contact: [`<${bob.contact}>`, '<sip:bob@127.0.0.1:9;x=y>;expires=60;q=0.5'] },
    });
    t.equal(answer.status, 200);
    await settled();
    const parts = plain(last('online')[4])
      .split(',')
      .map((part) => part.trim());
    t.same(parts, [`<${bob.contact}>`, '<sip:bob@127.0.0.1:9;x=y>;expires=60;q=0.5']);
    t.equal(last('online')[5], '-');
  });

  await t.test('one device leaves: its removal; the last leaves: offline', async (t) => {
    const offline = engine.of('offline').length;
    const gone = { Contact: '<sip:bob@127.0.0.1:9;x=y>;expires=0' };
    await bob.request('REGISTER', 'sip:example.org', { to: `<${aor}>`, headers: gone });
    await settled();
    t.equal(engine.of('offline').length, offline);
    t.equal(last('online')[2], '3');
    t.equal(plain(last('online')[4]), gone.Contact, 'the contact that ends');
    await bob.unregister();
    await settled();
    t.same(last('offline').slice(0, 3), ['v1', 'n1', 'unregister']);
    t.equal(plain(last('offline')[3]), aor);
  });

  await t.test('the removal of an unknown contact is no false online', async (t) => {
    const online = engine.of('online').length;
    await bob.unregister();
    await settled();
    t.equal(engine.of('online').length, online);
  });

  await t.test("a query without Contact, and somebody else's AOR, tell nothing", async (t) => {
    const lines = engine.lines.length;
    const query = await bob.request('REGISTER', 'sip:example.org', { to: `<${aor}>` });
    t.equal(query.status, 200);
    const other = await bob.request('REGISTER', 'sip:example.org', {
      to: '<sip:alice@example.org>',
      headers: { Contact: `<${bob.contact}>` },
    });
    t.equal(other.status, 403);
    await settled();
    t.equal(engine.lines.length, lines);
  });

  await t.test('C63 a registration that lapses is noticed', async (t) => {
    await bob.register(1);
    const line = await engine.wait('offline', ({ fields }) => fields[2] === 'expired', 8000);
    t.equal(plain(line.fields[3]), aor);
  });
});
