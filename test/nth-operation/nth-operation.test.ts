// Every operation of a story fails once, in every way it can: whatever the disk or the bus does at any moment, the engine
// ends at once where it must, and afterwards everything is as if nothing had happened.
import t from 'tap';
import { exitCodes } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import { bob, numbered, received } from '../support/messages.js';
import { ioError } from '../support/world.js';
import { type Every, everyOperation } from './every.js';

// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

let every: Every;

t.before(async () => {
  every = await everyOperation();
});

t.test('the story is long enough, and has everything in it', async (t) => {
  const { operations, end, wrong } = every.undisturbed;
  t.same(wrong, []);
  for (const [kind, least] of [
    ['get', 100],
    ['scan', 100],
    ['commit', 40],
    ['send', 15],
  ] as const)
    t.ok(operations.filter((one) => one === kind).length >= least, `${least} times ${kind}`);
  for (const fate of ['delivered', 'reported', '1 reports']) t.match(end, fate);
});

t.test('A3, B1, B2, B5, C1, C7, C8: any operation fails, and nothing comes of it', async (t) => {
  t.same(every.wrong, []);
  t.ok(every.runs > every.undisturbed.operations.length, `${every.runs} tellings`);
});

t.test('every step is told to whoever wants to hear of it, whatever fails', async (t) => {
  const { undisturbed, runs, wrong } = await everyOperation(true);
  t.same(undisturbed.wrong, []);
  t.ok(undisturbed.operations.filter((one) => one === 'publish').length >= 8, `${runs} tellings`);
  t.same(wrong, []);
});

t.test('R5 a question that cannot be answered ends the process, whichever it is', async (t) => {
  for (const [name, ask] of [
    ['read', (test: EngineUnderTest, id: string) => test.engine.read(bob, id)],
    ['show', (test: EngineUnderTest, id: string) => test.engine.show(id)],
    ['actor', (test: EngineUnderTest, id: string) => test.engine.actor(id)],
    ['bindings', (test: EngineUnderTest) => test.engine.bindings(bob)],
  ] as const) {
    const before = await EngineUnderTest.open();
    const id = await before.accept(received(numbered(1)));
    const test = await before.crash();
    test.store.failReads(ioError());
    t.throws(() => ask(test, id), { code: 'LEVEL_IO_ERROR' }, name);
    t.match(test.exits, [{ code: exitCodes.io }], name);
  }
});
