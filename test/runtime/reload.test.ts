// The tests of the runtime and of the embedded engine, every actor reloaded between two events. Those of the
// conformance cases are repeated by test/conformance/reload.test.ts.
import t from 'tap';
import { engineTestsBelow, repeatReloading } from '../support/reload-suite.js';

/** Tests that open an engine and are not repeated in this mode, each with the reason. */
const excused: Readonly<Record<string, string>> = {
  'test/nth-operation/nth-operation.test.ts':
    'tells its story once for every read, and this mode multiplies the reads',
};

const folders = ['test/runtime/', 'test/adapters/local/', 'test/nth-operation/'];

const engineTests = folders.flatMap(engineTestsBelow);

t.test('ED18 every test of the engine is repeated, or excused with a reason', async (t) => {
  t.ok(engineTests.includes('test/runtime/upgrade.test.ts'));
  for (const path of Object.keys(excused))
    t.ok(engineTests.includes(path), `${path} opens an engine`);
});

repeatReloading(engineTests.filter((path) => !(path in excused)));
