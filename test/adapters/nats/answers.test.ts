// What is remembered of answers: found while it matters, and bounded in time.
import t from 'tap';
import { createAnswerMemory } from '../../../adapters/nats/answers.js';
import { natsLimits } from '../../../adapters/nats/index.js';
import { requestLine } from './fakes.js';

t.test('A4 answers and promises are forgotten together', async (t) => {
  let nowMs = 0;
  const memory = createAnswerMemory(() => nowMs);
  const line = (index: number) => ({ ...requestLine, index });
  const decided = { code: 202, retryAfterSeconds: null, reason: 'Accepted' };
  for (let index = 0; index < 100; index += 1) {
    const held = memory.see(line(index));
    t.same([held.decision, held.asked], [null, 1], 'new');
    const promised = { deferredId: `d${index % 50}@store`, again: index >= 50 };
    t.equal(memory.settle(held, { ...decided, promised }).lines, 1);
  }
  t.equal(memory.size, 150);
  t.match(memory.see(line(0)).decision, decided, 'repeated while it is remembered');
  nowMs = natsLimits.answerMemoryMs + 1;
  t.equal(memory.late({ node: 'k1', index: 0, label: requestLine.label, code: 202 }), undefined);
  t.equal(memory.size, 0);
});

t.test(
  'A4 a transaction that is begun anew is another one: answers to the old go nowhere',
  async (t) => {
    const memory = createAnswerMemory(() => 0);
    const old = { ...requestLine, index: 7 };
    const anew = { ...old, sec: old.sec + 1 };
    const decision = { code: 202, reason: 'Accepted', retryAfterSeconds: null };
    const promised = { deferredId: 'd@store', again: false };
    const first = memory.see(old);
    const second = memory.see(anew);
    t.equal(memory.settle(first, { ...decision, promised }).lines, 1, 'answered, not remembered');
    memory.drop(first);
    t.equal(memory.size, 1);
    t.equal(memory.see(anew), second);
    t.same([second.decision, second.asked], [null, 2], 'no answer that is not its own');
    t.equal(memory.settle(second, { ...decision, promised }).lines, 2);
    memory.sent(second);
    t.equal(memory.late({ node: old.node, index: 7, label: old.label, code: 202 }), 'd@store');
  },
);

t.test('A4 the oldest answers go when there are too many', async (t) => {
  const memory = createAnswerMemory(() => 0);
  const most = natsLimits.answerMemoryMax;
  const line = (label: number) => ({ ...requestLine, label });
  for (let label = 0; label < 2 * most; label += 1) memory.see(line(label));
  t.ok(memory.size >= most && memory.size < most + 2048, `${memory.size} are remembered`);
  t.equal(memory.known(line(0)), undefined, 'the oldest is gone');
  t.equal(memory.see(line(most)).asked, 2, 'the last ones are not');
});
