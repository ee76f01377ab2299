// A process that measures what the engine computes, without bus and disk: the first step of a message, a step of a
// stored one, one drawn from its row as JSON and put back, and the layout of a chart.
import { drawSvg } from '../../adapters/chart/index.js';
import { readMessage } from '../../adapters/sip/index.js';
import {
  compilePolicy,
  graphOf,
  type Message,
  type Policy,
  shippedPolicy,
} from '../../machines/index.js';
import { type ActorRow, begin, step } from '../../runtime/index.js';
import { givenOptions, tellResult } from './stage.js';
import { messageText } from './wire.js';

export interface StepsOptions {
  readonly steps: number;
  readonly runs: number;
}

/** Microseconds and milliseconds, one value for each run. */
export interface Stepped {
  readonly readUs: readonly number[];
  readonly beginUs: readonly number[];
  readonly stepUs: readonly number[];
  readonly rowStepUs: readonly number[];
  readonly chartMs: readonly number[];
}

const options = givenOptions<StepsOptions>();

function activePolicy(): Policy {
  const compiled = compilePolicy(shippedPolicy('delete-and-report'));
  if (!compiled.ok) throw new Error(compiled.findings[0]?.message ?? 'no policy');
  return compiled.policy;
}

const policy = activePolicy();
const octets = Buffer.from(messageText({ recipient: 1, id: 'steps', port: 5080 }), 'latin1');
const nowMs = Date.now();

function readOne() {
  const read = readMessage(octets, 'sip:alice@example.org');
  if (!read.ok) throw new Error(read.code);
  return read.message;
}

function factsOf(): Message {
  const incoming = readOne();
  const { aor, asserted, fromUri, toUri, callId, contentType, bodyOffset } = incoming;
  return {
    ...{ aor, asserted, fromUri, toUri, callId, contentType, bodyOffset },
    deferredId: '00abcdefghijklmnopqrstuvwxyz@store.example.org',
    octets: octets.length,
    receivedAtMs: nowMs,
    dateMs: null,
    expiresSeconds: null,
    expiresAtMs: nowMs + 86_400_000,
    outlivesAtMs: nowMs + 2 * 86_400_000,
    cpim: null,
    reportException: null,
  };
}

const message = factsOf();
const stored = begin(policy, message, nowMs);
const row = Buffer.from(JSON.stringify({ actor: stored.state }));
const online = { type: 'recipient.registered' } as const;

/** Mean microseconds of one call, one value for each run; the first round only warms up. */
function measured(call: () => unknown): number[] {
  const runs: number[] = [];
  for (let run = 0; run <= options.runs; run += 1) {
    const begunMs = performance.now();
    for (let count = 0; count < options.steps; count += 1) call();
    if (run > 0) runs.push(((performance.now() - begunMs) * 1000) / options.steps);
  }
  return runs;
}

function rowStep(): Buffer {
  const { actor } = JSON.parse(row.toString()) as Pick<ActorRow, 'actor'>;
  return Buffer.from(JSON.stringify({ actor: step(policy, actor, online, nowMs).state }));
}

async function chartTimes(): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run <= options.runs; run += 1) {
    // A new graph each time: a known one would not be laid out again.
    const graph = graphOf(policy.file.machine);
    const begunMs = performance.now();
    await drawSvg(graph);
    if (run > 0) times.push(performance.now() - begunMs);
  }
  return times;
}

const result: Stepped = {
  readUs: measured(readOne),
  beginUs: measured(() => begin(policy, message, nowMs)),
  stepUs: measured(() => step(policy, stored.state, online, nowMs)),
  rowStepUs: measured(rowStep),
  chartMs: await chartTimes(),
};
tellResult(result);
