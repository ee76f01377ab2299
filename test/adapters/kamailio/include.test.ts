// The include file inside an operator's own configuration, which has its modules, routes and parameters already and
// runs usrloc without domains.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { checkKamailioConfig } from '../../../adapters/kamailio/check.js';
import { openStage, pause, plain } from './fake-engine.js';

const operator = readFileSync(new URL('operator.cfg', import.meta.url), 'utf8');

t.test("an operator's configuration", async (t) => {
  const stage = await openStage({
    mainFile: ({ defines, include, accounts }) =>
      `#!KAMAILIO\n${defines}${operator.replace('deferred-im.cfg', include)}${accounts}`,
  });
  t.teardown(() => stage.close());
  const { engine } = stage;
  const alice = await stage.phone('alice');
  const bob = await stage.phone('bob');

  await t.test('passes the check', async (t) => {
    const defines = ['NODE!n1', 'DOMAIN!d', 'NATS_URL!u', 'INNER_PORT!5061']
      .map((pair) => `#!substdef "!DEFERRED_IM_${pair}!g"\n`)
      .join('');
    t.same(checkKamailioConfig(defines + operator), []);
  });

  await t.test('stores, delivers and tells of registrations', async (t) => {
    const answer = await alice.message({ to: 'sip:bob@example.org', body: 'one' });
    t.equal(answer.status, 202);
    t.equal(plain(engine.of('store')[0]!.fields[10]), 'sip:alice@example.org');
    t.equal((await bob.register()).status, 200);
    await engine.wait('online', ({ fields }) => plain(fields[3]) === 'sip:bob@example.org');
    engine.send({ id: 'd-operatorone-1', ruri: 'sip:bob@example.org', name: '"A"', body: 'one' });
    t.equal(await engine.outcome('d-operatorone-1'), '200 reply');
    t.match(bob.received[0]!.header('from'), /^"A" </);
  });

  await t.test(
    'the own expiry route tells, with the domain added where usrloc has none',
    async (t) => {
      await bob.register(1);
      const line = await engine.wait('offline', ({ fields }) => fields[2] === 'expired', 8000);
      t.equal(plain(line.fields[3]), 'sip:bob@example.org');
      await pause(50);
      t.equal(engine.of('offline').length, 1);
    },
  );
});
