// RC12: what becomes of messages that are moved to another policy. Every situation the older policy knows is put on the new
// chart as the engine puts it there: where it stands, what was noted, what is under way, which deadlines run; from there
// on everything the new chart can do is explored with the checks of the gate, and what was heard and sent before counts.
// Who comes to something wrong is told by going back from it: nobody else is stranded. Two searches within
// `relocationBounds`; where one of them does not end, nothing is known, nobody is stranded, and nothing may be moved.
import type { Policy } from '../compile.js';
import { findingKinds, findingOf, type PolicyFinding } from '../findings.js';
import { indexOf } from '../graph-index.js';
import type { Ending } from '../message.js';
import {
  type MigrationMap,
  type MigrationPlan,
  type Move,
  planMigration,
  takenOver,
} from '../migration.js';
import type { Piecemeal } from '../piecemeal.js';
import { activePaths, hasUncountedPlaces, restingPlaces } from '../resting.js';
import type { ArmedTimer, Step, Stepper } from '../stepping.js';
import { deliveryMonitor } from './checks/deliveries.js';
import { reportMonitor } from './checks/reports.js';
import { type Exploration, exploring, type GateBounds } from './explorer.js';
import { faultMonitor, type Joining, type Shown, shownOf } from './joining.js';
import { faultsIn } from './judge.js';
import { historyOf, type Monitor, watching } from './monitor.js';
import {
  askingIn,
  type Regard,
  type Relevance,
  relevanceIn,
  statesAhead,
  together,
} from './relevance.js';
import { instants, type Situation } from './situation.js';
import { moved } from './stimuli.js';

/** Messages that cannot live on where they would be put: of one place, all of them or those with one thing noted. */
export interface Stranded {
  readonly state: string;
  /** Absent: whatever is noted. */
  readonly ending?: Ending | null;
}

export interface MigrationJudgement {
  readonly plan: MigrationPlan;
  /** All that speaks against it, what the plan itself says first. */
  readonly findings: readonly PolicyFinding[];
  /** Who has a place to go by the plan, and was shown not to do well there. */
  readonly stranded: readonly Stranded[];
  /** False: not all was looked at, so that nothing is known; a finding says why. */
  readonly known: boolean;
}

/** Bounds of each of the two searches: what two policies tell apart multiplies, so they are wider than those of the gate. */
export const relocationBounds: GateBounds = { situationsMax: 16_000, workMax: 160_000 };

/** Passengers that are looked at before somebody else may go first. */
const passengersPerPiece = 16;

/** One situation of the older policy, on its way. */
interface Passenger {
  readonly situation: Situation;
  readonly move: Move;
  readonly step: Step;
}

/** Judges the move of all messages of one policy to another, a piece at a time. */
export function* judgingMigration(
  from: Policy,
  to: Policy,
  map: MigrationMap,
  stepper: Stepper,
  bounds: GateBounds = relocationBounds,
): Piecemeal<MigrationJudgement> {
  const plan = planMigration(from, to, map);
  yield;
  const unknown = (...why: readonly PolicyFinding[]): MigrationJudgement => ({
    ...{ plan, findings: [...plan.findings, ...why], stranded: [], known: false },
  });
  if (hasUncountedPlaces(from)) return unknown();
  const regard = yield* regardOf(from, to, plan);
  const old = yield* exploring(from, stepper, { bounds, regard });
  if (!old.complete) return unknown(tooMany(from));
  const passengers = yield* boarding(old, to, plan, stepper);
  const arrivals = passengers.map(({ step, situation }) => ({ step, around: situation }));
  const at = yield* exploring(to, stepper, { bounds, arrivals });
  if (!at.complete) return unknown(tooMany(to));
  const losses = new Losses(relevanceIn(from.graph, old.index, regard));
  yield* new Relocation(old, at, passengers, losses).judge();
  const { findings, stranded } = losses;
  return { plan, findings: [...plan.findings, ...findings], stranded, known: true };
}

const tooMany = ({ file }: Policy): PolicyFinding =>
  findingOf(
    'migration-incomplete',
    '/states',
    `${file.id} has more situations than can be looked at, so that nothing is known of where its messages come to.`,
  );

