// How policies came and went: the history of what was done about them, the rules that choose
// among them, and the migration that is under way. A copy in
// memory of rows of the shared partition; whoever decides writes the row and notes it here in the same turn.
import {
  firstRule,
  type MigrationPlan,
  type Policy,
  planMigration,
  type Selected,
  type SelectionRule,
} from '../machines/index.js';
import { limits } from './limits.js';
import type { ActiveRulesRow, HistoryRow, MigrationRow } from './rows.js';

/** Rules, and the policy each is bound to. */
export interface BoundRules {
  readonly active: ActiveRulesRow;
  readonly rules: readonly SelectionRule[];
}

export class PolicyCourse {
  private readonly entries: HistoryRow[] = [];
  private plans = new Map<string, MigrationPlan>();
  private moving: MigrationRow | null = null;
  private bound: BoundRules | null = null;

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

  /** The rules that choose another policy than the active one, or null. */
  get rules(): BoundRules | null {
    return this.bound;
  }

  /** Other rules choose from now on. */
  rule(bound: BoundRules): void {
    this.bound = bound;
  }

  /** Hash of the policy the rules choose for a message; null where none fits. */
  chosen(message: Selected): string | null {
    if (this.bound === null) return null;
    return this.bound.active.policies[firstRule(this.bound.rules, message)] ?? null;
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
