// How policies came and went: the history of what was done about them, and the migration that is under way. A copy in
// memory of rows of the shared partition; whoever decides writes the row and notes it here in the same turn.
import { type MigrationPlan, type Policy, planMigration } from '../machines/index.js';
import { limits } from './limits.js';
import type { HistoryRow, MigrationRow } from './rows.js';

export class PolicyCourse {
  private readonly entries: HistoryRow[] = [];
  private plans = new Map<string, MigrationPlan>();
  private moving: MigrationRow | null = null;

  constructor(private readonly policy: (hash: string) => Policy | null) {}

  /** What was done, the latest last. */
  get history(): readonly HistoryRow[] {
    return this.entries;
  }

  /** The number the next entry gets. */
  get nextNumber(): number {
    return (this.entries.at(-1)?.number ?? 0) + 1;
  }

  /** Notes an entry; returns the number of the one that is forgotten for it, or null. */
  note(entry: HistoryRow): number | null {
    this.entries.push(entry);
    return this.entries.length <= limits.policyHistoryRows ? null : this.entries.shift()!.number;
  }

  /** The migration under way, or null. */
  get migration(): MigrationRow | null {
    return this.moving;
  }

  /** It begins, gets on, or is over. */
  migrate(row: MigrationRow | null): void {
    if (row === null || row.to !== this.moving?.to) this.plans = new Map();
    this.moving = row;
  }

  /** Where the messages of one of the older policies go; null when nothing of it is being moved. */
  planFor(hash: string): MigrationPlan | null {
    const known = this.plans.get(hash);
    if (known !== undefined || this.moving === null) return known ?? null;
    const [from, to] = [this.policy(hash), this.policy(this.moving.to)];
    if (from === null || to === null || !this.moving.from.includes(hash)) return null;
    const plan = planMigration(from, to, this.moving.map);
    this.plans.set(hash, plan);
    return plan;
  }
}
