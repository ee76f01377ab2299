// Committed audit events on their way to the operator's systems: at least once, in order for each message, repeated until
// somebody says that he has them. Then their rows are removed. Decides nothing and keeps no event, only where each one
// lies; what does not fit in memory is found again in the store.
import type { Failpoint } from './failpoints.js';
import { auditRepeatsMs, limits } from './limits.js';
import type { AuditEvent, AuditPort, Cancel, Clock } from './ports.js';

/** Where an event lies: its message, and the number of the step. */
export interface AuditPlace {
  readonly local: string;
  readonly number: number;
}

export interface AuditHooks {
  /** The event in the store; null when it is gone or damaged. */
  readonly load: (place: AuditPlace) => AuditEvent | null;
  /** Somebody has it: its row may go. */
  readonly taken: (place: AuditPlace) => void;
  readonly sent: (again: boolean) => void;
  readonly partitionOf: (local: string) => number;
  /** Places of all events of a partition, in order for each message. */
  readonly scan: (partition: number) => AsyncIterable<AuditPlace>;
  readonly failed: (cause: unknown) => void;
  readonly failpoint: (name: Failpoint) => void;
}

/** The events of one message, oldest first; at most one is out. */
interface Queue {
  readonly local: string;
  readonly numbers: number[];
  /** Tries of the first one so far. */
  tries: number;
  out: boolean;
  rest: Cancel | null;
}

export class AuditSender {
  private readonly queues = new Map<string, Queue>();
  /** Messages whose first event may go out now. */
  private readonly ready = new Set<Queue>();
  /** Partitions with events that are not in memory. */
  private readonly behind = new Set<number>();
  /** Acknowledged, and the removal is not durable yet. */
  private readonly leaving = new Set<string>();
  private readonly missed = new Set<number>();
  private held = 0;
  private out = 0;
  private reading = false;
  private stopped = false;

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly port: AuditPort,
    private readonly hooks: AuditHooks,
  ) {}

  /** A partition was found with events in it. */
  found(partition: number): void {
    this.behind.add(partition);
    this.refill();
  }

  /** An event has become durable. */
  add(place: AuditPlace): void {
    const partition = this.hooks.partitionOf(place.local);
    // What is left in the store goes first, so that the order holds.
    if (this.behind.has(partition)) this.missed.add(partition);
    else if (this.held >= limits.auditMemoryMax) this.behind.add(partition);
    else this.enqueue(place);
    this.pump();
  }

  /** The removal of an event is durable. */
  over(place: AuditPlace): void {
    this.leaving.delete(nameOf(place));
  }

  /** The port can send again. */
  wake(): void {
    for (const queue of this.queues.values()) {
      if (queue.out) continue;
      queue.rest?.();
      queue.rest = null;
      this.ready.add(queue);
    }
    this.pump();
  }

  stop(): void {
    this.stopped = true;
    for (const { rest } of this.queues.values()) rest?.();
  }

  private enqueue({ local, number }: AuditPlace): void {
    if (this.leaving.has(nameOf({ local, number }))) return;
    let queue = this.queues.get(local);
    if (queue === undefined) {
      queue = { local, numbers: [], tries: 0, out: false, rest: null };
      this.queues.set(local, queue);
      this.ready.add(queue);
    }
    if (queue.numbers.includes(number)) return;
    queue.numbers.push(number);
    this.held += 1;
  }

  private pump(): void {
    for (const queue of this.ready) {
      if (this.stopped || this.out >= limits.auditWindow || !this.port.ready()) return;
      this.ready.delete(queue);
      this.publish(queue);
    }
  }

  private publish(queue: Queue): void {
    const place = { local: queue.local, number: queue.numbers[0]! };
    const event = this.hooks.load(place);
    // The reading may have ended everything.
    if (this.stopped) return;
    if (event === null) {
      this.acknowledged(queue, place);
      return;
    }
    queue.out = true;
    this.out += 1;
    this.hooks.failpoint('audit.before-publish');
    this.hooks.sent(queue.tries > 0);
    queue.tries += 1;
    this.port.publish(event).then(
      (taken) => this.answered(queue, place, taken),
      (cause: unknown) => this.hooks.failed(cause),
    );
    this.hooks.failpoint('audit.after-publish');
  }

  private answered(queue: Queue, place: AuditPlace, taken: boolean): void {
    queue.out = false;
    this.out -= 1;
    if (this.stopped) return;
    if (taken) {
      this.hooks.failpoint('audit.acknowledged');
      this.acknowledged(queue, place);
    } else this.rest(queue);
    this.pump();
    this.refill();
  }

  private acknowledged(queue: Queue, place: AuditPlace): void {
    queue.numbers.shift();
    queue.tries = 0;
    this.held -= 1;
    if (queue.numbers.length === 0) this.queues.delete(queue.local);
    else this.ready.add(queue);
    this.leaving.add(nameOf(place));
    this.hooks.taken(place);
  }

  private rest(queue: Queue): void {
    const forMs = auditRepeatsMs[Math.min(queue.tries, auditRepeatsMs.length) - 1]!;
    queue.rest = this.clock.after(forMs, () => {
      queue.rest = null;
      this.ready.add(queue);
      this.pump();
    });
  }

  private refill(): void {
    if (this.reading || this.stopped || this.behind.size === 0) return;
    if (this.held > limits.auditMemoryMax / 2) return;
    this.reading = true;
    void this.readAll().then(() => {
      this.reading = false;
      this.pump();
    });
  }

  private async readAll(): Promise<void> {
    for (const partition of [...this.behind]) {
      if (this.stopped || !(await this.readOne(partition))) return;
      this.behind.delete(partition);
    }
  }

  // Whether all of it is in memory now. What became durable meanwhile may lie behind the reader: it reads again.
  private async readOne(partition: number): Promise<boolean> {
    try {
      do {
        this.missed.delete(partition);
        for await (const place of this.hooks.scan(partition)) {
          if (this.stopped || this.held >= limits.auditMemoryMax) return false;
          this.enqueue(place);
        }
      } while (this.missed.has(partition));
      return true;
    } catch (cause) {
      // A read that the closing of the store cut short is nobody's loss.
      if (!this.stopped) this.hooks.failed(cause);
      return false;
    }
  }
}

const nameOf = ({ local, number }: AuditPlace): string => `${local} ${number}`;
