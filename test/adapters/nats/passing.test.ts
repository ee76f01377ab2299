// Notifications that go through us over the bus: handed on while their sender is held, answered by what came of it.
import t from 'tap';
import type { PassedImdn } from '../../../adapters/nats/codec.js';
import { startConsumer, subjects } from '../../../adapters/nats/index.js';
import {
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  held,
  manualClock,
  memoryBus,
  parts,
  settled,
} from './fakes.js';

const about = { sender: 'sip:alice@example.org', imdnMessageId: 'm1', aor: 'sip:bob@example.org' };
const imdn: PassedImdn = { effectId: `i-${'a'.repeat(40)}-1`, parts, about };

function world() {
  const bus = memoryBus();
  const runtime = fakeRuntime();
  const clock = manualClock();
  runtime.reserve = (_target, begin) => {
    begin();
    return () => undefined;
  };
  const codec = fakeCodec({
    readPassedImdn: (octets) => {
      const body = Buffer.from(octets).toString();
      if (body === 'stray') return { ok: false, status: 403, code: 'x', reason: 'Forbidden' };
      return body === 'imdn' ? { ok: true, imdn } : null;
    },
  });
  startConsumer(bus, runtime, codec, { clock, entropy: countingEntropy() });
  const hold = async (text: string, index = 1) => {
    const sec = Math.trunc(clock.now() / 1000);
    bus.bring(subjects.command, held(text, { sec, index }));
    await settled();
  };
  const codes = () => bus.on(subjects.answer).map((line) => line.split(' ')[4]);
  const outcome = async (status: number) => {
    const [, node, effectId, token] = bus.on(subjects.send).at(-1)!.split(' ');
    bus.bring(subjects.outcome, `v1 ${node} ${effectId} ${token} ${status} reply`);
    await settled();
  };
  return { bus, runtime, clock, hold, codes, outcome };
}

t.test('6.7 it is answered with what the next hop answered', async (t) => {
  for (const [status, code] of [
    [200, '200'],
    [202, '202'],
    [404, '404'],
    [0, '480'],
  ] as const) {
    const w = world();
    await w.hold('imdn');
    t.same(w.codes(), [], 'held');
    await w.outcome(status);
    t.same(w.codes(), [code]);
    t.same(
      w.runtime.commands,
      status >= 200 && status < 300 ? [{ type: 'disposition.passed', sent: about }] : [],
      'and our own report is settled by one that arrived',
    );
  }
});

t.test('6.7 without an answer in time nothing was accepted', async (t) => {
  const w = world();
  await w.hold('imdn');
  await w.hold('imdn', 2);
  t.equal(w.bus.on(subjects.send).length, 1, 'a repetition is the same effect');
  w.clock.advance(3_000);
  await settled();
  t.same(w.codes(), [], 'the hold of the proxy answers 503');
  await w.outcome(200);
  t.same(w.runtime.commands, [], 'too late');
});

t.test('what is refused, and what is something else', async (t) => {
  const w = world();
  await w.hold('stray');
  t.same(w.codes(), ['403']);
  await w.hold('nonsense', 2);
  t.same(w.codes(), ['403', '400'], 'a command');
});
