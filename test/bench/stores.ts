// Durable stores a second over NATS: the engine, and beside it the bare loop that writes the same without deciding
// anything. Pairs of runs, bare first; each on a fresh store with a fresh process.
import { join } from 'node:path';
import { waitFor } from '../../adapters/cli/stage/child.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { messagesIn, readContents } from './contents.js';
import { mainThreadUs, serveEngine, storeFolder } from './engine.js';
import type { Fed, FeederOptions } from './feeder.js';
import { type Findings, figure, imbalance, ratios, shown } from './figures.js';
import { type Shape, shapeOf, shapeText } from './shape.js';
import { type Stage, startProgram } from './stage.js';

interface Side {
  readonly perSecond: number;
  /** CPU microseconds of the serving process's main thread for each message, warm-up included. */
  readonly mainUs: number;
  readonly octetsPerMessage: number;
  readonly rowsPerMessage: number;
  readonly lost: readonly string[];
}

/** Runs the benchmark. */
export async function stores(stage: Stage): Promise<Findings> {
  const nats = stage.track(await startNats());
  const { plan } = stage;
  stage.say('stores: learning what the engine writes');
  const shape = await learnShape(stage, nats);
  const bare: Side[] = [];
  const engine: Side[] = [];
  for (let run = 1; run <= plan.runs; run += 1) {
    bare.push(await bareRun(stage, nats, shape));
    engine.push(await engineRun(stage, nats));
    const figures = [bare, engine].map((side) => shown(side.at(-1)!.perSecond));
    stage.say(`stores: pair ${run} of ${plan.runs}: bare ${figures[0]}/s, engine ${figures[1]}/s`);
  }
  await nats.stop();
  const rate = (sides: readonly Side[]) => sides.map(({ perSecond }) => perSecond);
  const cpu = (sides: readonly Side[]) => sides.map(({ mainUs }) => mainUs);
  return {
    title: 'Durable stores over NATS',
    figures: [
      figure('engine, durable 202', '/s', rate(engine)),
      figure('bare loop, durable 202', '/s', rate(bare)),
      figure('engine / bare loop', 'ratio', ratios(rate(engine), rate(bare)), { atLeast: 0.6 }),
      figure('engine, CPU of its main thread for each', 'µs', cpu(engine)),
      figure('bare loop, CPU of its main thread for each', 'µs', cpu(bare)),
    ],
    notes: [
      `${plan.storeMessages} messages after ${plan.warmMessages} to warm up, ${plan.storeWindow} lines outstanding, ${plan.users} recipients`,
      `bare loop: same client, subjects, keys, octets, SHA-256 row checksums, set sums and synced group commit; no statechart, parsing or reads`,
      shapeText(shape),
      ...evenness(bare, engine),
    ],
    lost: [...bare, ...engine].flatMap(({ lost }) => lost),
  };
}

// Both sides must have written the same, or the ratio says nothing.
function evenness(bare: readonly Side[], engine: readonly Side[]): string[] {
  const last = [engine.at(-1)!, bare.at(-1)!];
  const [ours, theirs] = last.map(
    ({ rowsPerMessage, octetsPerMessage }) =>
      `${shown(rowsPerMessage)} rows and ${shown(octetsPerMessage)} octets`,
  );
  return [`in the store for each message: engine ${ours}, bare loop ${theirs}`];
}

async function learnShape(stage: Stage, nats: NatsServer): Promise<Shape> {
  const folder = stage.folder('shape');
  const engine = await serveEngine(stage, folder, nats.url);
  const messages = stage.plan.users * 3;
  const fed = await feed(stage, nats, { warm: 0, messages, name: 'shape' });
  await engine.stop();
  const contents = await readContents(storeFolder(folder));
  stage.clear(folder);
  if (fed.accepted !== messages) throw new Error(`only ${fed.accepted} of ${messages} were taken`);
  return shapeOf(contents, messages);
}

/** Sends store lines to whoever serves, from a process of its own. Throws when a line is never answered. */
export const feed = async (
  stage: Stage,
  nats: NatsServer,
  options: Pick<FeederOptions, 'warm' | 'messages' | 'name'>,
): Promise<Fed> => {
  const { storeWindow: window, users } = stage.plan;
  const fed = await stage.run<Fed>('feeder.js', { url: nats.url, window, users, ...options });
  const { accepted, otherwise, unanswered } = fed;
  if (unanswered === 0) return fed;
  const answers = JSON.stringify({ 202: accepted, ...otherwise });
  throw new Error(`${unanswered} store lines were never answered; the others: ${answers}`);
};

async function engineRun(stage: Stage, nats: NatsServer): Promise<Side> {
  const folder = stage.folder('engine');
  const engine = await serveEngine(stage, folder, nats.url);
  const { pid } = engine;
  return measured(stage, nats, { folder, pid, where: 'stores, engine', stop: () => engine.stop() });
}

async function bareRun(stage: Stage, nats: NatsServer, shape: Shape): Promise<Side> {
  const folder = stage.folder('bare');
  const options = { url: nats.url, folder: storeFolder(folder), users: stage.plan.users, shape };
  const child = stage.track(startProgram('bare.js', options, join(folder, 'bare.log')));
  await waitFor('bare loop', async () => child.tail().includes('serving'), 10_000, child);
  const { pid } = child;
  return measured(stage, nats, {
    folder,
    pid,
    where: 'stores, bare loop',
    stop: () => child.stop(),
  });
}

interface Run {
  readonly folder: string;
  readonly pid: number;
  readonly where: string;
  readonly stop: () => Promise<void>;
}

async function measured(stage: Stage, nats: NatsServer, run: Run): Promise<Side> {
  const { warmMessages: warm, storeMessages: messages } = stage.plan;
  const beforeUs = mainThreadUs(run.pid);
  const fed = await feed(stage, nats, { warm, messages, name: 'stores' });
  const mainUs = (mainThreadUs(run.pid) - beforeUs) / (warm + messages);
  await run.stop();
  const contents = await readContents(storeFolder(run.folder));
  stage.clear(run.folder);
  const stored = messagesIn(contents);
  const { accepted } = fed;
  const unsure = warm + messages - accepted;
  return {
    perSecond: fed.perSecond,
    mainUs,
    octetsPerMessage: contents.octets / stored,
    rowsPerMessage: contents.rows / stored,
    lost: imbalance({ where: run.where, accepted, unsure, stored }),
  };
}
