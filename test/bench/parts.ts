// A process that measures what storing one message costs in CPU, without bus and disk: the bare loop, the engine, and,
// each alone, the parts the bare loop does not have. What is left over is deciding itself: quotas, rows, notices.
import { PerformanceObserver } from 'node:perf_hooks';
import { createAnswerMemory } from '../../adapters/nats/answers.js';
import { answerLine, parseRequest, type RequestPayload } from '../../adapters/nats/index.js';
import { createMergedMemory } from '../../adapters/nats/merged.js';
import { schemaFindings } from '../../adapters/nats/schemas.js';
import { readMessage } from '../../adapters/sip/index.js';
import {
  compilePolicy,
  type IncomingMessage,
  type Message,
  type Policy,
  shippedPolicy,
} from '../../machines/index.js';
import { type ActorRow, begin } from '../../runtime/index.js';
import { dedupDigest, digestOf } from '../../runtime/keys.js';
import { bareSide, engineSide, linesOf, measureSide, type Side } from './loopback.js';
import { type Shape, shapeOf } from './shape.js';
import { givenOptions, tellResult, tellStep } from './stage.js';

export interface PartsOptions {
  readonly messages: number;
  readonly window: number;
  readonly users: number;
  readonly runs: number;
}

/** CPU microseconds for each message, one value for each run. */
export type Parts = Readonly<Record<PartName, readonly number[]>>;

export type PartName =
  | 'bare'
  | 'engine'
  | 'garbage'
  | 'line'
  | 'schema'
  | 'sip'
  | 'digests'
  | 'step'
  | 'json'
  | 'memory'
  | 'answer';

const options = givenOptions<PartsOptions>();

function activePolicy(): Policy {
  const compiled = compilePolicy(shippedPolicy('delete-and-report'));
  if (!compiled.ok) throw new Error(compiled.findings[0]?.message ?? 'no policy');
  return compiled.policy;
}

/** What the parts are tried on: messages that differ, and the rows the engine makes of one. */
interface Samples {
  readonly lines: readonly Uint8Array[];
  readonly requests: readonly RequestPayload[];
  readonly messages: readonly IncomingMessage[];
  readonly vias: readonly string[];
  readonly rows: readonly object[];
  readonly message: Message;
}

function samplesOf({ fresh, again }: Shape): Samples {
  const lines = linesOf(0, options.window, options.users);
  const requests = lines.map((line) => {
    const parsed = parseRequest(line);
    if (!parsed.ok) throw new Error(parsed.finding.message);
    return parsed.value;
  });
  const read = requests.map(({ octets, line }) => {
    const one = readMessage(octets, line.asserted);
    if (!one.ok) throw new Error(one.code);
    return one;
  });
  const rows = [...fresh, ...again].flatMap(({ letter, payload }) =>
    letter === 'b' ? [] : [JSON.parse(Buffer.from(payload, 'base64').toString()) as object],
  );
  const actor = rows.find((row) => 'actor' in row) as ActorRow;
  const { message } = (actor.actor.snapshot as { context: { message: Message } }).context;
  const [messages, vias] = [read.map((one) => one.message), read.map(({ via }) => via)];
  return { lines, requests, messages, vias, rows, message };
}

type Part = (at: number, round: number) => unknown;

function partsOf(samples: Samples): Readonly<Record<string, Part>> {
  const { lines, requests, messages, vias, rows, message } = samples;
  const policy = activePolicy();
  const nowMs = Date.now();
  const [answers, merged] = [createAnswerMemory(Date.now), createMergedMemory(Date.now)];
  return {
    line: (at) => parseRequest(lines[at]!),
    schema: (at) => schemaFindings('request', requests[at]!.line),
    sip: (at) => readMessage(requests[at]!.octets, requests[at]!.line.asserted),
    digests: (at) => {
      const { callId, cseq, fromTag, aor, octets, bodyOffset } = messages[at]!;
      dedupDigest(['sip', callId, String(cseq), fromTag, aor]);
      return digestOf(octets.subarray(bodyOffset), 26);
    },
    step: () => begin(policy, message, nowMs),
    json: () => rows.map((row) => JSON.stringify(row).length),
    memory: (at, round) => {
      const line = { ...requests[at]!.line, label: round };
      const { aor, callId, fromTag } = messages[at]!;
      const held = answers.see(line);
      merged.isMerged(line, { aor, callId, cseq: round, fromTag }, vias[at]!);
      const promised = { deferredId: `${round}@store.example.org`, again: false };
      answers.settle(held, { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised });
      answers.sent(held);
    },
    answer: (at) => {
      const { node, index, label } = requests[at]!.line;
      const said = { code: 202, retryAfterSeconds: null, reason: 'Accepted', headers: null };
      return answerLine.format({ node, index, label, ...said });
    },
  };
}

let rounds = 0;

/** Mean CPU microseconds of one call. */
function measurePart(part: Part): number {
  const before = process.cpuUsage();
  for (let count = 0; count < options.messages; count += 1) {
    rounds += 1;
    part(rounds % options.window, rounds);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / options.messages;
}

async function measureWhole(side: Side): Promise<number> {
  const us = await measureSide(side, options);
  await side.stop();
  return us;
}

/** The rows the engine writes for each message, learned as the benchmark of stores learns them. */
async function learnShape(): Promise<Shape> {
  const messages = options.users * 3;
  const side = await engineSide(true);
  await measureSide(side, { ...options, messages });
  await side.stop();
  return shapeOf(side.contents(), messages);
}

const shape = await learnShape();
const parts = partsOf(samplesOf(shape));
let pausedMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pausedMs += duration;
}).observe({ entryTypes: ['gc'] });

async function measureEngine(): Promise<{ engine: number; garbage: number }> {
  const beforeMs = pausedMs;
  const engine = await measureWhole(await engineSide(false));
  // What the observer has to tell comes in a turn of its own.
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { engine, garbage: ((pausedMs - beforeMs) * 1000) / options.messages };
}

const taken: Record<string, number>[] = [];
// The first round only warms up.
for (let run = 0; run <= options.runs; run += 1) {
  const round: Record<string, number> = {
    bare: await measureWhole(bareSide(options.users, shape)),
    ...(await measureEngine()),
  };
  for (const [name, part] of Object.entries(parts)) round[name] = measurePart(part);
  tellStep(`round ${run} of ${options.runs}`);
  if (run > 0) taken.push(round);
}
const names = Object.keys(taken[0] ?? {});
tellResult(Object.fromEntries(names.map((name) => [name, taken.map((round) => round[name]!)])));
