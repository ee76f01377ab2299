// One heap of (time, insertion number) and nothing else that runs. A step takes one entry, runs it, and lets every
// promise that can go on go on before the next entry is taken.
//
// Draining: `process._tickCallback` runs Node's microtask queue to its end within this call. Measured for an entry with
// two promise reactions: 0.15 µs, against 1.2 µs for a setImmediate barrier and 1.0 µs for twenty awaits, which are not
// even sure to be enough; a vm context of its own (microtaskMode) would need a second copy of every module, and
// `internalBinding` a command-line flag. It works only outside of a promise reaction: `assertDraining` says so at once.

const drain = (process as unknown as { _tickCallback(): void })._tickCallback;

/** Throws when promises do not settle within a step: the caller runs inside a promise reaction. */
export function assertDraining(): void {
  let reached = false;
  void Promise.resolve().then(() => {
    reached = true;
  });
  drain();
  if (!reached) throw new Error('the simulation must be driven from a macrotask');
}

/** Whose entries these are: they vanish with their owner, and wait while it stands still. */
export interface Owner {
  dead: boolean;
  pausedUntilMs: number;
}

export interface Entry {
  atMs: number;
  order: number;
  readonly run: () => void;
  readonly owner: Owner | null;
  cancelled: boolean;
}

/** Ends the work of a process in the middle of a step; nobody may learn anything from it, so it has no stack. */
export class Killed {}

export class Scheduler {
  nowMs = 0;
  steps = 0;
  private order = 0;
  private readonly heap: Entry[] = [];

  /** `failed` hears what an entry throws. */
  constructor(private readonly failed: (cause: unknown) => void) {}

  after(delayMs: number, run: () => void, owner: Owner | null = null): Entry {
    this.order += 1;
    const atMs = this.nowMs + delayMs;
    const entry = { atMs, order: this.order, run, owner, cancelled: false };
    this.push(entry);
    return entry;
  }

  /** Takes one entry; false when there is none. */
  step(): boolean {
    for (;;) {
      const entry = this.pop();
      if (entry === null) return false;
      if (entry.cancelled || entry.owner?.dead) continue;
      if (entry.atMs > this.nowMs) this.nowMs = entry.atMs;
      if (entry.owner !== null && entry.owner.pausedUntilMs > this.nowMs) {
        entry.atMs = entry.owner.pausedUntilMs;
        this.push(entry);
        continue;
      }
      this.steps += 1;
      try {
        entry.run();
      } catch (cause) {
        if (!(cause instanceof Killed)) this.failed(cause);
      }
      drain();
      return true;
    }
  }

  /** Lets go of what a dead owner still had to do; it would never run. */
  forget(owner: Owner): void {
    const { heap } = this;
    const left = heap.filter((entry) => entry.owner !== owner);
    heap.length = 0;
    for (const entry of left) this.push(entry);
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): Entry | null {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
