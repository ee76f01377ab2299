// The gate: a policy goes through its release checks before any message lives under it. It builds on what compilePolicy
// checks (schema, names, shape) and explores the built policy with the engine's own step. Never throws on a policy.
import { type Compiled, compilePolicy, type Policy } from '../compile.js';
import { findingOf, type PolicyFinding } from '../findings.js';
import { atOnce, type Piecemeal } from '../piecemeal.js';
import type { Stepper } from '../stepping.js';
import { type Behaviour, behaviourOf } from './behaviour.js';
import {
  deafStates,
  doubledCommands,
  type Heard,
  ignoredDeletions,
  matrixOf,
} from './checks/commands.js';
import { idleSetting, impatientPushes, lostDelays, unusedDelays } from './checks/delays.js';
import { deliveryMonitor } from './checks/deliveries.js';
import {
  hiddenTransitions,
  ignoredAnswers,
  ignoredSuccesses,
  type Overlap,
  openGuards,
  overlapsIn,
} from './checks/guards.js';
import { lifetimeOf } from './checks/lifetime.js';
import { failures, hotLoops, shortDelays } from './checks/loops.js';
import { neverEntered, noWayOut } from './checks/reach.js';
import { reportMonitor } from './checks/reports.js';
import { type Exploration, exploring, gateBounds } from './explorer.js';
import { type Fault, findingsOf } from './fault.js';
import { type Monitor, type Objection, watching } from './monitor.js';

/** A policy as the gate found it. */
export interface Judgement {
  /** True when nothing speaks against it; there may be warnings. */
  readonly ok: boolean;
  /** Errors first, then warnings, each in the order of the checks. */
  readonly findings: readonly PolicyFinding[];
  /** Null when it could not be built. */
  readonly policy: Policy | null;
  /** What is known of a policy that was explored to its end; null of any other. */
  readonly known: Known | null;
}

export interface Known {
  readonly exploration: Exploration;
  readonly behaviour: Behaviour;
  readonly overlaps: readonly Overlap[];
  readonly matrix: Readonly<Record<string, Readonly<Record<string, Heard>>>>;
}

/** Judges parsed JSON by all checks that need no second policy. */
export const judgePolicy = (
  source: unknown,
  stepper: Stepper,
  compile: (source: unknown) => Compiled = compilePolicy,
): Judgement => atOnce(judgingPolicy(source, stepper, compile));

/** The same a piece at a time. */
export function* judgingPolicy(
  source: unknown,
  stepper: Stepper,
  compile: (source: unknown) => Compiled = compilePolicy,
): Piecemeal<Judgement> {
  const compiled = compile(source);
  if (!compiled.ok) return { ok: false, findings: compiled.findings, policy: null, known: null };
  const { policy } = compiled;
  yield;
  const exploration = yield* exploring(policy, stepper);
  if (!exploration.complete) {
    const findings = [...compiled.warnings, tooMany(exploration)];
    return { ok: false, findings, policy, known: null };
  }
  const checked = yield* checking(exploration);
  const { tailMs, faults } = lifetimeOf(exploration);
  const lifetime = findingsOf(exploration, faults);
  const all = [...compiled.warnings, ...checked, ...lifetime].sort(gravest);
  const known = {
    exploration,
    behaviour: behaviourOf(exploration, tailMs),
    overlaps: overlapsIn(policy.graph),
    matrix: matrixOf(exploration),
  };
  return { ok: all.every((one) => one.severity !== 'error'), findings: all, policy, known };
}

type Found = readonly PolicyFinding[];
type Check = (at: Exploration) => Found | Piecemeal<Found>;

/** What a chart does wherever a message stands on it, whichever way it came there. */
const situationChecks: readonly ((at: Exploration) => readonly Fault[])[] = [
  ...[noWayOut, hotLoops, shortDelays, failures, ignoredAnswers],
  ...[ignoredDeletions, doubledCommands, lostDelays],
];

const told =
  (check: (at: Exploration) => readonly Fault[]): Check =>
  (at) =>
    findingsOf(at, check(at));

const checks: readonly Check[] = [
  ...[unusedDelays, neverEntered, ...[noWayOut, hotLoops, shortDelays, failures].map(told)],
  ...[hiddenTransitions, openGuards, told(ignoredAnswers), ignoredSuccesses],
  (at) => objectionsOf(at, reportMonitor(at)),
  (at) => objectionsOf(at, deliveryMonitor(at)),
  ...[idleSetting, told(ignoredDeletions), deafStates, told(doubledCommands)],
  ...[told(lostDelays), impatientPushes],
];

function* checking(at: Exploration): Piecemeal<readonly PolicyFinding[]> {
  const found: PolicyFinding[] = [];
  for (const check of checks) {
    found.push(...(yield* run(check(at))));
    yield;
  }
  return found;
}

function* run(found: Found | Piecemeal<Found>): Piecemeal<Found> {
  return 'next' in found ? yield* found : found;
}

/** Every situation that no message may come into, from another policy either; what the monitors see is not among it. */
export function* faultsIn(at: Exploration): Piecemeal<readonly Fault[]> {
  const found: Fault[] = [];
  for (const check of situationChecks) {
    for (const one of check(at)) found.push(one);
    yield;
  }
  return [...found, ...lifetimeOf(at).faults];
}

function* objectionsOf<S extends object>(at: Exploration, monitor: Monitor<S>): Piecemeal<Found> {
  const found: PolicyFinding[] = [];
  yield* watching(at, monitor, (one, path) => found.push(objectionOf(one, path)));
  return found;
}

/** What a monitor objects to, as a finding. */
export const objectionOf = (
  { code, pointer, message }: Objection,
  path: readonly string[],
): PolicyFinding => findingOf(code, pointer, message, path);

function tooMany({ situations }: Exploration): PolicyFinding {
  const message = `After ${situations.length} situations the search was ended; there may be ${gateBounds.situationsMax}, and only so many delays and regions side by side.`;
  return findingOf('too-many-situations', '/machine', message);
}

// RC1 before RC2; errors before warnings. The sort is stable.
const gravest = (a: PolicyFinding, b: PolicyFinding): number =>
  rank(a) - rank(b) || Number(a.check.slice(2)) - Number(b.check.slice(2));

const rank = (one: PolicyFinding): number => (one.severity === 'error' ? 0 : 1);
