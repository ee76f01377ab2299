// Readiness tells the truth: each part that keeps the service from its work takes it away, with its reason.
import t from 'tap';
import { type Parts, readinessOf } from '../../../adapters/readiness.js';
import { EngineUnderTest, foundedStore } from '../../support/engine.js';
import { incoming, received, writtenAtMs } from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

const well: Parts = {
  closing: () => false,
  progress: () => ({ admitted: 65, of: 65 }),
  gate: () => null,
  bus: () => null,
  proxyHeard: () => true,
};

t.test('every part that is missing takes readiness away, the nearest first', async (t) => {
  t.same(readinessOf(well)(), { ready: true, reason: null });
  const faults: readonly (readonly [Partial<Parts>, string])[] = [
    [{ proxyHeard: () => false }, 'no proxy is heard'],
    [{ bus: () => 'disconnected' }, 'bus: disconnected'],
    [{ gate: () => 'store-full' }, 'store full: nothing new is stored'],
    [{ progress: () => ({ admitted: 3, of: 65 }) }, 'checking the store: 3 of 65 partitions serve'],
    [{ closing: () => true }, 'closing'],
  ];
  let all = well;
  for (const [fault, reason] of faults) {
    t.same(readinessOf({ ...well, ...fault })(), { ready: false, reason }, reason);
    all = { ...all, ...fault };
    t.equal(readinessOf(all)().reason, reason, 'before those behind it');
  }
});

t.test('B4 an engine whose volume is full says so, and again that there is room', async (t) => {
  let free = 1e12;
  const store = Object.assign(foundedStore(), { freeOctets: () => free });
  const test = await EngineUnderTest.on(store, new SimulatedClock(writtenAtMs));
  const readiness = readinessOf({ ...well, gate: () => test.engine.gate });
  t.equal(readiness().ready, true);
  free = 0;
  await test.clock.advance(1000);
  t.match(readiness(), { ready: false, reason: /^store full/ });
  t.match(await test.submit(received(incoming())), { kind: 'refused', code: 'store-full' });
  free = 1e12;
  await test.clock.advance(1000);
  t.equal(readiness().ready, true);
});
