// Merged requests (RFC 3261 section 8.2.2.2): another path is told from a repetition, for as long as a transaction may
// live, and memory stays bounded.
import t from 'tap';
import { natsLimits, startConsumer, subjects } from '../../../adapters/nats/index.js';
import { createMergedMemory } from '../../../adapters/nats/merged.js';
import type { IncomingMessage } from '../../../machines/index.js';
import {
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  held,
  manualClock,
  memoryBus,
  settled,
} from './fakes.js';

const names = { aor: 'sip:bob@example.org', callId: 'c1', cseq: 7, fromTag: 't1' };
const line = (label: number, node = 'k1') => ({ node, index: 1, label });

t.test('the same request with another Via is merged; with the same Via it is not', async (t) => {
  const memory = createMergedMemory(() => 0);
  t.equal(memory.isMerged(line(1), names, 'via a'), false);
  t.equal(memory.isMerged(line(2), names, 'via a'), false, 'a retransmission, or the line again');
  t.equal(memory.isMerged(line(3, 'k2'), names, 'via b'), true, 'by whatever proxy');
  t.equal(memory.isMerged(line(4), names, 'via c'), true);
  const others = [
    { cseq: 8 },
    { callId: 'c2' },
    { fromTag: 't2' },
    { aor: 'sip:carol@example.org' },
  ];
  for (const [at, change] of others.entries())
    t.equal(memory.isMerged(line(10 + at), { ...names, ...change }, 'via b'), false);
});

t.test(
  'a transaction lives 32 s at most, and not after an answer that says try again',
  async (t) => {
    const clock = manualClock();
    const memory = createMergedMemory(clock.now);
    memory.isMerged(line(1), names, 'via a');
    clock.advance(natsLimits.transactionLifeMs - 1);
    t.equal(memory.isMerged(line(2), names, 'via b'), true);
    clock.advance(2);
    t.equal(memory.isMerged(line(3), names, 'via b'), false);
    memory.forget(line(3));
    t.equal(memory.isMerged(line(4), names, 'via a'), false, 'forgotten: heard anew');
    memory.forget(line(99));
    t.equal(memory.isMerged(line(5), names, 'via b'), true);
  },
);

t.test('memory is bounded, the oldest goes first', async (t) => {
  const memory = createMergedMemory(() => 0);
  const most = natsLimits.answerMemoryMax;
  const all = most + 2000;
  for (let at = 0; at < all; at += 1) {
    memory.isMerged(line(at), { ...names, cseq: at }, 'via a');
    if (memory.size > most + 1100) t.fail('the oldest are swept together, and soon');
  }
  t.ok(memory.size < all);
  t.equal(memory.isMerged(line(0), { ...names, cseq: 0 }, 'via b'), false, 'too old');
  t.equal(memory.isMerged(line(0), { ...names, cseq: all - 1 }, 'via b'), true);
});

function world() {
  const [bus, runtime, clock] = [memoryBus(), fakeRuntime(), manualClock()];
  const codec = fakeCodec({
    readMessage: (octets, asserted) => {
      const [callId = '', via = ''] = Buffer.from(octets).toString().split(' ');
      const message = { ...names, callId, octets, asserted } as unknown as IncomingMessage;
      return { ok: true, message, via };
    },
  });
  const consumer = startConsumer(bus, runtime, codec, { clock, entropy: countingEntropy() });
  const bring = async (text: string, label: number) => {
    bus.bring(subjects.store, held(text, { label }));
    await settled();
    return bus.on(subjects.answer).map((answer) => answer.split(' ')[4]);
  };
  return { bus, runtime, clock, consumer, bring };
}

t.test(
  'C04 482 is the answer to another path alone; the line again hears what it heard',
  async (t) => {
    const w = world();
    t.same(await w.bring('call-1 a', 1), ['202']);
    t.same(await w.bring('call-1 b', 2), ['202', '482']);
    t.same(await w.bring('call-1 b', 2), ['202', '482', '482'], 'the same line');
    t.same(await w.bring('call-1 a', 1), ['202', '482', '482', '202']);
    t.same(await w.bring('call-1 a', 3), ['202', '482', '482', '202', '202'], 'a retransmission');
    t.equal(w.runtime.commands.length, 2);
    t.equal(w.consumer.counters()['merged'], 1);
  },
);

t.test('A9 after a 503, or none, the sender may come by another path', async (t) => {
  const w = world();
  w.runtime.answer = () => ({
    ...{ kind: 'refused', status: 503, code: 'overloaded' },
    ...{ reason: 'Busy', retryAfterSeconds: 5 },
  });
  await w.bring('call-1 a', 1);
  w.runtime.answer = () => ({ kind: 'accepted', deferredId: 'd1@s', duplicate: false });
  t.same(await w.bring('call-1 b', 2), ['503', '202']);
  w.bus.bring(subjects.late, 'v1 k1 12 2 503');
  await settled();
  t.same(await w.bring('call-1 c', 3), ['503', '202', '202'], 'she had heard 503 after all');
  w.runtime.answer = () => Promise.reject(new Error('gone'));
  await w.bring('call-2 a', 4);
  w.runtime.answer = () => ({ kind: 'accepted', deferredId: 'd2@s', duplicate: false });
  t.equal((await w.bring('call-2 b', 5)).at(-1), '202');
});
