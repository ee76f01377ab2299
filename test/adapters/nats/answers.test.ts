// What is remembered of answers: found while it matters, and bounded in time.
import t from 'tap';
import { createAnswerMemory } from '../../../adapters/nats/answers.js';
import { natsLimits } from '../../../adapters/nats/index.js';
import { requestLine } from './fakes.js';

t.test('A4 answers and promises are forgotten together', async (t) => {
  let nowMs = 0;
  const memory = createAnswerMemory(() => nowMs);
  const line = (index: number) => ({ ...requestLine, index });
  const answer = { node: 'k1', index: 0, label: 1, code: 202, retryAfterSeconds: null, reason: '' };
  for (let index = 0; index < 100; index += 1) {
    t.equal(memory.see(line(index), 'head'), 'new');
    const promised = { deferredId: `d${index % 50}@store`, again: index >= 50 };
    t.equal(memory.settle(line(index), answer, promised), 1);
  }
  t.equal(memory.size, 150);
  t.equal(memory.see(line(0), 'head'), answer, 'repeated while it is remembered');
  nowMs = natsLimits.answerMemoryMs + 1;
  t.equal(memory.late({ node: 'k1', index: 0, label: requestLine.label, code: 202 }), undefined);
  t.equal(memory.size, 0);
});
