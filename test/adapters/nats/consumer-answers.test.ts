// Answers and their repetitions: what a line that comes again hears, and what a late word of the proxy takes back.
import t from 'tap';
import { natsLimits, subjects } from '../../../adapters/nats/index.js';
import type { Reply } from '../../../runtime/index.js';
import { accepted, answers, gate, world } from './consumer-world.js';
import { held, requestLine, settled } from './fakes.js';

t.test('A6 the same line while the first is in flight hears the same answer', async (t) => {
  const w = world();
  const { promise, open } = gate();
  w.runtime.answer = () => promise;
  w.bus.bring(subjects.store, held('hello'));
  w.bus.bring(subjects.store, held('hello'));
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  t.equal(w.runtime.commands.length, 1);
  open(accepted);
  await settled();
  t.strictSame(answers(w.bus), Array(3).fill('k1/12/345 202 - Accepted'));
});

t.test('A12 an answer lost on the bus is repeated when the line comes again', async (t) => {
  const w = world();
  w.bus.setReady(false);
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  t.equal(w.consumer.counters()['answer-lost'], 1);
  w.bus.setReady(true);
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  t.equal(w.runtime.commands.length, 1);
  t.strictSame(answers(w.bus), ['k1/12/345 202 - Accepted']);
});

t.test('another request under a known transaction is decided anew', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('one'));
  await settled();
  w.bus.bring(subjects.store, held('two', { usec: 1 }));
  await settled();
  t.equal(w.runtime.commands.length, 2, 'a restarted proxy may use the same index and label');
});

t.test('an answer is forgotten after a minute, and memory is bounded', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  w.clock.advance(natsLimits.answerMemoryMs + 1);
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  t.equal(w.runtime.commands.length, 1);
  t.equal(w.consumer.counters()['late-unknown'], 1);
});

t.test('A4 a late answer withdraws the promise, once', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  w.bus.bring(subjects.late, 'v1 k1 99 345 202');
  await settled();
  t.match(w.runtime.commands, [
    { type: 'message.received' },
    { type: 'message.unacknowledged', deferredId: 'd1@store' },
  ]);
  t.equal(w.runtime.commands.length, 2);
});

t.test(
  'A4 the hold ends before the decision: the promise is taken back as it is made',
  async (t) => {
    const w = world();
    let land: () => void = () => {};
    const stalled = (reply: Reply) => () =>
      new Promise<Reply>((resolve) => {
        land = () => resolve(reply);
      });
    w.runtime.answer = stalled(accepted);
    w.bus.bring(subjects.store, held('hello'));
    w.bus.bring(subjects.late, 'v1 k1 12 345 503');
    await settled();
    t.equal(w.runtime.commands.length, 1, 'nothing to take back yet');
    land();
    await settled();
    t.match(w.runtime.commands.at(-1), { type: 'message.unacknowledged', deferredId: 'd1@store' });
    t.equal(answers(w.bus).length, 1, 'answered all the same: the proxy may have been mistaken');
    w.bus.bring(subjects.late, 'v1 k1 12 345 202');
    await settled();
    t.equal(w.runtime.commands.length, 2, 'and once');
    // Her repetition is heard in time: what the first one lost counts again.
    w.runtime.answer = () => ({ ...accepted, duplicate: true, acknowledgedAgain: true });
    w.bus.bring(subjects.store, held('hello', { index: 13 }));
    await settled();
    t.equal(w.runtime.commands.length, 3);
  },
);

t.test(
  'A4 a decision that outlasts the hold is unheard, also where the word of it was lost',
  async (t) => {
    for (const [waitMs, isLate] of [
      [requestLine.holdMs, false],
      [requestLine.holdMs + 1, true],
    ] as const) {
      const w = world();
      const { promise, open } = gate();
      w.runtime.answer = () => promise;
      w.bus.bring(subjects.store, held('hello'));
      w.clock.advance(waitMs);
      w.runtime.answer = () => ({ kind: 'done' });
      open(accepted);
      await settled();
      const takenBack = w.runtime.commands.filter((one) => one.type === 'message.unacknowledged');
      t.equal(takenBack.length, isLate ? 1 : 0, `${waitMs} ms`);
    }
  },
);

t.test(
  'A4 the word that the hold has ended overtakes the line: the promise is taken back',
  async (t) => {
    for (const [code, isUnheard] of [
      [503, true],
      [202, false],
    ] as const) {
      const w = world();
      w.bus.bring(subjects.late, `v1 k1 12 345 ${code}`);
      await settled();
      w.bus.bring(subjects.store, held('hello'));
      await settled();
      const takenBack = w.runtime.commands.filter((one) => one.type === 'message.unacknowledged');
      t.equal(takenBack.length, isUnheard ? 1 : 0, `${code}`);
    }
  },
);

