// RC12: what becomes of messages that are moved to another policy. Every situation the older policy knows is put on the new
// chart as the engine puts it there: where it stands, what was noted, what is under way, which deadlines run; from there
// on everything the new chart can do is explored with the checks of the gate, and what was heard and sent before counts.
// The cost is that of two searches (gateBounds) for each round, and of `relocationRoundsMax` rounds at most.
import type { Policy } from '../compile.js';
import { findingKinds, findingOf, type PolicyFinding } from '../findings.js';
import type { Ending } from '../message.js';
import {
  type MigrationMap,
  type MigrationPlan,
  type Move,
  planMigration,
  takenOver,
} from '../migration.js';
import type { Piecemeal } from '../piecemeal.js';
import type { ArmedTimer, Step, Stepper } from '../stepping.js';
import { deliveryMonitor } from './checks/deliveries.js';
import { reportMonitor } from './checks/reports.js';
import { type Arrival, type Exploration, exploring } from './explorer.js';
import { checkingArrivals, objectionOf } from './judge.js';
import { historyOf, type Joining, type Monitor, type Visit, watching } from './monitor.js';
import { readsAhead, relevanceAnywhere } from './relevance.js';
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
  /** Who has a place to go by the plan, and would not do well there. */
  readonly stranded: readonly Stranded[];
}

/** Rounds in which those who would not do well are left out, until all others do; then all that are left are stranded. */
export const relocationRoundsMax = 24;

/** One situation of the older policy, on its way. */
interface Passenger {
  readonly situation: Situation;
  readonly move: Move;
  readonly step: Step;
  readonly before: readonly string[];
}

/** Judges the move of all messages of one policy to another, a piece at a time. */
export function* judgingMigration(
  from: Policy,
  to: Policy,
  map: MigrationMap,
  stepper: Stepper,
): Piecemeal<MigrationJudgement> {
  const plan = planMigration(from, to, map);
  const old = yield* exploring(from, stepper, { regard: relevanceAnywhere(to.graph) });
  if (!old.complete) {
    const stranded = [...plan.moves.keys()].map((state) => ({ state }));
    return { plan, findings: [...plan.findings, tooMany(from)], stranded };
  }
  const relocation = new Relocation(old, to, plan, stepper);
  const { findings, stranded } = yield* relocation.judge();
  return { plan, findings: [...plan.findings, ...findings], stranded };
}

const tooMany = ({ file }: Policy): PolicyFinding =>
  findingOf(
    'migration-incomplete',
    '/states',
    `${file.id} has more situations than can be looked at, so that nothing is known of where its messages come to.`,
  );

class Relocation {
  /** By situation of the older policy: what each monitor made of the histories that lead there. */
  private debts: Histories = new Map();
  private fates: Histories = new Map();

  constructor(
    private readonly old: Exploration,
    private readonly to: Policy,
    private readonly plan: MigrationPlan,
    private readonly stepper: Stepper,
  ) {}

  *judge(): Piecemeal<Omit<MigrationJudgement, 'plan'>> {
    const { old } = this;
    this.debts = yield* historiesOf(old, reportMonitor(old));
    this.fates = yield* historiesOf(old, deliveryMonitor(old));
    const findings: PolicyFinding[] = [];
    const stranded: Stranded[] = [];
    let left = this.passengers();
    for (let round = 1; left.length > 0; round += 1) {
      const found = new Round(left);
      yield* this.travel(found, round === 1);
      findings.push(...found.findings);
      const lost = round < relocationRoundsMax ? [...found.lost] : left;
      if (found.lost.size === 0) break;
      for (const one of lost) if (!isAmong(stranded, one)) stranded.push(strandedAs(one));
      left = left.filter((one) => !isAmong(stranded, one));
    }
    return { findings, stranded };
  }

  // Each situation that has a place to go, as it is put there; those with the shortest histories first.
  private passengers(): readonly Passenger[] {
    return this.old.situations
      .flatMap((situation) => {
        const move = this.plan.moves.get(situation.value);
        if (situation.final || move === undefined) return [];
        const before = this.old.pathTo(situation);
        return [{ situation, move, step: this.put(situation, move), before }];
      })
      .sort((a, b) => a.before.length - b.before.length);
  }

  private put({ context: lived, armed }: Situation, move: Move): Step {
    const { value } = move.to;
    const context = takenOver(lived, move);
    const waiting = Object.entries(move.delays).flatMap(([name, old]) =>
      armed
        .filter((one) => one.name === old)
        .map(({ id }): ArmedTimer => ({ id, name, dueMs: instants.nowMs })),
    );
    return this.stepper.placed(this.to, { value, context, waiting }, instants.nowMs);
  }

  private *travel(found: Round, isFirst: boolean): Piecemeal<void> {
    const arrivals = found.passengers.map(
      ({ situation, step, before }): Arrival => ({ step, around: situation, before }),
    );
    const at = yield* exploring(this.to, this.stepper, { arrivals });
    if (!at.complete) return found.giveUp(tooMany(this.to));
    if (isFirst) this.look(at, found);
    // Who waits for what is not under way is told that, and not all that follows from it.
    if (found.lost.size > 0) return;
    for (const one of yield* checkingArrivals(at)) found.tell(one);
    yield* this.watch(at, reportMonitor(at), this.debts, found);
    yield* this.watch(at, deliveryMonitor(at), this.fates, found);
  }

