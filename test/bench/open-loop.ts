// Open loop through Kamailio: messages come at a fixed rate whatever happens, and the question is how late the slowest
// hundredth of the senders hears 202, and whether anybody is refused.
import { messagesIn, readContents } from './contents.js';
import { storeFolder } from './engine.js';
import { type Findings, figure, imbalance, shown } from './figures.js';
import { startChain } from './proxy.js';
import type { Sent } from './sender.js';
import type { Stage } from './stage.js';

interface Run extends Sent {
  readonly lost: readonly string[];
  readonly refused: number;
}

/** Runs the benchmark. */
export async function openLoop(stage: Stage): Promise<Findings> {
  const { openRatePerSecond: rate, openSeconds, runs, users } = stage.plan;
  const done: Run[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const one = await oneRun(stage);
    done.push(one);
    stage.say(
      `open-loop: run ${run} of ${runs}: p99 ${shown(one.p99Ms)} ms, ${one.refused} refused or unanswered`,
    );
  }
  const of = (what: (run: Run) => number) => done.map(what);
  return {
    title: 'Open loop through Kamailio',
    figures: [
      figure(
        `202 at ${shown(rate)}/s, p99`,
        'ms',
        of((run) => run.p99Ms),
        { atMost: 50 },
      ),
      figure(
        'refused or unanswered',
        'messages',
        of((run) => run.refused),
        { atMost: 0 },
      ),
      figure(
        '202, median',
        'ms',
        of((run) => run.p50Ms),
      ),
      figure(
        '202, slowest',
        'ms',
        of((run) => run.maxMs),
      ),
      figure(
        'retransmissions',
        'requests',
        of((run) => run.retransmissions),
      ),
      figure(
        'the sender behind its own plan, p99',
        'ms',
        of((run) => run.behindP99Ms),
      ),
    ],
    notes: [
      `${shown(rate)} messages a second for ${openSeconds} s to ${users} offline users, after ${stage.plan.warmMessages} to warm up`,
      'the sender is a Node.js process of its own; latency counts from the planned instant of each message to its final answer',
    ],
    lost: done.flatMap(({ lost }) => lost),
  };
}

async function oneRun(stage: Stage): Promise<Run> {
  const { openRatePerSecond: ratePerSecond, openSeconds, users, warmMessages } = stage.plan;
  const chain = await startChain(stage);
  const common = { port: chain.kamailio.port, ratePerSecond, users };
  const warm = await stage.run<Sent>('sender.js', {
    ...common,
    messages: warmMessages,
    name: 'warm',
  });
  const messages = ratePerSecond * openSeconds;
  const main = await stage.run<Sent>('sender.js', { ...common, messages, name: 'open' });
  await chain.stop();
  const stored = messagesIn(await readContents(storeFolder(chain.folder)));
  stage.clear(chain.folder);
  const accepted = warm.accepted + main.accepted;
  const unsure = warmMessages + messages - accepted;
  const lost = imbalance({ where: 'open-loop', accepted, unsure, stored });
  return { ...main, refused: messages - main.accepted, lost };
}
