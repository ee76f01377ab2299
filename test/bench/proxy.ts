// Durable 202/s through Kamailio with SIPp: the whole way, the same Kamailio without storing, and Kamailio with msilo,
// in turn, each run with fresh processes on a fresh store.
import { type Kamailio, startKamailio } from '../../adapters/cli/stage/kamailio.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { messagesIn, readContents } from './contents.js';
import { type EngineProcess, serveEngine, storeFolder } from './engine.js';
import { type Findings, figure, imbalance, ratios, shown } from './figures.js';
import { countMsilo, startMsilo } from './msilo.js';
import { runSipp, type Sipped } from './sipp.js';
import type { Stage } from './stage.js';
import { accounts, domain, node, sharedMemoryMib } from './wire.js';

/** One run of one side. */
interface Run {
  readonly perSecond: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly lost: readonly string[];
}

/** NATS, engine and Kamailio, ready to store; `folder` holds the engine's store. */
export interface Chain {
  readonly nats: NatsServer;
  readonly engine: EngineProcess;
  readonly kamailio: Kamailio;
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts the whole chain. */
export async function startChain(stage: Stage): Promise<Chain> {
  const folder = stage.folder('chain');
  const nats = stage.track(await startNats());
  const engine = await serveEngine(stage, folder, nats.url);
  const kamailio = await proxyOn(stage, nats, false);
  await kamailio.storeReady();
  const stop = async () => {
    await kamailio.stop();
    await engine.stop();
    await nats.stop();
  };
  return { nats, engine, kamailio, folder, stop };
}

const proxyOn = async (stage: Stage, nats: NatsServer, noStore: boolean): Promise<Kamailio> =>
  stage.track(
    await startKamailio({
      ...{ natsUrl: nats.url, users: accounts(stage.plan.users), node, domain, noStore },
      trustLoopback: true,
      sharedMemoryMib,
    }),
  );

/** Runs the benchmark. */
export async function proxy(stage: Stage): Promise<Findings> {
  const sides = { nothing: [] as Run[], msilo: [] as Run[], ours: [] as Run[] };
  const { plan } = stage;
  for (let run = 1; run <= plan.runs; run += 1) {
    sides.nothing.push(await withoutStore(stage));
    sides.msilo.push(await withMsilo(stage));
    sides.ours.push(await withEngine(stage));
    const said = Object.values(sides).map((side) => shown(side.at(-1)!.perSecond));
    stage.say(
      `proxy: round ${run} of ${plan.runs}: no store ${said[0]}/s, msilo ${said[1]}/s, deferred-im ${said[2]}/s`,
    );
  }
  const rate = (side: readonly Run[]) => side.map(({ perSecond }) => perSecond);
  const [nothing, msilo, ours] = [rate(sides.nothing), rate(sides.msilo), rate(sides.ours)];
  return {
    title: 'Durable 202 through Kamailio, SIPp in a closed loop',
    figures: [
      figure('deferred-im, durable 202', '/s', ours),
      figure('same Kamailio, 202 without storing', '/s', nothing),
      figure('Kamailio with msilo, SQLite WAL, 1 worker', '/s', msilo),
      figure('deferred-im / no store', 'ratio', ratios(ours, nothing), { atLeast: 0.35 }),
      figure('deferred-im / msilo', 'ratio', ratios(ours, msilo), { atLeast: 1.1 }),
    ],
    notes: [
      `${plan.proxyMessages} messages of 200 characters after ${plan.warmMessages} to warm up, ${plan.proxyWindow} outstanding, ${plan.users} offline users`,
      `Kamailio with ${sharedMemoryMib} MiB of shared memory: proxy.cfg with \`trustLoopback\`, 2 UDP workers; msilo: same steps, 1 UDP worker, synchronous=FULL (SQLite default)`,
      ...Object.entries(sides).flatMap(([name, side]) => troubles(name, side)),
    ],
    lost: Object.values(sides).flatMap((side) => side.flatMap(({ lost }) => lost)),
  };
}

function troubles(name: string, side: readonly Run[]): string[] {
  const sum = (what: (run: Run) => number) => side.reduce((all, run) => all + what(run), 0);
  const [failed, again] = [sum((run) => run.failed), sum((run) => run.retransmissions)];
  if (failed + again === 0) return [];
  return [`${name}: ${failed} not answered 202, ${again} retransmissions in ${side.length} runs`];
}

async function withoutStore(stage: Stage): Promise<Run> {
  const nats = stage.track(await startNats());
  const kamailio = await proxyOn(stage, nats, true);
  const { accepted: _, ...sipped } = await load(stage, kamailio.port);
  await kamailio.stop();
  await nats.stop();
  return { ...sipped, lost: [] };
}

async function withMsilo(stage: Stage): Promise<Run> {
  const folder = stage.folder('msilo');
  const kamailio = await startMsilo(stage, folder);
  const sipped = await load(stage, kamailio.port);
  await kamailio.stop();
  return finish('proxy, msilo', sipped, await countMsilo(stage, folder));
}

async function withEngine(stage: Stage): Promise<Run> {
  const chain = await startChain(stage);
  const sipped = await load(stage, chain.kamailio.port);
  await chain.stop();
  const stored = messagesIn(await readContents(storeFolder(chain.folder)));
  stage.clear(chain.folder);
  return finish('proxy, deferred-im', sipped, stored);
}

function finish(where: string, sipped: Load, stored: number): Run {
  const { accepted, failed, perSecond, retransmissions } = sipped;
  const lost = imbalance({ where, accepted, unsure: failed, stored });
  return { perSecond, failed, retransmissions, lost };
}

type Load = Omit<Sipped, 'errors'>;

// Warm-up and measurement are two runs of SIPp; all that was answered counts, the speed is that of the second.
async function load(stage: Stage, port: number): Promise<Load> {
  const { warmMessages, proxyMessages, proxyWindow: outstanding, users } = stage.plan;
  const warm = await runSipp(stage, { port, calls: warmMessages, outstanding, users });
  const main = await runSipp(stage, { port, calls: proxyMessages, outstanding, users });
  for (const { errors } of [warm, main]) if (errors !== '') stage.say(`  sipp: ${errors}`);
  // A speed among refusals would be no speed of storing.
  if (main.failed > main.accepted) throw new Error(`SIPp: only ${main.accepted} answered 202`);
  return {
    accepted: warm.accepted + main.accepted,
    failed: warm.failed + main.failed,
    retransmissions: warm.retransmissions + main.retransmissions,
    perSecond: main.perSecond,
  };
}
