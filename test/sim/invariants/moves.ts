// Invariants of policies that move: a message changes its policy by a move alone (V1); it takes its pushes, deadlines and
// attempts along (V1); when all have been gone through, none lives under a policy that was left (V2).
import type { ActorRow } from '../../../runtime/index.js';
import type { Stage } from '../stage.js';
import { contextOf, type Landing, letterIndexOf, type Moving, type Stored } from './view.js';

/** Steps by which a message may come to another policy. */
const movedBy = ['policy.migrated', 'policy.forced', 'message.forced'];

export class MoveChecks {
  constructor(private readonly simulation: Stage) {}

  check({ touched, moved }: Landing): void {
    for (const stored of touched) this.touched(stored);
    if (moved !== null) this.left(moved);
  }

  private touched({ before, row }: Stored): void {
    if (before === null || row === null || before.policy === row.policy) return;
    const index = letterIndexOf(row);
    const steps = row.trail.slice(before.revision - row.revision);
    if (!steps.some(({ event }) => movedBy.includes(event)))
      this.violated('V1', `message ${index} came to another policy by ${steps.at(-1)?.event}`);
    // Several steps may have landed at once; then nothing can be said of one of them.
    if (steps.length === 1 && steps[0]?.event === 'policy.migrated') this.carried(before, row);
  }

  private carried(before: ActorRow, row: ActorRow): void {
    const index = letterIndexOf(row);
    const pending = (one: ActorRow) => one.pending.map(({ effectId }) => effectId).join(' ');
    if (pending(before) !== pending(row))
      this.violated('V1', `message ${index} was moved, and what it waits for has changed`);
    if (contextOf(before).attempts !== contextOf(row).attempts)
      this.violated('V1', `message ${index} was moved, and its attempts are counted anew`);
    for (const { name, dueMs } of before.actor.timers) {
      const after = row.actor.timers.find((one) => one.name === name);
      if (after !== undefined && after.dueMs !== dueMs)
        this.violated('V1', `message ${index} was moved, and its ${name} is due elsewhen`);
    }
    if (row.outcome !== null) this.violated('V1', `message ${index} was ended by a move`);
  }

  private left({ from, to, mode }: Moving): void {
    if (mode !== 'migrate') return;
    for (const { row } of this.simulation.model.view.stored.values()) {
      if (row === null || row.endedAtMs !== null || row.policy === to) continue;
      if (from.includes(row.policy))
        this.violated('V2', `message ${letterIndexOf(row)} was left behind by a move`);
    }
  }

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }
}
