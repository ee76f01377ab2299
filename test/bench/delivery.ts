// A delivery run: many users come online at once, and all that waited for them is sent through Kamailio to phones that
// answer 200. Measures the speed, and holds messages received and messages left against what was stored.
import { messagesIn, readContents, waitingIn } from './contents.js';
import { metricBecomes, storeFolder } from './engine.js';
import { type Findings, figure, imbalance, shown } from './figures.js';
import type { Phoned } from './phones.js';
import { startChain } from './proxy.js';
import type { Sent } from './sender.js';
import type { Stage } from './stage.js';

interface Run {
  readonly perSecond: number;
  readonly wholeMs: number;
  readonly duplicates: number;
  readonly lost: readonly string[];
}

/** Runs the benchmark. */
export async function delivery(stage: Stage): Promise<Findings> {
  const { runs, deliveryMessages, deliveryUsers } = stage.plan;
  const done: Run[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const one = await oneRun(stage);
    done.push(one);
    stage.say(`delivery: run ${run} of ${runs}: ${shown(one.perSecond)}/s`);
  }
  return {
    title: 'Delivery run',
    figures: [
      figure(
        'delivered, first to last message',
        '/s',
        done.map((run) => run.perSecond),
      ),
      figure(
        'first REGISTER to last message',
        'ms',
        done.map((run) => run.wholeMs),
      ),
      figure(
        'received twice',
        'messages',
        done.map((run) => run.duplicates),
      ),
    ],
    notes: [
      `${shown(deliveryMessages)} messages for ${shown(deliveryUsers)} users who register at once with digest; their phones answer 200 at once`,
    ],
    lost: done.flatMap(({ lost }) => lost),
  };
}

async function oneRun(stage: Stage): Promise<Run> {
  const { deliveryMessages: messages, deliveryUsers: users } = stage.plan;
  const chain = await startChain(stage);
  const { port } = chain.kamailio;
  const options = { port, ratePerSecond: 1000, messages, users, name: 'deliver' };
  const sent = await stage.run<Sent>('sender.js', options);
  const phoned = await stage.run<Phoned>('phones.js', { port, users, messages: sent.accepted });
  const settled = await metricBecomes(chain.engine, 'waiting_messages', 0, 20_000);
  await chain.stop();
  const contents = await readContents(storeFolder(chain.folder));
  stage.clear(chain.folder);
  const unsure = messages - sent.accepted;
  const stored = messagesIn(contents);
  const lost = [...imbalance({ where: 'delivery', accepted: sent.accepted, unsure, stored })];
  if (!settled || phoned.received < sent.accepted)
    lost.push(
      `delivery: ${sent.accepted} stored, ${phoned.received} received, ${waitingIn(contents)} still waiting`,
    );
  const perSecond = (phoned.received * 1000) / phoned.runMs;
  return { perSecond, wholeMs: phoned.wholeMs, duplicates: phoned.duplicates, lost };
}
