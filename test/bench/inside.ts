// What the engine computes for a message, measured in one process without bus and disk. No aims: these figures say where
// the time of the others goes.
import { type Findings, figure } from './figures.js';
import type { Stage } from './stage.js';
import type { Stepped } from './steps.js';

/** Runs the benchmark. */
export async function inside(stage: Stage): Promise<Findings> {
  const { steps, runs } = stage.plan;
  stage.say('inside: codec, steps, chart');
  const done = await stage.run<Stepped>('steps.js', { steps, runs });
  return {
    title: 'Inside the engine',
    figures: [
      figure('reading a SIP MESSAGE', 'µs', done.readUs),
      figure('first step of a message', 'µs', done.beginUs),
      figure('step of a stored message', 'µs', done.stepUs),
      figure('the same, from its row as JSON and back', 'µs', done.rowStepUs),
      figure('laying out and drawing a chart', 'ms', done.chartMs),
    ],
    notes: [`policy delete-and-report; means of ${steps} calls in each run`],
    lost: [],
  };
}
