// Invariants of quotas: never more waits for a user, or for him from one sender, than is allowed (Q1); a message makes room
// only where the oldest may be dropped, and an older one of its sender that could have gone did (Q2). That its sender is
// told is L1's to ask.
import type { ActorRow } from '../../../runtime/index.js';
import type { Stage } from '../stage.js';
import { type Landing, letterIndexOf, messageOf, type Stored } from './view.js';

/** Between the choice of what goes and its going: two commits that stall. */
const choiceMs = 15_000;

export class QuotaChecks {
  constructor(private readonly simulation: Stage) {}

  check({ touched }: Landing): void {
    for (const stored of touched) this.touched(stored, touched);
  }

  private touched(stored: Stored, touched: ReadonlySet<Stored>): void {
    const { before, row } = stored;
    if (row === null) return;
    if (before === null) this.born(row);
    const evicted = row.trail.at(-1)?.event === 'message.evicted';
    if (evicted && before?.revision !== row.revision) this.evicted(row, touched);
  }

  private born(row: ActorRow): void {
    const { quota } = this.simulation.options;
    if (quota == null || !row.live) return;
    const { aor } = messageOf(row);
    const waiting = [...(this.simulation.model.view.waiting.get(aor) ?? [])];
    if (waiting.length > quota.mailbox)
      this.violated('Q1', `${waiting.length} messages wait for ${aor}, of ${quota.mailbox}`);
    const fromHim = waiting.filter((one) => one.row?.sender === row.sender);
    if (fromHim.length > quota.pair)
      this.violated('Q1', `${fromHim.length} wait for ${aor} from one sender, of ${quota.pair}`);
  }

  private evicted(row: ActorRow, touched: ReadonlySet<Stored>): void {
    const { options, model } = this.simulation;
    const index = letterIndexOf(row);
    if (options.quota?.atLimit !== 'drop-oldest')
      this.violated('Q2', `message ${index} made room, and nothing may be dropped`);
    const goneAtMs = row.trail.at(-1)?.atMs ?? 0;
    for (const other of model.view.waiting.get(messageOf(row).aor) ?? []) {
      if (other.row === null || touched.has(other) || other.row.sender !== row.sender) continue;
      const { pending, parked, arrival, trail } = other.row;
      const stays = pending.length > 0 || parked !== null;
      // It may have been pushed when it was asked about.
      const settled = Math.abs(goneAtMs - (trail.at(-1)?.atMs ?? 0)) > choiceMs;
      if (arrival < row.arrival && !stays && settled)
        this.violated('Q2', `message ${index} made room before ${letterIndexOf(other.row)}`);
    }
  }

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }
}
