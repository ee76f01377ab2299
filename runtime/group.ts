// Group commit: commands are decided as they come, into the open group; one group is on its way to disk; the next
// closes when that one has landed (reliability R3, R4). Outputs of a group leave only after its sync (R1). The first
// failure of the store ends everything: after it nothing is decided and nothing is said (R5).
import { add, readSum, type Sum, sameSum, sealRow, subtract, writeSum, zero } from './integrity.js';
import { keys, partitionOfKey, storeSumKey } from './keys.js';
import type { Changes, Ledger, RowContent } from './ledger.js';
import { limits } from './limits.js';
import type { RowWrite, StorePort, World } from './ports.js';
import type { MetaRow, StoreSumRow } from './rows.js';

/** What the group writes about a partition beside its rows. */
export interface PartitionState {
  epoch: number;
  seq: number;
  count: number;
  sum: Sum;
  arrivals: number;
}

export const partitionState = (meta: MetaRow): PartitionState => ({
  epoch: meta.epoch,
  seq: meta.seq,
  count: meta.count,
  sum: readSum(meta.sum),
  arrivals: meta.arrivals,
});

const metaRow = (state: PartitionState): MetaRow => ({ ...state, sum: writeSum(state.sum) });

export interface GroupHooks {
  readonly now: () => number;
  /** The last group has landed and there is room: queued commands and due timers may go on. */
  readonly room: () => void;
  /** The store failed; nothing may be decided any more. */
  readonly failed: (cause: unknown) => void;
  readonly landed: (commands: number, syncMs: number) => void;
}

export class GroupCommit {
  private outputs: (() => void)[] = [];
  private commands = 0;
  private octets = 0;
  private inFlight = false;
  private closing = false;
  private dead = false;
  private idle: (() => void)[] = [];

  constructor(
    private readonly world: Pick<World, 'clock' | 'failpoint'> & { readonly store: StorePort },
    private readonly ledger: Ledger,
    private readonly partitions: readonly PartitionState[],
    private readonly total: { epoch: number; seq: number },
    private readonly hooks: GroupHooks,
  ) {}

  /** True while another command may join the open group. */
  get open(): boolean {
    return (
      this.commands < limits.groupCommandsMax && this.octets < limits.groupOctetsMax && !this.dead
    );
  }

  /** Counts a decided command in; `output` runs when the group is durable. */
  add(octets: number, output: () => void): void {
    this.commands += 1;
    this.octets += octets;
    this.outputs.push(output);
    this.schedule();
  }

  /** True while something is open or in flight. */
  get busy(): boolean {
    return this.inFlight || this.outputs.length > 0;
  }

  /** Resolves when nothing is open and nothing is in flight, or when the store has failed. */
  drained(): Promise<void> {
    if (this.dead || (!this.inFlight && this.outputs.length === 0)) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.inFlight || this.closing || this.dead) return;
    this.closing = true;
    this.world.clock.soon(() => {
      this.closing = false;
      this.close();
    });
  }

  private close(): void {
    if (this.inFlight || this.dead || this.outputs.length === 0) return;
    const outputs = this.outputs;
    const commands = this.commands;
    this.outputs = [];
    this.commands = 0;
    this.octets = 0;
    const changes = this.ledger.take();
    if (changes.size === 0) {
      this.speak(outputs);
      return;
    }
    this.write(changes, outputs, commands);
  }

  private write(changes: Changes, outputs: (() => void)[], commands: number): void {
    const rows = this.seal(changes);
    const begun = this.world.clock.mono();
    this.inFlight = true;
    this.world.failpoint('commit.before');
    this.world.store.commit(rows).then(
      () => {
        this.world.failpoint('commit.after');
        this.inFlight = false;
        this.ledger.landed();
        this.hooks.landed(commands, this.world.clock.mono() - begun);
        this.speak(outputs);
      },
      (cause: unknown) => {
        this.dead = true;
        this.hooks.failed(cause);
        this.rest();
      },
    );
  }

  private speak(outputs: (() => void)[]): void {
    for (const output of outputs) output();
    if (this.dead) return;
    this.hooks.room();
    if (this.outputs.length > 0) this.close();
    if (!this.inFlight && this.outputs.length === 0) this.rest();
  }

  private rest(): void {
    for (const resolve of this.idle.splice(0)) resolve();
  }

  // The rows of the group, with the sums they change and the numbers that go with it.
  private seal(changes: Changes): RowWrite[] {
    const rows: RowWrite[] = [];
    const touched = new Set<number>();
    for (const [key, change] of changes) {
      const partition = partitionOfKey(key);
      touched.add(partition);
      const state = this.partitions[partition]!;
      const { content } = change;
      const row = content === null ? null : sealRow(key, written(content));
      account(state, change.before, row?.sum ?? null);
      change.sum = row?.sum ?? null;
      rows.push({ key, value: row?.value ?? null });
    }
    this.total.seq += 1;
    for (const partition of touched) rows.push(this.metaOf(partition));
    const sum: StoreSumRow = { ...this.total, timeMs: this.hooks.now() };
    rows.push({ key: storeSumKey, value: sealJson(storeSumKey, sum) });
    return rows;
  }

  private metaOf(partition: number): RowWrite {
    const state = this.partitions[partition]!;
    state.epoch = this.total.epoch;
    state.seq = this.total.seq;
    const key = keys.meta(partition);
    return { key, value: sealJson(key, metaRow(state)) };
  }
}

/** A JSON row that is not part of any sum. */
export const sealJson = (key: string, value: object): Buffer =>
  sealRow(key, JSON.stringify(value)).value;

const written = (content: RowContent): Uint8Array | string =>
  content instanceof Uint8Array ? content : JSON.stringify(content);

function account(state: PartitionState, before: Sum | null, after: Sum | null): void {
  if (before !== null) {
    state.count -= 1;
    state.sum = subtract(state.sum, before);
  }
  if (after !== null) {
    state.count += 1;
    state.sum = add(state.sum, after);
  }
  if (state.count === 0 && !sameSum(state.sum, zero))
    throw new TypeError('an empty partition has a sum');
}