// What the new chart will ask for of who stands there: at the places still ahead it may be moved from, what matters where
// these go. More would make each count of the one chart a count of every situation of the other.
function* regardOf(from: Policy, to: Policy, { moves }: MigrationPlan): Piecemeal<Regard> {
  const index = indexOf(from.graph);
  const relevant = relevanceIn(to.graph, indexOf(to.graph));
  const places: { readonly leaves: readonly string[]; readonly asked: Relevance }[] = [];
  for (const { name, value } of restingPlaces(from)) {
    const move = moves.get(name);
    if (move === undefined) continue;
    places.push({ leaves: activePaths(value), asked: relevant(activePaths(move.to.value)) });
    yield;
  }
  return (leaves) => {
    const ahead = statesAhead(index, leaves);
    const met = places.filter((place) => place.leaves.every((one) => ahead.has(one)));
    return together(met.map(({ asked }) => asked));
  };
}

// Each situation that has a place to go, as it is put there; those with the shortest histories first.
function* boarding(
  old: Exploration,
  to: Policy,
  { moves }: MigrationPlan,
  stepper: Stepper,
): Piecemeal<readonly Passenger[]> {
  const found: Passenger[] = [];
  for (const situation of old.situations) {
    const move = moves.get(situation.value);
    if (situation.final || move === undefined) continue;
    if (found.length % passengersPerPiece === 0) yield;
    found.push({ situation, move, step: put(situation, move, to, stepper) });
  }
  return found;
}

function put({ context: lived, armed }: Situation, move: Move, to: Policy, stepper: Stepper): Step {
  const { value } = move.to;
  const context = takenOver(lived, move);
  const waiting = Object.entries(move.delays).flatMap(([name, old]) =>
    armed
      .filter((one) => one.name === old)
      .map(({ id }): ArmedTimer => ({ id, name, dueMs: instants.nowMs })),
  );
  return stepper.placed(to, { value, context, waiting }, instants.nowMs);
}

class Relocation {
  constructor(
    private readonly old: Exploration,
    private readonly at: Exploration,
    private readonly passengers: readonly Passenger[],
    private readonly losses: Losses,
  ) {}

  *judge(): Piecemeal<void> {
    const { old, at } = this;
    yield* this.look();
    yield* this.travel(faultMonitor(errorsIn(yield* faultsIn(at))));
    yield* this.goOn(reportMonitor(old), reportMonitor(at));
    yield* this.goOn(deliveryMonitor(old), deliveryMonitor(at));
  }

  private *look(): Piecemeal<void> {
    const { old, at, losses } = this;
    const own = errandsOf(at);
    const asks = askingIn(old.policy.graph, old.index);
    for (const [index, one] of this.passengers.entries()) {
      if (index % passengersPerPiece === 0) yield;
      const path = () => [...old.pathTo(one.situation), moved.label];
      const apart = errandsApart(own, one);
      if (apart !== null) losses.lose(one, apart, path);
      const forgotten = endingForgotten(at, one, asks(one.situation.leaves));
      if (forgotten !== null) losses.lose(one, forgotten, path);
    }
  }

  // Who waits for what is not under way is told that, and not all that follows from it.
  private *travel(monitor: Monitor<Record<string, never>>): Piecemeal<void> {
    const going = [...this.passengers.entries()].filter(([, one]) => !this.losses.has(one));
    const joining = going.map(([index]) => ({ edge: this.at.arrivals[index]!, state: {} }));
    const shown = yield* shownOf(this.at, monitor, joining);
    const found = going.map(([, one], index) => ({
      ...{ one, shown: shown[index]!, before: () => this.old.pathTo(one.situation) },
    }));
    this.tell(found);
  }

  // What the monitor made of each history before goes along; histories the older policy is itself at fault in are cut there.
  private *goOn<S extends object>(before: Monitor<S>, after: Monitor<S>): Piecemeal<void> {
    const bySituation = new Map(this.passengers.map((one, index) => [one.situation, index]));
    const joining: (Joining<S> & { readonly one: Passenger; before(): readonly string[] })[] = [];
    for (const visit of yield* watching(this.old, before, () => {})) {
      const index = bySituation.get(visit.situation);
      const one = this.passengers[index ?? -1];
      if (index === undefined || one === undefined || this.losses.has(one)) continue;
      const edge = this.at.arrivals[index]!;
      joining.push({ one, edge, state: visit.state, before: () => historyOf(visit) });
    }
    const shown = yield* shownOf(this.at, after, joining);
    this.tell(
      joining.map(({ one, before: path }, index) => {
        return { one, before: path, shown: shown[index]! };
      }),
    );
  }

