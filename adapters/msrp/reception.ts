// One session that brings a large message, from its answer to its end: SIP on one side, MSRP on the other. It knows who is
// waited for and how long, and sees to it that what the caller's BYE says is kept with what the session has brought,
// whichever comes first (S2 9.3.2.4).
import type { HeaderLine } from '../../machines/index.js';
import type { Cancel, Clock, WaitingCall } from '../../runtime/index.js';
import { msrpLimits } from './limits.js';
import type { Receiving } from './receiving.js';

export interface ReceptionHooks {
  readonly over: () => void;
  /** It is over, and brought nothing. */
  readonly fruitless: () => void;
  readonly ended: (deferredId: string, bye: readonly HeaderLine[]) => void;
}

export class Reception {
  private receiving!: Receiving;
  private readonly ids: string[] = [];
  private brought = 0;
  private beingStored = 0;
  private over = false;
  /** What the caller's BYE said, once it has come. */
  private bye: readonly HeaderLine[] = [];
  private readonly stopWaiting: Cancel[] = [];

  constructor(
    private readonly call: WaitingCall,
    private readonly clock: Pick<Clock, 'after'>,
    private readonly hooks: ReceptionHooks,
  ) {}

  begin(receiving: Receiving): void {
    this.receiving = receiving;
    this.call.onEnd(({ bye }) => this.finish(bye));
    this.stopWaiting.push(
      this.clock.after(msrpLimits.idleMsMax, () => {
        if (!receiving.bound) this.end();
      }),
    );
    this.wait(msrpLimits.sessionMsMax);
  }

  /** A message is whole; what becomes of it is not known yet. */
  storing(): void {
    this.beingStored += 1;
  }

  decided(): void {
    this.beingStored -= 1;
    this.judge();
  }

  /** A message was taken; null when nothing of it is kept. The BYE may have been quicker than the disk. */
  stored(deferredId: string | null): void {
    this.brought += 1;
    if (deferredId !== null && this.over) this.tellBye(deferredId);
    else if (deferredId !== null) this.ids.push(deferredId);
    this.wait(msrpLimits.byeMsMax);
  }

  /** What the store said in place of 200 also stands in our BYE, as MSRP has no word for it (RFC 3326). */
  refused(status: number, reason: string): void {
    if (this.over) return;
    const cause = `SIP;cause=${status};text="${reason.replaceAll('"', "'").replaceAll('\\', '/')}"`;
    this.stopWaiting.push(
      this.clock.after(msrpLimits.byeMsMax, () => this.call.hangUp([['Reason', cause]])),
    );
  }

  lost(): void {
    this.wait(msrpLimits.byeMsMax);
  }

  end(): void {
    this.call.hangUp();
    this.finish([]);
  }

  // The clock takes at most a minute at once.
  private wait(forMs: number): void {
    if (this.over) return;
    const part = Math.min(forMs, 60_000);
    const rest = forMs - part;
    this.stopWaiting.push(this.clock.after(part, () => (rest > 0 ? this.wait(rest) : this.end())));
  }

  private finish(bye: readonly HeaderLine[]): void {
    if (this.over) return;
    this.over = true;
    this.bye = bye;
    for (const cancel of this.stopWaiting) cancel();
    this.receiving.end();
    this.hooks.over();
    this.judge();
    for (const id of this.ids) this.tellBye(id);
  }

  private judge(): void {
    if (this.over && this.beingStored === 0 && this.brought === 0) this.hooks.fruitless();
  }

  private tellBye(deferredId: string): void {
    if (this.bye.length > 0) this.hooks.ended(deferredId, this.bye);
  }
}
