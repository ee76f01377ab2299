// Memory and restart with many messages waiting: the engine is filled over NATS and looked at, ended by kill -9 and
// started again several times: when do the first and the last partition serve, and how much memory does it take then.
import { startNats } from '../../adapters/cli/stage/nats-server.js';
import { type Contents, readContents, waitingIn } from './contents.js';
import { bootEngine, type Memory, serveEngine, storeFolder } from './engine.js';
import { type Findings, figure, imbalance, shown } from './figures.js';
import { pause, type Stage } from './stage.js';
import { feed } from './stores.js';

const mib = 2 ** 20;

/** Time for caches to settle and for the collector to run on its own; nothing is forced. */
const settleMs = 5000;

interface Boot {
  readonly firstMs: number;
  readonly allMs: number;
  readonly memory: Memory;
}

/** Runs the benchmark. */
export async function memory(stage: Stage): Promise<Findings> {
  const folder = stage.folder('memory');
  const nats = stage.track(await startNats());
  const { waitingMessages } = stage.plan;
  stage.say(`memory: filling with ${shown(waitingMessages)} messages over NATS`);
  const engine = await serveEngine(stage, folder, nats.url);
  const fed = await feed(stage, nats, { warm: 0, messages: waitingMessages, name: 'memory' });
  await pause(settleMs);
  const filled = engine.memory();
  stage.say(
    `memory: after filling ${shown(filled.rss / mib)} MiB, ${shown(filled.anonymous / mib)} MiB anonymous`,
  );
  engine.kill('SIGKILL');
  await engine.stop();
  const boots = await restarts(stage, folder, nats.url);
  await nats.stop();
  const contents = await readContents(storeFolder(folder));
  stage.clear(folder);
  const stored = waitingIn(contents);
  const { accepted } = fed;
  const unsure = waitingMessages - accepted;
  return {
    title: `Memory and restart with ${shown(stored)} messages waiting`,
    figures: figuresOf(filled, boots, contents),
    notes: [
      `${shown(waitingMessages)} messages of 200 characters to ${shown(stage.plan.users)} users; ${shown(contents.rows)} rows, ${shown(contents.octets / mib)} MiB`,
      `memory as the kernel counts it ${settleMs / 1000} s after the last message or after the start; RSS includes LevelDB's mapped tables, RssAnon does not; MB = 1,000,000 octets`,
      'each restart follows a kill -9; times count from the start of the process; integrity of every row is checked before it serves',
    ],
    lost: imbalance({ where: 'memory', accepted, unsure, stored }),
  };
}

function figuresOf(filled: Memory, boots: readonly Boot[], contents: Contents) {
  const mb = (octets: number): number => octets / 1e6;
  const of = (what: (boot: Boot) => number) => boots.map(what);
  const perSecond = ({ firstMs, allMs }: Boot) => (contents.rows * 1000) / (allMs - firstMs);
  return [
    figure('RSS after filling', 'MB', [mb(filled.rss)], { atMost: 200 }),
    figure('RssAnon after filling', 'MB', [mb(filled.anonymous)]),
    figure(
      'RSS after restart',
      'MB',
      of(({ memory: one }) => mb(one.rss)),
      { atMost: 200 },
    ),
    figure(
      'RssAnon after restart',
      'MB',
      of(({ memory: one }) => mb(one.anonymous)),
    ),
    figure(
      'restart: all partitions admit',
      's',
      of((boot) => boot.allMs / 1000),
      { atMost: 3 },
    ),
    figure(
      'restart: first partitions admit',
      's',
      of((boot) => boot.firstMs / 1000),
    ),
    figure('boot scan', 'rows/s', of(perSecond)),
  ];
}

async function restarts(stage: Stage, folder: string, natsUrl: string): Promise<Boot[]> {
  const boots: Boot[] = [];
  for (let run = 1; run <= stage.plan.runs; run += 1) {
    const { engine, times } = await bootEngine(stage, folder, natsUrl);
    await pause(settleMs);
    boots.push({ ...times, memory: engine.memory() });
    engine.kill('SIGKILL');
    await engine.stop();
    const { firstMs, allMs } = times;
    stage.say(
      `memory: restart ${run} of ${stage.plan.runs}: first ${shown(firstMs / 1000)} s, all ${shown(allMs / 1000)} s`,
    );
  }
  return boots;
}
