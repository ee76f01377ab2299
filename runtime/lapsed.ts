// Users who went without a word: their bindings have lapsed, nothing waits for them, and nobody would touch their row
// again. Every so many registrations, which alone make such rows, one page of them is looked at, around the store
// and around again: the work is bounded by what makes it, and needs no timer.

import { openRow, unlessDamaged } from './integrity.js';
import { ranges } from './keys.js';
import { limits, partitionCount } from './limits.js';
import type { StorePort } from './ports.js';
import type { UserRow } from './rows.js';

export interface LapsedHooks {
  readonly now: () => number;
  /** Lets one user's row go, if it is still idle then; resolves when that is decided. */
  readonly let: (aor: string, partition: number) => Promise<unknown>;
  readonly closing: () => boolean;
  readonly failed: (cause: unknown) => void;
}

/** A row that says nothing any more. */
export const isLapsed = (row: UserRow, nowMs: number): boolean =>
  row.messages === 0 &&
  !row.subscriptions &&
  row.bindings.every((binding) => binding.expiresAtMs <= nowMs);

export class LapsedUsers {
  private registrations = 0;
  private partition = 0;
  private after: string | null = null;
  private sweeping = false;

  constructor(
    private readonly store: Pick<StorePort, 'scan'>,
    private readonly hooks: LapsedHooks,
    /** Reads under way: the store is closed after them (B20). */
    private readonly underWay: Set<Promise<unknown>>,
  ) {}

  /** A user registered; now and then that is the occasion to look at a page of others. */
  registered(): void {
    this.registrations += 1;
    if (this.registrations % limits.registrationsPerSweep !== 0 || this.sweeping) return;
    this.sweeping = true;
    const sweep = this.sweep()
      .catch((cause: unknown) => this.hooks.failed(cause))
      .finally(() => {
        this.sweeping = false;
        this.underWay.delete(sweep);
      });
    this.underWay.add(sweep);
  }

  private async sweep(): Promise<void> {
    const { from, to } = ranges.family(this.partition, 'u');
    const start = this.after === null ? from : `${this.after}\0`;
    const lapsed: string[] = [];
    let rows = 0;
    for await (const [key, value] of this.store.scan(start, to, limits.sweepRows)) {
      rows += 1;
      this.after = key;
      const user = unlessDamaged(() => JSON.parse(openRow(key, value).toString()) as UserRow);
      if (user !== null && isLapsed(user, this.hooks.now()))
        lapsed.push(decodeURIComponent(key.slice(5)));
    }
    const { partition } = this;
    if (rows < limits.sweepRows) this.turnPage();
    for (const aor of lapsed) {
      if (this.hooks.closing()) return;
      await this.hooks.let(aor, partition);
    }
  }

  private turnPage(): void {
    this.partition = (this.partition + 1) % partitionCount;
    this.after = null;
  }
}