  private tell(all: readonly Told[]): void {
    const found = all.flatMap(({ one, shown, before }) =>
      shown === null ? [] : [{ one, shown, path: [...before(), ...shown.labels] }],
    );
    found.sort((one, other) => one.path.length - other.path.length);
    for (const { one, shown, path } of found) {
      const { code, message } = shown.objection;
      const { from, to } = one.move;
      const text = `From "${from}", put to "${to.name}": ${message} (${code})`;
      this.losses.lose(one, text, () => path);
    }
  }
}

interface Told {
  readonly one: Passenger;
  readonly shown: Shown | null;
  /** Labels of what it went through before. */
  before(): readonly string[];
}

const errorsIn = (faults: Parameters<typeof faultMonitor>[0]) =>
  faults.filter((one) => findingKinds[one.say().code].severity === 'error');

/** Who is lost, and why. */
class Losses {
  readonly findings: PolicyFinding[] = [];
  readonly stranded: Stranded[] = [];
  private readonly lost = new Set<Passenger>();
  private readonly told = new Set<string>();

  constructor(private readonly relevant: Regard) {}

  has(one: Passenger): boolean {
    return this.lost.has(one);
  }

  lose(one: Passenger, message: string, path: () => readonly string[]): void {
    this.lost.add(one);
    const { value: state, context, leaves } = one.situation;
    // Where nobody will ask for what is noted, one situation stands for all that may be.
    const { ending } = context;
    const isTold = this.relevant(leaves).ending;
    if (!isStranded(this.stranded, state, ending))
      this.stranded.push(isTold ? { state, ending } : { state });
    if (this.told.has(message)) return;
    this.told.add(message);
    this.findings.push(findingOf('migration-breaks', one.move.pointer, message, path()));
  }
}

/** True of a message that stands there, with this noted. */
export const isStranded = (
  stranded: readonly Stranded[],
  state: string,
  noted: Ending | null,
): boolean =>
  stranded.some((one) => one.state === state && (one.ending === undefined || one.ending === noted));

type Errand = 'pushing' | 'reporting';

const errandText = (one: Partial<Record<Errand, boolean>>): string =>
  one.pushing === true ? 'a push' : one.reporting === true ? 'a report' : 'nothing';

/** What is under way in a place in all that stand there who were stored under the policy itself; null: it depends. */
type Errands = Record<Errand, boolean | null> & { readonly first: Situation };

function errandsOf(at: Exploration): ReadonlyMap<string, Errands> {
  const seen = new Set(at.births.map((one) => one.to));
  for (const one of seen) for (const { to } of at.edges[one.id]!) seen.add(to);
  const found = new Map<string, Errands>();
  for (const one of seen) {
    const { pushing, reporting } = one;
    const known = found.get(one.value) ?? { pushing, reporting, first: one };
    if (known.pushing !== pushing) known.pushing = null;
    if (known.reporting !== reporting) known.reporting = null;
    found.set(one.value, known);
  }
  return found;
}

// What is always under way in a place must be under way in who comes there, and what never is must not be.
function errandsApart(
  own: ReadonlyMap<string, Errands>,
  { situation, move }: Passenger,
): string | null {
  const there = own.get(move.to.name);
  if (there === undefined) return null;
  const isApart = (errand: Errand): boolean => there[errand] === !situation[errand];
  if (!isApart('pushing') && !isApart('reporting')) return null;
  const names = `"${move.from}" and "${move.to.name}"`;
  return `In ${names} different things are under way: ${errandText(situation)} in the first, ${errandText(there.first)} in the second.`;
}

// Whoever deleted a message, or took it back, while it was being pushed has been told that it is done.
function endingForgotten(
  at: Exploration,
  { situation, move, step }: Passenger,
  asked: ReadonlySet<Ending>,
): string | null {
  const { ending, expired } = situation.context;
  // See takenOver.
  const isKnown = expired || step.state.timers.some((one) => one.name === 'expiry');
  if (ending === null || (ending === 'expired' && isKnown)) return null;
  if (!asked.has(ending) || move.asks.has(ending) || step.final) return null;
  return `A message in "${move.from}" of which "${ending}" is noted goes on as if nothing were: ${at.policy.file.id} does not ask for it from "${move.to.name}" on.`;
}
