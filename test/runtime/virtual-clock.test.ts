// An engine whose time is moved by hand, on a store that was made for tests: what is due by the new time happens at once,
// waits of the real clock notwithstanding, and the new time is on disk when the word is given.
import t from 'tap';
import { foundingRows } from '../../runtime/found.js';
import { openRuntime, virtualClock } from '../../runtime/index.js';
import { foundedStore, storeHost } from '../support/engine.js';
import {
  contact,
  daysMs,
  incoming,
  received,
  registered,
  writtenAtMs,
} from '../support/messages.js';
import { MemoryStore, RecordingEffects, SimulatedClock, seededEntropy } from '../support/world.js';

async function open(store: MemoryStore, host = new SimulatedClock(writtenAtMs)) {
  const effects = new RecordingEffects();
  const options = { clock: virtualClock(host), entropy: seededEntropy(7), effects };
  const opened = await openRuntime(store, { ...options, exit: (_code, why) => t.fail(why) });
  await opened.ready;
  await host.settle();
  const finished = async <T>(work: Promise<T>): Promise<T> => {
    await host.settle();
    return work;
  };
  return { engine: opened.engine, effects, host, finished };
}

const testStore = (): MemoryStore =>
  new MemoryStore(
    foundingRows(new SimulatedClock(writtenAtMs), seededEntropy(1), {
      host: storeHost,
      test: true,
    }).map(({ key, value }) => [key, value as Uint8Array]),
  );

t.test('only a store that was made for tests has a virtual clock', async (t) => {
  await t.rejects(open(foundedStore()), { code: 'DEFERRED_IM_STORE_NOT_TEST', exitCode: 64 });
});

t.test('what is due by the new time happens at once, and the time is kept', async (t) => {
  const store = testStore();
  const { engine, effects, host, finished } = await open(store);
  const reply = await finished(engine.submit(received(incoming({ dateMs: null }))));
  t.equal(reply.kind, 'accepted');
  await host.advance(daysMs(30));
  t.same(effects.sent, [], 'real days change nothing');
  t.equal(engine.virtualNow, writtenAtMs);
  await finished(engine.moveClock(writtenAtMs + daysMs(1)));
  await host.advance(1);
  t.equal(effects.reports.length, 1);
  await t.rejects(engine.moveClock(writtenAtMs), RangeError);
  const again = await open(store.afterCrash());
  t.equal(again.engine.time.now(), writtenAtMs + daysMs(1));
});

t.test('a user who stays registered is tried again when the time has come', async (t) => {
  const { engine, effects, host, finished } = await open(testStore());
  await finished(engine.submit(registered([contact(writtenAtMs + daysMs(2))])));
  await finished(engine.submit(received(incoming({ dateMs: null, expiresSeconds: null }))));
  await host.advance(3_600_000);
  t.same(effects.sent, []);
  await finished(engine.moveClock(writtenAtMs + 60_000));
  await host.advance(1);
  t.equal(effects.deliveries.length, 1, 'at the first retry step');
});
