// Where the tests of effects and of deadlines begin.
import { EngineUnderTest } from '../../support/engine.js';
import { incoming, received } from '../../support/messages.js';

/** An engine with one report decided, and its message. */
export async function reporting(): Promise<{
  readonly test: EngineUnderTest;
  readonly id: string;
}> {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  return { test, id };
}