  private look(at: Exploration, found: Round): void {
    const own = bornHere(at);
    for (const one of found.passengers) {
      const apart = errandsApart(own, one);
      if (apart !== null) found.lose(one, apart);
      const forgotten = endingForgotten(this.old, at, one);
      if (forgotten !== null) found.lose(one, forgotten);
    }
  }

  private *watch<S extends object>(
    at: Exploration,
    monitor: Monitor<S>,
    histories: Histories,
    found: Round,
  ): Piecemeal<void> {
    const joining = found.passengers.flatMap((one, index) =>
      (histories.get(one.situation) ?? []).map((visit): Joining<S> => {
        const before = historyOf(visit);
        found.know(one, before);
        return { edge: at.arrivals[index]!, state: visit.state as S, before };
      }),
    );
    joining.sort((a, b) => a.before.length - b.before.length);
    yield* watching(at, monitor, (one, path) => found.tell(objectionOf(one, path)), joining);
  }
}

type Histories = ReadonlyMap<Situation, readonly Visit<unknown>[]>;

function* historiesOf<S extends object>(
  old: Exploration,
  monitor: Monitor<S>,
): Piecemeal<Histories> {
  const found = new Map<Situation, Visit<unknown>[]>();
  for (const visit of yield* watching(old, monitor, () => {}))
    found.set(visit.situation, [...(found.get(visit.situation) ?? []), visit]);
  return found;
}

/** What is found of those who travel together, and who of them is lost by it. */
class Round {
  readonly findings: PolicyFinding[] = [];
  readonly lost = new Set<Passenger>();
  private readonly byHistory = new Map<string, Passenger>();
  private readonly told = new Set<string>();

  constructor(readonly passengers: readonly Passenger[]) {
    for (const one of passengers) this.know(one, one.before);
  }

  /** One more history by which a passenger may have come. */
  know(one: Passenger, before: readonly string[]): void {
    const name = before.join();
    if (!this.byHistory.has(name)) this.byHistory.set(name, one);
  }

  /** A check of the new chart speaks up: it is about a passenger where its history says so. */
  tell({ code, message, path = [] }: PolicyFinding): void {
    const way = path.lastIndexOf(moved.label);
    const one = way === -1 ? undefined : this.byHistory.get(path.slice(0, way).join());
    if (one === undefined || findingKinds[code].severity !== 'error') return;
    const { from, to } = one.move;
    this.lose(one, `From "${from}", put to "${to.name}": ${message} (${code})`, path);
  }

  lose(
    one: Passenger,
    message: string,
    path: readonly string[] = [...one.before, moved.label],
  ): void {
    this.lost.add(one);
    if (this.told.has(message)) return;
    this.told.add(message);
    this.findings.push(findingOf('migration-breaks', one.move.pointer, message, path));
  }

  /** Nothing is known of any of them. */
  giveUp(finding: PolicyFinding): void {
    this.findings.push(finding);
    for (const one of this.passengers) this.lost.add(one);
  }
}

const strandedAs = ({ situation }: Passenger): Stranded => ({
  ...{ state: situation.value, ending: situation.context.ending },
});

/** True of a message that stands there, with this noted. */
export const isStranded = (
  stranded: readonly Stranded[],
  state: string,
  noted: Ending | null,
): boolean =>
  stranded.some((one) => one.state === state && (one.ending === undefined || one.ending === noted));

const isAmong = (stranded: readonly Stranded[], { situation }: Passenger): boolean =>
  isStranded(stranded, situation.value, situation.context.ending);

/** Situations that messages come to which were stored under the policy itself, by place. */
function bornHere(at: Exploration): ReadonlyMap<string, readonly Situation[]> {
  const seen = new Set(at.births.map((one) => one.to));
  for (const one of seen) for (const { to } of at.edges[one.id]!) seen.add(to);
  const found = new Map<string, Situation[]>();
  for (const one of seen) found.set(one.value, [...(found.get(one.value) ?? []), one]);
  return found;
}

type Errand = 'pushing' | 'reporting';

const errandText = (one: Partial<Record<Errand, boolean>>): string =>
  one.pushing === true ? 'a push' : one.reporting === true ? 'a report' : 'nothing';

// What is always under way in a place must be under way in who comes there, and what never is must not be.
function errandsApart(
  own: ReadonlyMap<string, readonly Situation[]>,
  { situation, move }: Passenger,
): string | null {
  const there = own.get(move.to.name) ?? [];
  const errands: readonly Errand[] = ['pushing', 'reporting'];
  const isApart = (errand: Errand): boolean =>
    there.length > 0 && there.every((one) => one[errand] !== situation[errand]);
  if (!errands.some(isApart)) return null;
  const names = `"${move.from}" and "${move.to.name}"`;
  return `In ${names} different things are under way: ${errandText(situation)} in the first, ${errandText(there[0]!)} in the second.`;
}

// Whoever deleted a message, or took it back, while it was being pushed has been told that it is done.
function endingForgotten(
  old: Exploration,
  at: Exploration,
  { situation, move, step }: Passenger,
): string | null {
  const { ending, expired } = situation.context;
  // See takenOver.
  const isKnown = expired || step.state.timers.some((one) => one.name === 'expiry');
  if (ending === null || (ending === 'expired' && isKnown)) return null;
  const reads = readsAhead(old.policy.graph, old.index, situation.leaves);
  if (!reads.has(`ending(cause: ${ending})`) || move.asks.has(ending) || step.final) return null;
  return `A message in "${move.from}" of which "${ending}" is noted goes on as if nothing were: ${at.policy.file.id} does not ask for it from "${move.to.name}" on.`;
}
