// Every situation a message can come into under a policy, by breadth-first search over the engine's own step. Each is
// found by its shortest history. The search is bounded: a policy with more situations than the bound is told so, and no
// check is made on a part of the truth.
import type { Policy } from '../compile.js';
import type { Effect } from '../effects.js';
import { type GraphIndex, indexOf, lineage } from '../graph-index.js';
import type { Message } from '../message.js';
import { atOnce, type Piecemeal } from '../piecemeal.js';
import { activePaths, type PlaceValue } from '../resting.js';
import type { Step, Stepper } from '../stepping.js';
import { everyAnswer } from './oracle.js';
import { type Regard, relevanceIn } from './relevance.js';
import {
  instants,
  type KnownPlace,
  type Situation,
  type Standing,
  type Surroundings,
  standingOf,
} from './situation.js';
import { birth, moved, type Stimulus, stimuliAt } from './stimuli.js';

/** Bounds of the search, each with its reason in docs/reference/limits.md. */
export const gateBounds = {
  /** Different situations of a message. */
  situationsMax: 4_000,
  /** Work spent to find them: a step counts one for itself, and one for each active state and armed delay. */
  workMax: 40_000,
} as const;

/** Bounds of a search. */
export type GateBounds = Readonly<Record<keyof typeof gateBounds, number>>;

/** Situations that are gone through before somebody else may go first; some milliseconds. */
const situationsPerPiece = 2;

/** One step from one situation to another. */
export interface Edge {
  /** Null for the first step of a message. */
  readonly from: Situation | null;
  readonly to: Situation;
  readonly stimulus: Stimulus;
  readonly effects: readonly Effect[];
  /** States passed, transient ones included. */
  readonly path: readonly string[];
  /** False when the chart is deaf to it here. */
  readonly changed: boolean;
  /** The expiry instant was moved. */
  readonly extended: boolean;
}

/** A step that failed. */
export interface Failure {
  readonly from: Situation | null;
  readonly stimulus: Stimulus;
  readonly error: string;
}

/** A message that comes from another policy. */
export interface Arrival {
  /** As it is put on this chart. */
  readonly step: Step;
  readonly around: Surroundings;
}

export interface SearchOptions {
  readonly bounds?: GateBounds;
  /** Messages that come from another policy. */
  readonly arrivals?: Iterable<Arrival>;
  /** What is told apart although this chart does not ask for it: somebody else will. */
  readonly regard?: Regard;
}

export interface Exploration {
  readonly policy: Policy;
  readonly index: GraphIndex;
  readonly situations: readonly Situation[];
  /** First steps: with and without a report that is owed, and of messages that never expire where there are such. */
  readonly births: readonly (Edge & { readonly asked: boolean })[];
  /** Steps by which messages came from another policy, in the order of the arrivals. */
  readonly arrivals: readonly Edge[];
  /** What may happen in a situation, by its number. */
  readonly edges: readonly (readonly Edge[])[];
  readonly failures: readonly Failure[];
  /** False when the bounds ended the search. */
  readonly complete: boolean;
  /** Labels of the shortest history of a situation: `message.received`, `recipient.registered`. */
  pathTo(situation: Situation): readonly string[];
}

/** Explores a policy. Never throws on a policy; deterministic. */
export const explore = (
  policy: Policy,
  stepper: Stepper,
  options: SearchOptions = {},
): Exploration => atOnce(exploring(policy, stepper, options));

/** The same a piece at a time. */
export function* exploring(
  policy: Policy,
  stepper: Stepper,
  options: SearchOptions = {},
): Piecemeal<Exploration> {
  const search = new Search(policy, stepper, options);
  yield* search.run();
  return search;
}

/** What came of one step from one standing, whatever surrounds it. */
interface Taken {
  readonly step: Step;
  readonly standing: Standing;
  readonly extended: boolean;
}

class Search implements Exploration {
  readonly index: GraphIndex;
  readonly situations: Situation[] = [];
  readonly births: (Edge & { readonly asked: boolean })[] = [];
  readonly arrivals: Edge[] = [];
  readonly edges: Edge[][] = [];
  readonly failures: Failure[] = [];
  complete = true;
  private work = 0;
  private readonly names = new Map<string, ReadonlySet<string>>();
  private readonly standings = new Map<string, Standing>();
  private readonly taken = new Map<Standing, Map<string, readonly Taken[]>>();
  /** By standing, and there by what surrounds it. */
  private readonly known = new Map<Standing, Map<number, Situation>>();
  private readonly places = new Map<string, KnownPlace>();
  private readonly foundBy: Edge[] = [];
  private readonly relevance: ReturnType<typeof relevanceIn>;

