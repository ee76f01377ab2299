// Every situation a message can come into under a policy, by breadth-first search over the engine's own step. Each is
// found by its shortest history. The search is bounded: a policy with more situations than the bound is told so, and no
// check is made on a part of the truth.
import type { Policy } from '../compile.js';
import type { Effect } from '../effects.js';
import { type GraphIndex, indexOf, lineage } from '../graph-index.js';
import type { Message } from '../message.js';
import type { Step, Stepper } from '../stepping.js';
import { everyAnswer } from './oracle.js';
import { relevanceIn } from './relevance.js';
import { instants, type Situation, type Surroundings, situationOf } from './situation.js';
import { birth, type Stimulus, stimuliAt } from './stimuli.js';

/** Bounds of the search, each with its reason in docs/reference/limits.md. */
export const gateBounds = {
  /** Different situations of a message. */
  situationsMax: 4_000,
  /** Work spent to find them: a step counts one for itself, and one for each active state and armed delay. */
  workMax: 40_000,
} as const;

/** Bounds of a search. */
export type GateBounds = Readonly<Record<keyof typeof gateBounds, number>>;

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

export interface Exploration {
  readonly policy: Policy;
  readonly index: GraphIndex;
  readonly situations: readonly Situation[];
  /** First steps: with and without a report that is owed, and of messages that never expire where there are such. */
  readonly births: readonly (Edge & { readonly asked: boolean })[];
  /** What may happen in a situation, by its number. */
  readonly edges: readonly (readonly Edge[])[];
  readonly failures: readonly Failure[];
  /** False when the bounds ended the search. */
  readonly complete: boolean;
  /** Labels of the shortest history of a situation: `message.received`, `recipient.registered`. */
  pathTo(situation: Situation): readonly string[];
}

/** Explores a policy. Never throws on a policy; deterministic. */
export function explore(
  policy: Policy,
  stepper: Stepper,
  bounds: GateBounds = gateBounds,
): Exploration {
  const search = new Search(policy, stepper, bounds);
  search.run();
  return search;
}

class Search implements Exploration {
  readonly index: GraphIndex;
  readonly situations: Situation[] = [];
  readonly births: (Edge & { readonly asked: boolean })[] = [];
  readonly edges: Edge[][] = [];
  readonly failures: Failure[] = [];
  complete = true;
  private work = 0;
  private readonly names = new Map<string, ReadonlySet<string>>();
  private readonly known = new Map<string, Situation>();
  private readonly foundBy: Edge[] = [];
  private readonly relevance: ReturnType<typeof relevanceIn>;

  constructor(
    readonly policy: Policy,
    private readonly stepper: Stepper,
    private readonly bounds: GateBounds,
  ) {
    this.index = indexOf(policy.graph);
    this.relevance = relevanceIn(policy.graph, this.index);
  }

  run(): void {
    for (const expires of mayStay(this.policy) ? [true, false] : [true])
      for (const asked of [true, false]) this.bear(asked, expires);
    for (let at = 0; at < this.situations.length && this.complete; at += 1) {
      const situation = this.situations[at]!;
      if (situation.final) continue;
      for (const stimulus of stimuliAt(situation)) this.follow(situation, stimulus);
      const { situationsMax, workMax } = this.bounds;
      this.complete &&= this.work <= workMax && this.situations.length <= situationsMax;
    }
  }

  pathTo(situation: Situation): readonly string[] {
    const labels: string[] = [];
    for (let at: Situation | null = situation; at !== null; ) {
      const edge: Edge = this.foundBy[at.id]!;
      labels.unshift(edge.stimulus.label);
      at = edge.from;
    }
    return labels;
  }

  private bear(asked: boolean, expires: boolean): void {
    const around = { pushing: false, reporting: false, outlived: false, expires };
    const first = () => this.stepper.begin(this.policy, messageFor(asked, expires), instants.nowMs);
    for (const step of this.take(null, birth, first)) {
      const edge = this.arrive(null, birth, step, around);
      this.births.push({ ...edge, asked });
    }
  }

  private follow(from: Situation, stimulus: Stimulus): void {
    const { event } = stimulus;
    if (event === null) {
      this.arrive(from, stimulus, unowed(from), from);
      return;
    }
    const next = () => this.stepper.step(this.policy, from.actor, event, instants.nowMs);
    // What no active state names changes nothing in XState: the step would give the same snapshot back.
    const isNamed = stimulus.kind === 'timer' || this.named(from.leaves).has(stimulus.name);
    for (const step of isNamed ? this.take(from, stimulus, next) : [unchanged(from)])
      this.arrive(from, stimulus, step, from);
  }

  // One step, or several where guards of the program's own may answer either way.
  private take(from: Situation | null, stimulus: Stimulus, next: () => Step): readonly Step[] {
    const { found, all } = everyAnswer(() => {
      this.work += 1 + (from === null ? 0 : from.leaves.length + from.armed.length);
      try {
        return [next()];
      } catch (cause) {
        const error = cause instanceof Error ? cause.message : String(cause);
        this.failures.push({ from, stimulus, error });
        return [];
      }
    });
    this.complete &&= all;
    return found;
  }

  private arrive(
    from: Situation | null,
    stimulus: Stimulus,
    step: Step,
    around: Surroundings,
  ): Edge {
    const to = this.situationAfter(from, step, surroundings(around, stimulus, step));
    const { effects, path, changed } = step;
    const edge = { from, to, stimulus, effects, path, changed, extended: isMoved(step) };
    if (to.id === this.edges.length) {
      this.foundBy.push(edge);
      this.edges.push([]);
    }
    if (from !== null) this.edges[from.id]!.push(edge);
    return edge;
  }

  private situationAfter(from: Situation | null, step: Step, around: Surroundings): Situation {
    if (from !== null && step.state === from.actor && sameAround(from, around)) return from;
    const { key, draft } = situationOf(step, around, this.relevance);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const found = { ...draft, id: this.situations.length };
    this.known.set(key, found);
    this.situations.push(found);
    return found;
  }

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

const sameAround = (from: Surroundings, around: Surroundings): boolean =>
  from.pushing === around.pushing &&
  from.reporting === around.reporting &&
  from.outlived === around.outlived;
