// Moves living messages from older policies to another one, behind the activation that asked for it: goes through the
// actors of each partition in key order and hands them to the writer a group at a time, so that commands and timers go
// between. It decides nothing, and keeps nothing that the row of the migration does not say: after a crash it goes on
// from there.

import type { Failpoint } from './failpoints.js';
import { keys, ranges } from './keys.js';
import { limits, partitionCount } from './limits.js';
import type { PolicyCourse } from './policy-course.js';
import type { StorePort } from './ports.js';
import { closedFault, type Writer } from './writer.js';

export interface MoverParts {
  readonly writer: Pick<Writer, 'submit'>;
  readonly store: Pick<StorePort, 'scan'>;
  readonly course: Pick<PolicyCourse, 'migration'>;
  /** Reads under way: the store is closed after them. */
  readonly reading: Set<Promise<unknown>>;
  /** The engine is closing: nothing more is moved. */
  readonly halted: () => boolean;
  readonly failed: (cause: unknown) => void;
  readonly failpoint: (name: Failpoint) => void;
}

export class Mover {
  private moving = false;

  constructor(private readonly parts: MoverParts) {}

  /** Goes on with what the row of the migration says; nothing without one. */
  begin(): void {
    if (this.moving || this.parts.course.migration === null) return;
    this.moving = true;
    this.moveAll().then(
      () => {
        this.moving = false;
        // Another one may have been asked for in the very group that ended this one.
        this.begin();
      },
      (cause: unknown) => {
        if (!this.parts.halted()) this.parts.failed(cause);
      },
    );
  }

  private async moveAll(): Promise<void> {
    for (let at = this.at(); at.partition < partitionCount; at = this.at()) await this.moveNext(at);
    await this.parts.writer.submit({ type: 'moving.ended' }, partitionCount);
  }

  private at(): { readonly partition: number; readonly after: string | null } {
    return this.parts.course.migration?.at ?? { partition: partitionCount, after: null };
  }

  private async moveNext({ partition, after }: ReturnType<Mover['at']>): Promise<void> {
    const page = this.page(partition, after);
    this.parts.reading.add(page);
    const locals = await page.finally(() => this.parts.reading.delete(page));
    if (this.parts.halted()) throw closedFault();
    this.parts.failpoint('policy.before-move');
    const last = locals.length < limits.migrationGroupRows;
    const command = { type: 'messages.moved', partition, locals, last } as const;
    await this.parts.writer.submit(command, partition);
  }

  private async page(partition: number, after: string | null): Promise<readonly string[]> {
    const { from, to } = ranges.family(partition, 'a');
    const start = after === null ? from : `${keys.actor(after)}\0`;
    const locals: string[] = [];
    for await (const [key] of this.parts.store.scan(start, to, limits.migrationGroupRows))
      locals.push(key.slice(5));
    return locals;
  }
}