  constructor(
    readonly policy: Policy,
    private readonly stepper: Stepper,
    private readonly options: SearchOptions,
  ) {
    this.index = indexOf(policy.graph);
    this.relevance = relevanceIn(policy.graph, this.index, options.regard);
  }

  *run(): Piecemeal<void> {
    const { situationsMax, workMax } = this.options.bounds ?? gateBounds;
    for (const expires of mayStay(this.policy) ? [true, false] : [true])
      for (const asked of [true, false]) this.bear(asked, expires);
    for (const { step, around } of this.options.arrivals ?? []) {
      if (this.arrivals.length % situationsPerPiece === 0) yield;
      this.arrivals.push(this.arrive(null, moved, this.takenAs(step), around));
    }
    for (let at = 0; this.complete; at += 1) {
      const situation = this.situations[at];
      if (situation === undefined) return;
      if (at % situationsPerPiece === 0) yield;
      if (situation.final) continue;
      for (const stimulus of stimuliAt(situation)) this.follow(situation, stimulus);
      this.complete &&= this.work <= workMax && this.situations.length <= situationsMax;
    }
  }

  pathTo(situation: Situation): readonly string[] {
    const labels: string[] = [];
    for (let at: Situation | null = situation; at !== null; ) {
      const edge: Edge = this.foundBy[at.id]!;
      labels.push(edge.stimulus.label);
      at = edge.from;
    }
    return labels.reverse();
  }

  private bear(asked: boolean, expires: boolean): void {
    const around = { pushing: false, reporting: false, outlived: false, expires };
    const first = () => this.stepper.begin(this.policy, messageFor(asked, expires), instants.nowMs);
    for (const one of this.take(null, birth, first)) {
      const edge = this.arrive(null, birth, one, around);
      this.births.push({ ...edge, asked });
    }
  }

  private follow(from: Situation, stimulus: Stimulus): void {
    for (const one of this.outcomes(from, stimulus)) this.arrive(from, stimulus, one, from);
  }

  // Situations that differ in nothing but what surrounds them take the same steps.
  private outcomes(from: Situation, stimulus: Stimulus): readonly Taken[] {
    const standing = this.standings.get(from.key)!;
    const taken = this.taken.get(standing) ?? new Map<string, readonly Taken[]>();
    this.taken.set(standing, taken);
    const { event, label } = stimulus;
    // Two delays of one name may run side by side.
    const name = event?.type === 'timer' ? event.id : label;
    const before = taken.get(name);
    if (before !== undefined) return before;
    const found = this.outcomesOf(from, stimulus);
    taken.set(name, found);
    return found;
  }

  private outcomesOf(from: Situation, stimulus: Stimulus): readonly Taken[] {
    const { event } = stimulus;
    if (event === null) return [this.takenAs(unowed(from))];
    const next = () => this.stepper.step(this.policy, from.actor, event, instants.nowMs);
    // What no active state names changes nothing in XState: the step would give the same snapshot back.
    const isNamed = stimulus.kind === 'timer' || this.named(from.leaves).has(stimulus.name);
    return isNamed ? this.take(from, stimulus, next) : [this.takenAs(unchanged(from), from)];
  }

  // One step, or several where guards of the program's own may answer either way.
  private take(from: Situation | null, stimulus: Stimulus, next: () => Step): readonly Taken[] {
    const { found, all } = everyAnswer(() => {
      this.work += 1 + (from === null ? 0 : from.leaves.length + from.armed.length);
      try {
        return [this.takenAs(next(), from)];
      } catch (cause) {
        const error = cause instanceof Error ? cause.message : String(cause);
        this.failures.push({ from, stimulus, error });
        return [];
      }
    });
    this.complete &&= all;
    return found;
  }

  private takenAs(step: Step, from: Situation | null = null): Taken {
    if (from !== null && step.state === from.actor)
      return { step, standing: this.standings.get(from.key)!, extended: false };
    const found = standingOf(step, this.placeOf);
    const standing = this.standings.get(found.key) ?? found;
    this.standings.set(standing.key, standing);
    return { step, standing, extended: isMoved(step) };
  }

