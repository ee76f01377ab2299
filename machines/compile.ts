// From a policy file to a checked machine, or to the findings that speak against it. A hostile file costs little:
// size, depth and forbidden names are looked at before anything else (reliability F1-F4, R22, J1-J5).
import { createRequire } from 'node:module';
import { type AnyStateMachine, createMachine } from 'xstate';
import { checkPolicy } from './check.js';
import { type FindingCode, findingOf, type PolicyFinding } from './findings.js';
import { type Graph, graphOf } from './graph.js';
import { type MessageContext, patienceMs } from './message.js';
import { builtInVocabulary, type Vocabulary } from './own-vocabulary.js';
import { canonicalJson, type PolicyFile, policyHash } from './policy.js';
import { durationMs, type PolicySettings, withDefaults } from './settings.js';
import { schemaChecker } from './validate.js';

/** Bounds of a policy file, each with its reason in docs/reference/limits.md. */
export const policyBounds = {
  /** Octets of the canonical form. */
  octetsMax: 65_536,
  /** Levels of nesting of the JSON itself; a machine nests two for each level of states. */
  depthMax: 32,
  statesMax: 256,
  microstepsMax: 64,
} as const;

/** Patience with an attempt; the step knows that a large message takes longer. */
export const answerTimeoutMs = patienceMs.page;

/** The least time an ended message is remembered, so that a repeated submission still finds it. */
export const retentionMinMs = 7 * 86_400_000;

/** A policy that may be used: checked, built, and named by its content. */
export interface Policy {
  readonly hash: string;
  readonly file: PolicyFile;
  readonly settings: PolicySettings;
  readonly graph: Graph;
  readonly machine: AnyStateMachine;
  /** Milliseconds of the delays declared in the settings, by name. */
  readonly delaysMs: Readonly<Record<string, number>>;
}

export type Compiled =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly PolicyFinding[] }
  | { readonly ok: false; readonly findings: readonly PolicyFinding[] };

const require = createRequire(import.meta.url);

/** The published JSON Schema of a policy file. */
export const policySchema = require('./schemas/policy.schema.json') as object;
const checkSchema = schemaChecker(policySchema);

/** Builds a policy from parsed JSON. Never throws; refuses with findings. */
export function compilePolicy(
  source: unknown,
  vocabulary: Vocabulary = builtInVocabulary,
): Compiled {
  const shape = checkShape(source, '', 0);
  if (shape !== null) return { ok: false, findings: [shape] };
  const canonical = canonicalJson(source);
  if (Buffer.byteLength(canonical) > policyBounds.octetsMax) {
    return refuse('too-large', '', `A policy has at most ${policyBounds.octetsMax} octets.`);
  }
  const schema = checkSchema(source);
  if (!schema.ok) {
    return {
      ok: false,
      findings: schema.findings.map((one) => finding('schema', one.pointer, one.message)),
    };
  }
  return build(JSON.parse(canonical) as PolicyFile, policyHash(canonical), vocabulary);
}

function build(file: PolicyFile, hash: string, vocabulary: Vocabulary): Compiled {
  const states = countStates(file.machine);
  if (states > policyBounds.statesMax) {
    return refuse(
      'too-many-states',
      '/machine/states',
      `At most ${policyBounds.statesMax} states; here are ${states}.`,
    );
  }
  const findings = checkPolicy(file, vocabulary);
  if (findings.some((one) => one.severity === 'error')) return { ok: false, findings };
  try {
    return { ok: true, policy: assemble(file, hash, vocabulary), warnings: findings };
  } catch (cause) {
    // What XState itself refuses; our own checks should have seen it first.
    return refuse('machine', '/machine', cause instanceof Error ? cause.message : String(cause));
  }
}

function assemble(file: PolicyFile, hash: string, vocabulary: Vocabulary): Policy {
  const settings = withDefaults(file.settings);
  const delaysMs = Object.fromEntries(
    Object.entries(settings.delays).map(([name, duration]) => [name, durationMs(duration)]),
  );
  const config = {
    ...file.machine,
    context: ({ input }: { input: unknown }) => input as MessageContext,
    options: { maxIterations: policyBounds.microstepsMax },
  };
  // The due time of `expiry` is absolute and comes from the record; XState only needs some number here.
  const delays = { ...delaysMs, expiry: 1, answerTimeout: answerTimeoutMs };
  const machine = createMachine(
    config as never,
    { guards: vocabulary.guardCode, actions: vocabulary.actionCode, delays } as never,
  ) as AnyStateMachine;
  return { hash, file, settings, graph: graphOf(file.machine), machine, delaysMs };
}

/** The context a message begins with. */
export function initialContext(message: MessageContext['message']): MessageContext {
  return {
    message,
    attempts: 0,
    reportAttempts: 0,
    reported: false,
    expired: false,
    ending: null,
    acknowledged: true,
  };
}

const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

// Depth and names are looked at by hand, before any code that could recurse without bound.
function checkShape(value: unknown, pointer: string, depth: number): PolicyFinding | null {
  if (!isJson(value)) return finding('not-json', pointer, 'A policy is JSON, and nothing else.');
  if (value === null || typeof value !== 'object') return null;
  if (depth >= policyBounds.depthMax) {
    return finding('too-deep', pointer, `JSON nests at most ${policyBounds.depthMax} levels.`);
  }
  for (const [key, item] of Object.entries(value)) {
    if (forbidden.has(key))
      return finding('forbidden-name', `${pointer}/${key}`, `"${key}" is not a name.`);
    if (typeof item === 'string' && item.startsWith('xstate.')) {
      return finding(
        'forbidden-name',
        `${pointer}/${key}`,
        'Names beginning with "xstate." are XState\'s own.',
      );
    }
    const inner = checkShape(item, `${pointer}/${key}`, depth + 1);
    if (inner !== null) return inner;
  }
  return null;
}

// A program may hand over anything: what JSON cannot hold would not survive its canonical form.
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return ['string', 'boolean', 'object'].includes(typeof value);
}

function countStates(
  state: PolicyFile['machine'] | NonNullable<PolicyFile['machine']['states']>[string],
): number {
  return Object.values(state.states ?? {}).reduce((sum, child) => sum + 1 + countStates(child), 0);
}

const finding = (code: FindingCode, pointer: string, message: string): PolicyFinding =>
  findingOf(code, pointer, message);

function refuse(code: FindingCode, pointer: string, message: string): Compiled {
  return { ok: false, findings: [finding(code, pointer, message)] };
}
