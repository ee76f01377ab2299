// A call for somebody who is offline, from its INVITE to its end: refused, or answered and then ended by the caller's
// BYE or ours. It is answered for the served user; what the session carries is decided elsewhere.
import type { CallEnd, WaitingCall } from '../../../runtime/index.js';
import type { DialogEnd, LegCore } from './core.js';
import { answeringDialog, type Dialog, dialogKey, requestLines, takeNumber } from './dialog.js';
import type { Place } from './link.js';
import type { ServerTransaction } from './transactions.js';
import { echoOf, type HeaderLine, type HeardRequest, linesOf, statusLine, write } from './wire.js';

const keptOfOk = ['From', 'To', 'P-Asserted-Identity', 'Subject', 'Date'];
const keptOfBye = ['From', 'To', 'P-Asserted-Identity', 'Date', 'Reason', 'User-Agent'];

type Said = Pick<WaitingCall, 'asserted' | 'queued'>;

export class IncomingCall implements WaitingCall, DialogEnd {
  private dialog: Dialog | null = null;
  private readonly localTag: string;
  private over = false;
  private heardAck = false;
  /** Our BYE, while it waits for the caller's ACK (section 15). */
  private owed: (() => void) | null = null;
  private tell: (end: CallEnd) => void = () => {};

  constructor(
    private readonly leg: LegCore,
    private readonly transaction: ServerTransaction,
    private readonly from: Place,
    /** What the proxy says of it: whom it vouches for, and whether it goes behind a backlog. */
    private readonly said: Said,
  ) {
    this.localTag = leg.random();
  }

  get asserted(): string {
    return this.said.asserted;
  }

  get queued(): boolean {
    return this.said.queued;
  }

  get octets(): Uint8Array {
    return this.transaction.request.octets;
  }

  get body(): Uint8Array {
    return this.transaction.request.body;
  }

  onEnd(run: (end: CallEnd) => void): void {
    this.tell = run;
  }

  accept(sdp: string, lines: readonly HeaderLine[]): readonly HeaderLine[] | null {
    const { request } = this.transaction;
    const unsupported = requiredBy(request);
    if (unsupported.length > 0) {
      this.refuse(420, [['Unsupported', unsupported.join(', ')]]);
      return null;
    }
    const dialog = answeringDialog(request, this.localTag, this.from);
    if (dialog === null || this.over) {
      this.refuse(400);
      return null;
    }
    this.dialog = dialog;
    this.leg.addDialog(this.key(dialog), this);
    const all = this.okLines(lines);
    this.transaction.respond(200, write(statusLine(200), all, sdp));
    return all.filter(([name]) => keptOfOk.includes(name));
  }

  private okLines(lines: readonly HeaderLine[]): HeaderLine[] {
    const { request } = this.transaction;
    return [
      ...echoOf(request, this.localTag),
      ...linesOf(request.headers, ['Record-Route']),
      ['Contact', this.leg.contact],
      ['Content-Type', 'application/sdp'],
      ...lines,
    ];
  }

  refuse(status: number, lines: readonly HeaderLine[] = []): void {
    this.leg.answer(this.transaction, status, lines);
    this.finish([]);
  }

  hangUp(lines: readonly HeaderLine[] = []): void {
    const { dialog } = this;
    if (dialog === null || this.over) return;
    this.owed = () => this.sendBye(dialog, lines);
    this.finish([]);
    if (this.heardAck) this.payBye();
  }

  private payBye(): void {
    const { owed } = this;
    this.owed = null;
    owed?.();
  }

  private sendBye(dialog: Dialog, lines: readonly HeaderLine[]): void {
    const branch = this.leg.newBranch();
    dialog.localSeq += 1;
    const own: HeaderLine[] = [
      this.leg.via(branch),
      ...requestLines(dialog, 'BYE', dialog.localSeq),
      ['X-IM-Leg', this.leg.token],
      ...lines,
    ];
    const octets = write(`BYE ${dialog.remoteTarget} SIP/2.0`, own);
    this.leg.dropDialog(this.key(dialog));
    this.leg.transact({ branch, method: 'BYE' }, octets, dialog.proxy, { final: () => {} });
  }

  // ---- told by the leg ----

  acknowledged(ack: HeardRequest): void {
    if (ack.cseq !== this.transaction.request.cseq) return;
    this.transaction.acknowledge();
    this.heardAck = true;
    this.payBye();
  }

  inOrder(cseq: number): boolean {
    return this.dialog !== null && takeNumber(this.dialog, cseq);
  }

  /** The caller gave up before the answer (section 9.2). */
  cancelled(): void {
    this.refuse(487);
  }

  /** A BYE says as well that the answer was heard. */
  bye(request: HeardRequest): void {
    this.owed = null;
    this.transaction.acknowledge();
    if (this.dialog !== null) this.leg.dropDialog(this.key(this.dialog));
    this.finish(linesOf(request.headers, keptOfBye));
  }

  /** Nothing is heard of the caller any more, or the leg closes: BYE is not held back any longer. */
  end(): void {
    this.hangUp();
    this.payBye();
    this.finish([]);
  }

  /** The leg closes: a call that waits for its answer is refused. */
  abandon(): void {
    if (!this.transaction.answered) this.refuse(503);
  }

  private finish(bye: readonly HeaderLine[]): void {
    if (this.over) return;
    this.over = true;
    if (this.dialog !== null && this.owed === null) this.leg.dropDialog(this.key(this.dialog));
    this.tell({ bye });
  }

  private key({ callId, localTag, remoteTag }: Dialog): string {
    return dialogKey(callId, localTag, remoteTag);
  }
}

// What the caller insists on: we know no extension (section 8.2.2.3).
function requiredBy(request: HeardRequest): string[] {
  return linesOf(request.headers, ['Require'])
    .flatMap(([, value]) => value.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