t.test('A4 a late word of an earlier answer is not taken for the end of the hold', async (t) => {
  // Answered by an engine that died, in time and twice; the line came a second time, to this one.
  const w = world();
  let land: () => void = () => {};
  w.runtime.answer = () =>
    new Promise<Reply>((resolve) => {
      land = () => resolve({ ...accepted, duplicate: true });
    });
  w.bus.bring(subjects.store, held('hello'));
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  land();
  await settled();
  t.equal(w.runtime.commands.length, 1);
});

t.test('A4 a repeated answer that is late says nothing about the first', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  t.equal(answers(w.bus).length, 2);
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  t.equal(w.runtime.commands.length, 1, 'one of two was heard');
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  t.equal(w.runtime.commands.length, 2, 'none was heard');
});

t.test('A4 a second word about one answer takes nothing from the repetition', async (t) => {
  // The hold ended, and then the answer came too late: two lines. Between them she asked again.
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  w.bus.bring(subjects.late, 'v1 k1 12 345 503');
  await settled();
  w.runtime.answer = () => ({
    ...{ kind: 'accepted', deferredId: 'd1@store' },
    ...{ duplicate: true, acknowledgedAgain: true },
  });
  w.bus.bring(subjects.store, held('hello', { index: 13 }));
  await settled();
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  const taken = w.runtime.commands.filter(({ type }) => type === 'message.unacknowledged');
  t.equal(taken.length, 1);
  w.bus.bring(subjects.late, 'v1 k1 13 345 202');
  await settled();
  t.match(w.runtime.commands.at(-1), { type: 'message.unacknowledged', deferredId: 'd1@store' });
});

t.test(
  'A4 an answer to her repetition keeps the promise when the first came too late',
  async (t) => {
    // The word about the end of the hold was lost; the one about the late answer comes at last.
    const w = world();
    w.bus.bring(subjects.store, held('hello'));
    await settled();
    w.runtime.answer = () => ({ kind: 'accepted', deferredId: 'd1@store', duplicate: true });
    w.bus.bring(subjects.store, held('hello', { index: 13 }));
    await settled();
    w.bus.bring(subjects.late, 'v1 k1 12 345 202');
    await settled();
    t.equal(w.runtime.commands.length, 2, 'she heard 202 the second time');
    w.bus.bring(subjects.late, 'v1 k1 13 345 202');
    await settled();
    t.match(w.runtime.commands.at(-1), { type: 'message.unacknowledged', deferredId: 'd1@store' });
  },
);

t.test('A4 her repetition is decided again when the promise is taken back meanwhile', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  let land: () => void = () => {};
  const duplicate = { kind: 'accepted', deferredId: 'd1@store', duplicate: true } as const;
  w.runtime.answer = () =>
    new Promise((resolve) => {
      land = () => resolve(duplicate);
    });
  // Decided as a repetition, on its way to disk, when the first answer turns out to be late.
  w.bus.bring(subjects.store, held('hello', { index: 13 }));
  w.runtime.answer = () => ({ ...duplicate, acknowledgedAgain: true });
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  t.equal(answers(w.bus).length, 1);
  land();
  await settled();
  t.same(
    w.runtime.commands.map(({ type }) => type),
    ['message.received', 'message.received', 'message.unacknowledged', 'message.received'],
  );
  t.equal(answers(w.bus).length, 2, 'and answered once');
  w.bus.bring(subjects.late, 'v1 k1 13 345 202');
  await settled();
  t.match(w.runtime.commands.at(-1), { type: 'message.unacknowledged', deferredId: 'd1@store' });
});

t.test('A4 an answer that was heard long ago is not taken back by a late repetition', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  w.runtime.answer = () => ({ kind: 'accepted', deferredId: 'd1@store', duplicate: true });
  w.clock.advance(30_000);
  const sec = Math.floor(w.clock.now() / 1000);
  w.bus.bring(subjects.store, held('hello', { index: 13, sec }));
  await settled();
  t.equal(answers(w.bus).length, 2);
  w.clock.advance(30_001);
  w.bus.bring(subjects.late, 'v1 k1 13 345 202');
  await settled();
  t.equal(w.runtime.commands.length, 2);
});

t.test('A4 a late duplicate leaves the first copy acknowledged', async (t) => {
  const w = world();
  w.runtime.answer = () => ({ kind: 'accepted', deferredId: 'd1@store', duplicate: true });
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  w.bus.bring(subjects.late, 'v1 k1 12 345 202');
  await settled();
  t.equal(w.runtime.commands.length, 1);
});