  private arrive(
    from: Situation | null,
    stimulus: Stimulus,
    { step, standing, extended }: Taken,
    around: Surroundings,
  ): Edge {
    const to = this.situationIn(standing, surroundings(around, stimulus, step));
    const { effects, path, changed } = step;
    return this.join({ from, to, stimulus, effects, path, changed, extended });
  }

  private join(edge: Edge): Edge {
    const { from, to } = edge;
    if (to.id === this.edges.length) {
      this.foundBy.push(edge);
      this.edges.push([]);
    }
    if (from !== null) this.edges[from.id]!.push(edge);
    return edge;
  }

  private situationIn(standing: Standing, around: Surroundings): Situation {
    const { pushing, reporting, outlived, expires } = around;
    const there = this.known.get(standing) ?? new Map<number, Situation>();
    const bits =
      Number(pushing) + Number(reporting) * 2 + Number(outlived) * 4 + Number(expires) * 8;
    const known = there.get(bits);
    if (known !== undefined) return known;
    const { key, value, leaves, context, armed, live, final, actor } = standing;
    const id = this.situations.length;
    const found = {
      ...{ id, key, value, leaves, context, armed, live, final, actor },
      ...{ pushing, reporting, outlived, expires },
    };
    this.known.set(standing, there.set(bits, found));
    this.situations.push(found);
    return found;
  }

  private readonly placeOf = (name: string, value: PlaceValue): KnownPlace => {
    const before = this.places.get(name);
    if (before !== undefined) return before;
    const leaves = activePaths(value);
    const found = { leaves, relevance: this.relevance(leaves) };
    this.places.set(name, found);
    return found;
  };

  // Names of the events that the active states or those around them have transitions for.
  private named(leaves: readonly string[]): ReadonlySet<string> {
    const key = leaves.join(' ');
    const before = this.names.get(key);
    if (before !== undefined) return before;
    const transitions = leaves.flatMap(lineage).flatMap((one) => this.index.from.get(one) ?? []);
    const found = new Set(transitions.map((one) => (one.trigger === 'event' ? one.name : '')));
    this.names.set(key, found);
    return found;
  }
}

// The maximum life of a message is bounded in any case; whether it expires before depends on the settings.
const mayStay = ({ settings }: Policy): boolean =>
  settings.defaultExpirySeconds === 'none' && settings.maxExpirySeconds === 'none';

function surroundings(before: Surroundings, stimulus: Stimulus, step: Step): Surroundings {
  const asksFor = (type: Effect['type']) => step.effects.some((one) => one.type === type);
  const answered = (name: string) => stimulus.name === name;
  const pushOver = answered('delivery.answered') || answered('answerTimeout');
  const { expires } = before;
  return {
    // As the runtime keeps its outbox: what ended or left its mailbox waits for no push.
    pushing: step.live && (asksFor('deliver') || (before.pushing && !pushOver)),
    reporting:
      !step.final && (asksFor('report') || (before.reporting && !answered('report.answered'))),
    outlived: before.outlived || stimulus.kind === 'lifetime',
    expires,
  };
}

// Facts that no name of the vocabulary reads are left out.
const messageFor = (asked: boolean, expires: boolean): Message =>
  ({
    deferredId: 'example@store.invalid',
    aor: 'sip:bob@example.invalid',
    expiresAtMs: expires ? instants.expiresAtMs : null,
    outlivesAtMs: instants.outlivesAtMs,
    reportException: asked ? null : 'not-asked',
  }) as Message;

const isMoved = (step: Step): boolean => {
  const { context } = step.state.snapshot as Situation['actor']['snapshot'] & {
    readonly context: { readonly message: Message };
  };
  const { expiresAtMs } = context.message;
  return expiresAtMs !== null && expiresAtMs !== instants.expiresAtMs;
};

const unchanged = ({ actor, value, live, final }: Situation): Step => ({
  ...{ state: actor, value, live, final, effects: [], path: [value], changed: false },
});

// The runtime writes it into the row; no step is taken.
function unowed(situation: Situation): Step {
  const { actor, context } = situation;
  const message = { ...context.message, reportException: 'not-asked' };
  const snapshot = { ...actor.snapshot, context: { ...context, message } };
  return { ...unchanged(situation), state: { ...actor, snapshot } };
}
