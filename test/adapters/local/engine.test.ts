// The engine inside a program: letters in, effects out, and each message as an XState actor.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Effect, type LocalEngine, openEngine } from '../../../adapters/compose.js';
import { shippedPolicy } from '../../../machines/index.js';
import { aliceWrites } from '../cli/command.js';

const alice = { asserted: 'sip:alice@example.com' };
const bob = 'sip:bob@example.org';

interface Opened {
  readonly engine: LocalEngine;
  readonly effects: Effect[];
  readonly folder: string;
  /** Resolves with the next effect. */
  next(): Promise<Effect>;
}

async function open(
  t: Test,
  options: Partial<Parameters<typeof openEngine>[0]> = {},
): Promise<Opened> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'deferred-im-local-'));
  const effects: Effect[] = [];
  let heard: (effect: Effect) => void = () => {};
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.watermark`, { recursive: true, force: true });
  });
  const engine = await openEngine({
    host: 'store.example.org',
    onEffect: (effect) => {
      effects.push(effect);
      heard(effect);
    },
    ...options,
    folder,
  });
  t.teardown(() => engine.close());
  const next = () =>
    new Promise<Effect>((resolve) => {
      heard = resolve;
    });
  return { engine, effects, folder, next };
}

async function store(engine: LocalEngine, id: string, expiresSeconds?: number): Promise<string> {
  const reply = await engine.submit(aliceWrites(id, `text of ${id}`, expiresSeconds), alice);
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
  return reply.deferredId;
}

const binding = () => ({
  contact: 'sip:bob@192.0.2.4',
  expiresAtMs: Date.now() + 600_000,
  features: [],
});

t.test('stored, delivered on registration, octets of the body untouched', async (t) => {
  const { engine, effects, next } = await open(t);
  const id = await store(engine, 'm1');
  t.equal((await engine.list(bob)).messages.length, 1);
  const coming = next();
  await engine.registered(bob, [binding()]);
  const effect = await coming;
  t.match(effect, { type: 'deliver', request: { ruri: bob } });
  t.match(Buffer.from(effect.request.body).toString(), 'text of m1');
  t.equal(
    (await engine.outcome(effect.effectId, 'a'.repeat(26), 200)).kind,
    'done',
    'a wrong token',
  );
  t.equal(engine.show(id)?.state, 'delivering', 'changes nothing');
  await engine.outcome(effect.effectId, effect.token, 200);
  t.match(engine.show(id), { state: 'delivered', final: true, outcome: 'delivered' });
  t.equal(effects.length, 1);
});

t.test('actor(): getSnapshot, subscribe, send', async (t) => {
  const { engine } = await open(t);
  const id = await store(engine, 'm1');
  const actor = engine.actor(id);
  t.equal(actor.getSnapshot()?.value, 'stored');
  t.equal(actor.getSnapshot()?.context.message.deferredId, id);
  t.equal(engine.actor('x@store.example.org').getSnapshot(), null);
  const heard: unknown[] = [];
  const other: unknown[] = [];
  const subscription = actor.subscribe((snapshot) => heard.push(snapshot.value));
  engine.actor(await store(engine, 'm2')).subscribe((snapshot) => other.push(snapshot.value));
  t.same(await actor.send({ type: 'message.deleted' }), {
    kind: 'results',
    results: [{ id, status: 200 }],
  });
  t.equal(heard.length, 1);
  t.ok(
    actor.getSnapshot()?.matches({ reporting: 'sending' }),
    'deleted unread: the report is under way',
  );
  t.same(other, [], 'another message hears nothing');
  subscription.unsubscribe();
  const third = await store(engine, 'm3');
  t.match(await engine.actor(third).send({ type: 'message.retrieved' }), { kind: 'results' });
  t.equal(engine.actor(third).getSnapshot()?.value, 'delivered');
  t.equal(heard.length, 1, 'nothing after unsubscribe');
  await t.rejects(engine.actor('x@y').send({ type: 'message.deleted' }), TypeError);
});

t.test('deleted unread: a report, once, the same bytes on every attempt', async (t) => {
  const { engine, next } = await open(t);
  const id = await store(engine, 'm1');
  const coming = next();
  t.same(await engine.remove(bob, [id, 'x@store.example.org']), [
    { id, status: 200 },
    { id: 'x@store.example.org', status: 404 },
  ]);
  const report = await coming;
  t.match(report, { type: 'report', status: 'failed', request: { ruri: alice.asserted } });
  t.match(Buffer.from(report.request.body).toString(), '<message-id>m1</message-id>');
  await engine.outcome(report.effectId, report.token, 200);
  t.equal(engine.show(id)?.outcome, 'reported');
});

t.test(
  'retrieve leaves the message until it is confirmed, and is for the owner alone',
  async (t) => {
    const { engine } = await open(t);
    const id = await store(engine, 'm1');
    t.equal(engine.retrieve('sip:carol@example.org', id), null);
    const found = engine.retrieve(bob, id);
    t.same(
      Buffer.from(found?.octets ?? [])
        .subarray(0, 8)
        .toString(),
      'MESSAGE ',
    );
    t.equal((await engine.list(bob)).messages.length, 1);
    await found?.confirm();
    t.equal((await engine.list(bob)).messages.length, 0);
  },
);

t.test('C73 a sender withdraws and asks', async (t) => {
  const { engine } = await open(t);
  const id = await store(engine, 'm1');
  const sent = { sender: alice.asserted, imdnMessageId: 'm1', aor: bob };
  t.match(engine.sent(sent), { state: 'stored' });
  t.equal(engine.sent({ ...sent, sender: bob }), 'unknown');
  t.same(await engine.withdraw(sent), { kind: 'withdrawal', deferredId: id, ended: true });
  t.match(engine.sent(sent), { state: 'withdrawn' });
  t.throws(() => engine.sent({ ...sent, aor: 'nobody' }), TypeError);
});

t.test('bad input is a value, or an error that names it', async (t) => {
  const { engine } = await open(t);
  t.match(await engine.submit(Buffer.from('no sip'), alice), {
    kind: 'refused',
    status: 400,
    code: String,
  });
  await t.rejects(async () => engine.list('bob'), /"bob" is not an address of record/);
  t.match(await engine.activate({ id: 'x' }, 'test'), { kind: 'refused', code: 'policy-refused' });
  await t.rejects(open(t, { policies: [{ id: 'x' }] }), { code: 'DEFERRED_IM_POLICY_INVALID' });
});

t.test(
  'policies: the last one becomes the policy of new messages; a restart keeps all',
  async (t) => {
    const mine = { ...(shippedPolicy('deliver-late') as object), title: 'Mine' };
    const folder = mkdtempSync(join(tmpdir(), 'deferred-im-local-'));
    const first = await openEngine({ folder, policies: [mine], onEffect: () => {} });
    const letter = aliceWrites('m1', 'text of m1');
    const stored = await first.submit(letter, alice);
    const id = stored.kind === 'accepted' ? stored.deferredId : '';
    await first.close();
    const { engine } = await open(t, { folder });
    t.equal(engine.show(id)?.policyId, 'deliver-late');
    t.equal(engine.runtime.policies().find((one) => one.active)?.title, 'Mine');
    t.match(await engine.submit(letter, alice), {
      kind: 'accepted',
      deferredId: id,
      duplicate: true,
    });
    await t.rejects(openEngine({ folder, onEffect: () => {} }), {
      code: 'DEFERRED_IM_STORE_LOCKED',
    });
  },
);

t.test('C48 an anonymous sender is named neither in the list nor in what is fetched', async (t) => {
  const { engine } = await open(t);
  const froms = [
    '"Alice" <sip:alice@example.com>',
    '<sip:anonymous@example.org>',
    '<sip:x@b.invalid>',
  ];
  for (const [number, from] of froms.entries()) {
    const lines = [
      'MESSAGE sip:bob@example.org SIP/2.0',
      'Via: SIP/2.0/UDP alice.example.com;branch=z9hG4bK1',
      'P-Asserted-Identity: "Alice" <sip:alice@example.com>',
      `From: ${from};tag=1`,
      'To: <sip:bob@example.org>',
      'Proxy-Authorization: Digest username="alice"',
      `Call-ID: secret-${number}@192.0.2.7`,
      'CSeq: 1 MESSAGE',
      'Contact: <sip:alice@192.0.2.7>',
      'Privacy: id',
      'Subject: hush',
      'Content-Type: text/plain',
      'Content-Length: 5',
      '',
      'hello',
    ];
    const reply = await engine.submit(Buffer.from(lines.join('\r\n')), alice);
    t.match(reply, { kind: 'accepted' });
  }
  const { messages } = await engine.list(bob);
  t.same(
    messages.map((one) => one.from),
    [null, null, null],
  );
  const texts = messages.map((one) =>
    Buffer.from(engine.retrieve(bob, one.deferredId)!.octets).toString(),
  );
  // With a From of her own it is she who says it; no other header does.
  t.equal(texts[0]!.match(/alice/gi)?.length, 2, 'the display name and the URI of From');
  for (const text of texts.slice(1)) t.notMatch(text, /alice/i);
  for (const text of texts)
    t.match(text, /^MESSAGE sip:bob.*\r\nFrom: [\s\S]*hush[\s\S]*\r\n\r\nhello$/);
});

t.test('what is fetched of any other message is what was stored', async (t) => {
  const { engine } = await open(t);
  const octets = aliceWrites('open', 'no secret');
  await engine.submit(octets, alice);
  const [listed] = (await engine.list(bob)).messages;
  t.ok(Buffer.from(octets).equals(engine.retrieve(bob, listed!.deferredId)!.octets));
  t.equal(listed!.from, alice.asserted);
});
