// What users ask for before the rest of their mailbox. It is held in memory, by a delivery run or between two: until a
// user's registration is heard of, which may be slower than his own words, or until he is tried again. Each message stands
// here once, its first asking counts, and there are never more than a mailbox holds, of so many users.
import { limits } from './limits.js';
import type { Clock } from './ports.js';

/** Messages in the order they were asked for: local id → until when on the monotonic clock, a passing trouble apart. */
export type Head = Map<string, number>;

export class Asked {
  private readonly kept = new Map<string, Head>();

  constructor(
    private readonly clock: Pick<Clock, 'mono'>,
    private readonly messagesMax: number,
  ) {}

  /** Puts messages behind those that were asked for before; beyond a mailbox, the oldest wishes give way. */
  add(head: Head, locals: Iterable<string>): void {
    for (const local of locals) if (!head.has(local)) head.set(local, Number.POSITIVE_INFINITY);
    for (const local of head.keys()) {
      if (head.size <= this.messagesMax) break;
      head.delete(local);
    }
  }

  /** Keeps what a run leaves: its user is tried again in time, or was not to be reached. */
  keep(aor: string, head: Head, why: 'retry' | 'unreachable'): void {
    if (head.size === 0) return;
    this.kept.delete(aor);
    this.kept.set(aor, head);
    for (const local of head.keys()) if (why === 'retry') head.set(local, Number.POSITIVE_INFINITY);
    if (why === 'unreachable') this.unreachable(aor);
    if (this.kept.size > limits.keptRequestsMax) this.kept.delete(this.kept.keys().next().value!);
  }

  /** A user has gone: what is kept for him lapses unless he returns soon. */
  unreachable(aor: string): void {
    const lapsesMs = this.clock.mono() + limits.requestKeepMs;
    const head = this.kept.get(aor);
    for (const [local, untilMs] of head ?? []) head!.set(local, Math.min(untilMs, lapsesMs));
  }

  /** For the run that begins now: what is kept for its user, then what he asks for besides. */
  take(aor: string, locals: Iterable<string> = []): Head {
    const head: Head = this.kept.get(aor) ?? new Map();
    this.kept.delete(aor);
    for (const [local, untilMs] of head) if (untilMs <= this.clock.mono()) head.delete(local);
    this.add(head, locals);
    return head;
  }
}
