// What is remembered of answers: found while it matters, and bounded in time.
import t from 'tap';
import { createAnswerMemory, type Decision } from '../../../adapters/nats/answers.js';
import { natsLimits } from '../../../adapters/nats/index.js';
import { requestLine } from './fakes.js';

t.test('A4 answers and promises are forgotten together', async (t) => {
  let nowMs = 0;
  const memory = createAnswerMemory(() => nowMs);
  const line = (index: number) => ({ ...requestLine, index });
  const decided = { code: 202, retryAfterSeconds: null, reason: 'Accepted' };
  let first: Decision | undefined;
  for (let index = 0; index < 100; index += 1) {
    t.equal(memory.see(line(index)), 'new');
    const promised = { deferredId: `d${index % 50}@store`, again: index >= 50 };
    const decision = { ...decided, promised };
    first ??= decision;
    t.equal(memory.settle(line(index), decision).lines, 1);
  }
  t.equal(memory.size, 150);
  t.equal(memory.see(line(0)), first, 'repeated while it is remembered');
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
    t.equal(memory.see(old), 'new');
    t.equal(memory.see(anew), 'new');
    t.equal(
      memory.settle(old, { ...decision, promised: null }).lines,
      1,
      'answered, not remembered',
    );
    memory.drop(old);
    t.equal(memory.see(anew), 'in-flight', 'no answer that is not its own');
    t.equal(
      memory.settle(anew, { ...decision, promised: { deferredId: 'd@store', again: false } }).lines,
      2,
    );
    memory.sent(anew);
    t.equal(memory.late({ node: old.node, index: 7, label: old.label, code: 202 }), 'd@store');
  },
);
