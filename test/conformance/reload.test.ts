// The conformance cases on the simulated world once more, every actor reloaded between two events; the rest of the
// engine's tests are repeated by test/runtime/reload.test.ts.
import t from 'tap';
import { engineTestsBelow, repeatReloading } from '../support/reload-suite.js';

const engineTests = engineTestsBelow('test/conformance/engine/');

t.test('ED18 every case on the simulated world is repeated', async (t) => {
  t.ok(engineTests.includes('test/conformance/engine/clock.test.ts'));
  t.ok(engineTests.length > 10, `${engineTests.length} files`);
});

repeatReloading(engineTests);
