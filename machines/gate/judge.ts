// The gate: a policy goes through its release checks before any message lives under it. It builds on what compilePolicy
// checks (schema, names, shape) and explores the built policy with the engine's own step. Never throws on a policy.
import { type Compiled, compilePolicy, type Policy } from '../compile.js';
import { findingOf, type PolicyFinding } from '../findings.js';
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
import { type Exploration, explore, gateBounds } from './explorer.js';
import { type Monitor, watched } from './monitor.js';

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
export function judgePolicy(
  source: unknown,
  stepper: Stepper,
  compile: (source: unknown) => Compiled = compilePolicy,
): Judgement {
  const compiled = compile(source);
  if (!compiled.ok) return { ok: false, findings: compiled.findings, policy: null, known: null };
  const { policy } = compiled;
  const exploration = explore(policy, stepper);
  if (!exploration.complete) {
    const findings = [...compiled.warnings, tooMany(exploration)];
    return { ok: false, findings, policy, known: null };
  }
  const { tailMs, findings: lifetime } = lifetimeOf(exploration);
  const all = [...compiled.warnings, ...checks(exploration), ...lifetime].sort(gravest);
  const known = {
    exploration,
    behaviour: behaviourOf(exploration, tailMs),
    overlaps: overlapsIn(policy.graph),
    matrix: matrixOf(exploration),
  };
  return { ok: all.every((one) => one.severity !== 'error'), findings: all, policy, known };
}

function checks(at: Exploration): readonly PolicyFinding[] {
  return [
    ...unusedDelays(at),
    ...neverEntered(at),
    ...noWayOut(at),
    ...hotLoops(at),
    ...shortDelays(at),
    ...failures(at),
    ...hiddenTransitions(at),
    ...openGuards(at),
    ...ignoredAnswers(at),
    ...ignoredSuccesses(at),
    ...objectionsOf(at, reportMonitor(at)),
    ...objectionsOf(at, deliveryMonitor(at)),
    ...idleSetting(at),
    ...ignoredDeletions(at),
    ...deafStates(at),
    ...doubledCommands(at),
    ...lostDelays(at),
    ...impatientPushes(at),
  ];
}

function objectionsOf<S>(at: Exploration, monitor: Monitor<S>): readonly PolicyFinding[] {
  const found: PolicyFinding[] = [];
  watched(at, monitor, ({ code, pointer, message }, path) =>
    found.push(findingOf(code, pointer, message, path)),
  );
  return found;
}

function tooMany({ situations }: Exploration): PolicyFinding {
  const message = `After ${situations.length} situations the search was ended; there may be ${gateBounds.situationsMax}, and only so many delays and regions side by side.`;
  return findingOf('too-many-situations', '/machine', message);
}

// RC1 before RC2; errors before warnings. The sort is stable.
const gravest = (a: PolicyFinding, b: PolicyFinding): number =>
  rank(a) - rank(b) || Number(a.check.slice(2)) - Number(b.check.slice(2));

const rank = (one: PolicyFinding): number => (one.severity === 'error' ? 0 : 1);
