// A store and a bus that count what they are asked, and fail at one operation: the disk with an error, after which the
// process must end; the bus as it may at any time, by losing or doubling what it was given.
import type { AuditEvent, AuditPort } from '../../runtime/index.js';
import { breathe, MemoryStore, RecordingEffects } from '../support/world.js';

export type Operation = 'get' | 'scan' | 'commit' | 'send' | 'publish';

/** How an operation can fail: with an error, with an error although all was written, silently. */
export type Failure = 'EIO' | 'ENOSPC' | 'ghost' | 'lost' | 'doubled';

export const failuresOf: Readonly<Record<Operation, readonly Failure[]>> = {
  get: ['EIO'],
  scan: ['EIO'],
  commit: ['EIO', 'ENOSPC', 'ghost'],
  send: ['lost', 'doubled'],
  publish: ['lost', 'doubled'],
};

const texts = { EIO: 'Input/output error', ENOSPC: 'No space left on device' };

const levelError = (failure: Failure): Error =>
  Object.assign(
    new Error(`IO error: 000003.log: ${texts[failure === 'ENOSPC' ? failure : 'EIO']}`),
    {
      code: 'LEVEL_IO_ERROR',
    },
  );

/** Counts the operations of all lives, and says which one fails. */
export class Count {
  readonly operations: Operation[] = [];
  /** The operation that failed, once the engine has been told. */
  struck: Operation | null = null;
  /** The process was told to end: nothing it begins from now on happens. */
  ended = false;
  /** Commits and effects of a life after its failure: there must be none. */
  after = 0;

  constructor(
    private readonly at: number,
    private readonly failure: Failure,
  ) {}

  /** The failure this operation meets, or null. */
  next(operation: Operation): Failure | null {
    if (this.struck !== null && operation !== 'get' && operation !== 'scan') this.after += 1;
    this.operations.push(operation);
    return this.operations.length === this.at ? this.failure : null;
  }

  /** What the engine hears of it. */
  strike(operation: Operation, failure: Failure): Error {
    this.struck = operation;
    return levelError(failure);
  }

  /** A new process. */
  again(): void {
    this.struck = null;
    this.ended = false;
  }
}

export class FailingStore extends MemoryStore {
  constructor(
    rows: Iterable<readonly [string, Uint8Array]>,
    private readonly count: Count,
  ) {
    super(rows);
  }

  override get(key: string): Uint8Array | undefined {
    const failure = this.count.next('get');
    if (failure !== null) throw this.count.strike('get', failure);
    return super.get(key);
  }

  /** A row, read by the test and not by the engine. */
  plain(key: string): Uint8Array | undefined {
    return super.get(key);
  }

  override async *scan(
    from: string,
    to: string,
    limit?: number,
  ): AsyncGenerator<readonly [string, Uint8Array]> {
    const failure = this.count.next('scan');
    if (failure !== null) {
      // Work that is under way beside it goes on until the engine hears of the failure.
      await breathe();
      throw this.count.strike('scan', failure);
    }
    yield* super.scan(from, to, limit);
  }

  override async commit(rows: Parameters<MemoryStore['commit']>[0]): Promise<void> {
    // After `exit` a process begins nothing; the simulated one is only stopped here.
    if (this.count.ended && this.count.struck !== 'commit') return new Promise(() => {});
    const failure = this.count.next('commit');
    if (failure === null) return super.commit(rows);
    this.failCommit(failure === 'ghost' ? 'ghost' : 'lost');
    await super.commit(rows).catch(() => {});
    // Whatever landed before has been heard by now.
    await breathe();
    throw this.count.strike('commit', failure);
  }
}

export class FailingEffects extends RecordingEffects {
  constructor(private readonly count: Count) {
    super();
  }

  override send(effect: Parameters<RecordingEffects['send']>[0]): void {
    const failure = this.count.next('send');
    if (failure === 'lost') return;
    super.send(effect);
    if (failure === 'doubled') super.send(effect);
  }
}

/** Hears of steps; an event is lost on its way there, or the word that it arrived is. */
export class FailingAudits implements AuditPort {
  /** Numbers of the events of each message, in the order in which they were first heard. */
  readonly heard = new Map<string, number[]>();

  constructor(private readonly count: Count) {}

  ready(): boolean {
    return true;
  }

  async publish({ deferredId, number }: AuditEvent): Promise<boolean> {
    const failure = this.count.next('publish');
    if (failure === 'lost') return false;
    const known = this.heard.get(deferredId) ?? [];
    this.heard.set(deferredId, known);
    if (!known.includes(number)) known.push(number);
    return failure === null;
  }
}
