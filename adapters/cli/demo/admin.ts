// Asks the engine of a stage through its admin socket, as `deferred-im policy activate` and its like do, and waits
// until it serves. Knows verbs only as words.
import { adminPath, askAdmin } from '../../compose.js';
import { type Child, waitFor } from '../stage/child.js';

const startMs = 15_000;

/** The answer of a verb; rejects with the engine's own words when it refuses. */
export async function askEngine(folder: string, verb: string, args: object): Promise<unknown> {
  const answer = await askAdmin(adminPath(folder), verb, args);
  if (!answer.ok) throw new Error(`${verb}: ${answer.message}`);
  return answer.result;
}

/** Resolves when the engine says that it is ready; rejects with the tail of its log when it ends or takes too long. */
export async function engineServes(folder: string, child: Child): Promise<void> {
  await waitFor('the engine', () => isReady(folder), startMs, child);
}

async function isReady(folder: string): Promise<boolean> {
  try {
    const answer = (await askEngine(folder, 'readiness', {})) as { readonly ready: boolean };
    return answer.ready;
  } catch {
    // Nobody listens yet, or only the socket of the process that was killed is there.
    return false;
  }
}
