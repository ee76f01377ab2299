// Senders' questions over the bus: request and reply, and held SIP requests whose result follows.
import t from 'tap';
import { natsLimits, sendLine, startConsumer, subjects } from '../../../adapters/nats/index.js';
import type { Command, Reply, SentStatus } from '../../../runtime/index.js';
import {
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  held,
  manualClock,
  memoryBus,
  settled,
} from './fakes.js';

const alice = 'sip:alice@example.org';
const bob = 'sip:bob@example.org';
const inbox = '_INBOX_tools.x';
const status: SentStatus = { state: 'stored', acceptedAtMs: 1, expiresAtMs: 2, endedAtMs: null };
const refused = (status: number, code: string): Reply => ({
  ...{ kind: 'refused', status, code, reason: code, retryAfterSeconds: null },
});

function world() {
  const bus = memoryBus();
  const runtime = fakeRuntime();
  const clock = manualClock();
  const failures: string[] = [];
  const listeners = new Set<(id: string) => void>();
  runtime.onStep = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const consumer = startConsumer(bus, runtime, fakeCodec(), {
    ...{ clock, entropy: countingEntropy() },
    onFailure: (where) => failures.push(where),
  });
  const ask = async (subject: string, request: object): Promise<Record<string, unknown>> => {
    bus.bring(subject, JSON.stringify(request), inbox);
    await settled();
    return JSON.parse(bus.on(inbox).at(-1)!) as Record<string, unknown>;
  };
  /** The code a held request is answered with. */
  const hold = async (subject: string, text: string, changes = {}) => {
    bus.bring(subject, held(text, { sec: Math.trunc(clock.now() / 1000), ...changes }));
    await settled();
    return Number(bus.on(subjects.answer).at(-1)?.split(' ')[4]);
  };
  const results = () =>
    bus.on(subjects.send).map((line) => {
      const parsed = sendLine.parse(Buffer.from(line));
      return parsed.ok ? Buffer.from(parsed.value.body).toString() : 'malformed';
    });
  return { bus, runtime, clock, failures, listeners, consumer, ask, hold, results };
}

const request = { v: 1, asserted: alice, messageId: 'id-1', recipient: bob };

t.test('user.status tells the sender, and nobody else', async (t) => {
  const w = world();
  t.match(await w.ask(subjects.userStatus, request), { ok: false, status: 404 });
  w.runtime.sent = (sent) => (sent.sender === alice ? status : 'unknown');
  t.same(await w.ask(subjects.userStatus, request), { v: 1, ok: true, ...status });
  t.match(await w.ask(subjects.userStatus, { ...request, asserted: bob }), { status: 404 });
  for (const asserted of ['-', 'nonsense'])
    t.match(await w.ask(subjects.userStatus, { ...request, asserted }), { status: 403 });
  t.match(await w.ask(subjects.userStatus, { ...request, recipient: 'x' }), { status: 400 });
  t.match(await w.ask(subjects.userStatus, { ...request, messageId: 'a b' }), { code: 'schema' });
  w.runtime.sent = () => 'not-told';
  t.match(await w.ask(subjects.userStatus, request), { status: 403, code: 'not-told' });
  t.same(w.failures, []);
});

t.test('C73 user.withdraw', async (t) => {
  const w = world();
  const answers: readonly (readonly [Reply, object])[] = [
    [{ kind: 'withdrawal', deferredId: 'd1@s', ended: true }, { outcome: 'withdrawn' }],
    [{ kind: 'withdrawal', deferredId: 'd1@s', ended: false }, { outcome: 'pending' }],
    [refused(410, 'no-longer-waiting'), { ok: false, status: 410, code: 'no-longer-waiting' }],
    [{ kind: 'done' }, { ok: false, status: 500 }],
  ];
  for (const [reply, told] of answers) {
    w.runtime.answer = () => reply;
    t.match(await w.ask(subjects.userWithdraw, request), told);
  }
  const sent = { sender: alice, imdnMessageId: 'id-1', aor: bob };
  t.same(w.runtime.commands[0], { type: 'message.withdrawn', sent });
  t.match(await w.ask(subjects.userWithdraw, { ...request, asserted: '-' }), { status: 403 });
  t.equal(w.runtime.commands.length, answers.length);
});

t.test('C73 by SIP, to the service or to the recipient: answered, and told', async (t) => {
  for (const subject of [subjects.command, subjects.store]) {
    const w = world();
    w.runtime.answer = () => ({ kind: 'withdrawal', deferredId: 'd1@s', ended: true });
    t.equal(await w.hold(subject, `withdraw id-1 ${bob}`), 200);
    t.same(w.results(), ['"withdrawn"']);
    t.same(
      w.runtime.commands.map((one: Command) => one.type),
      ['message.withdrawn'],
      'and nothing is stored',
    );
    w.runtime.answer = () => refused(410, 'no-longer-waiting');
    t.equal(await w.hold(subject, `withdraw id-1 ${bob}`, { index: 2 }), 410);
    t.equal(await w.hold(subject, `withdraw id-1 ${bob}`, { index: 3, asserted: null }), 403);
    t.equal(await w.hold(subject, 'withdraw', { index: 4 }), 400);
    t.equal(w.results().length, 1);
    await w.consumer.stop();
  }
});

t.test('C73 by SIP during a push: the result follows its answer', async (t) => {
  const w = world();
  w.runtime.answer = () => ({ kind: 'withdrawal', deferredId: 'd1@s', ended: false });
  let life: unknown = { final: false, outcome: null };
  w.runtime.show = () => life as ReturnType<typeof w.runtime.show>;
  t.equal(await w.hold(subjects.command, `withdraw id-1 ${bob}`), 202);
  for (const listener of w.listeners) listener('other@s');
  for (const listener of w.listeners) listener('d1@s');
  t.same(w.results(), [], 'not yet');
  life = { final: true, outcome: 'withdrawn' };
  for (const listener of w.listeners) listener('d1@s');
  t.same(w.results(), ['"withdrawn"']);
  t.equal(w.listeners.size, 0);
  life = { final: false, outcome: null };
  t.equal(await w.hold(subjects.command, `withdraw id-1 ${bob}`, { index: 2 }), 202);
  w.clock.advance(natsLimits.withdrawPatienceMs);
  t.equal(w.listeners.size, 0, 'bounded');
  await w.consumer.stop();
});

t.test('a status by SIP comes as a result', async (t) => {
  const w = world();
  t.equal(await w.hold(subjects.command, `status id-1 ${bob}`), 404);
  w.runtime.sent = () => 'not-told';
  t.equal(await w.hold(subjects.command, `status id-1 ${bob}`, { index: 2 }), 403);
  w.runtime.sent = () => status;
  t.equal(await w.hold(subjects.command, `status id-1 ${bob}`, { index: 3 }), 202);
  t.same(w.results(), [JSON.stringify(status)]);
  for (let more = 0; more < natsLimits.resultsPerOwnerMax; more += 1)
    await w.hold(subjects.command, `status id-1 ${bob}`, { index: 10 + more });
  t.equal(await w.hold(subjects.command, `status id-1 ${bob}`, { index: 20 }), 503, 'no room');
  t.same(w.failures, []);
  await w.consumer.stop();
});

t.test('a recipient the check after a start has not come to: ask again', async (t) => {
  const w = world();
  w.runtime.knows = (aor) => aor !== bob;
  w.runtime.sent = () => status;
  t.match(await w.ask(subjects.userStatus, request), { status: 503, code: 'not-ready' });
});
