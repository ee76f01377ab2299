// A call of ours to somebody who is back: INVITE, the answer, ACK, BYE (RFC 3261 sections 13 and 15). It ends by a
// status or with a session; of several phones that answer the first is spoken to, the others hear BYE at once.
import type { CallHooks, Cancel, OutgoingCall } from '../../../runtime/index.js';
import type { DialogEnd, LegCore } from './core.js';
import { calledDialog, type Dialog, dialogKey, requestLines, takeNumber } from './dialog.js';
import { legLimits } from './limits.js';
import type { ClientTransaction } from './transactions.js';
import { type HeaderLine, type HeardResponse, linesOf, write } from './wire.js';

interface Hooks extends CallHooks {
  /** It waits for no answer any more: it is a dialog, or over. */
  readonly settled: () => void;
}

export class Calling implements DialogEnd {
  private readonly branch: string;
  private dialog: Dialog | null = null;
  /** What was said to each phone that answered, by its tag: an answer that comes again means that this was lost. */
  private readonly acks = new Map<string, Buffer>();
  private inviting: Pick<ClientTransaction, 'giveUp'> | null = null;
  private wanted = true;
  private over = false;
  private stopRinging: Cancel = () => {};
  private provisional = false;

  constructor(
    private readonly leg: LegCore,
    private readonly outgoing: OutgoingCall,
    private readonly hooks: Hooks,
  ) {
    this.branch = leg.newBranch();
  }

  begin(): void {
    const key = { branch: this.branch, method: 'INVITE' };
    this.inviting = this.leg.transact(
      key,
      this.request('INVITE', this.outgoing.sdp),
      this.outgoing.proxy,
      {
        provisional: () => this.ringing(),
        final: (response) => this.answered(response),
        acknowledge: (response) => this.leg.send(this.refusalAck(response), this.outgoing.proxy),
      },
    );
  }

  /** Gives it up, or ends the session. */
  end(): void {
    this.wanted = false;
    if (this.dialog !== null) this.hangUp(this.dialog);
    else if (this.provisional && !this.over) this.cancel();
    this.finish();
  }

  private request(method: 'INVITE' | 'CANCEL', sdp: string): Buffer {
    const { uri, contact, headers, cseq } = this.outgoing;
    const shown = `${this.leg.token} ${Buffer.from(contact).toString('base64')}`;
    const [via, own] = [this.leg.via(this.branch), `CSeq: ${cseq} ${method}`];
    const before = `${method} ${uri} SIP/2.0\r\n${via[0]}: ${via[1]}\r\nMax-Forwards: 70\r\n${own}\r\n`;
    const lines: HeaderLine[] =
      method === 'CANCEL'
        ? [['X-IM-Leg', shown]]
        : [
            ['Contact', this.leg.contact],
            ['X-IM-Leg', shown],
            ['Content-Type', 'application/sdp'],
          ];
    const rest = method === 'CANCEL' ? identityOf(headers) : headers;
    return write(before + rest.trimEnd(), lines, sdp);
  }

  private ringing(): void {
    this.provisional = true;
    if (!this.wanted) {
      this.cancel();
      return;
    }
    this.stopRinging = this.leg.clock.after(legLimits.ringingMsMax, () => {
      this.cancel();
      this.refuse(480);
    });
  }

  // Section 9.1: only after a provisional answer; the 487 that follows is acknowledged by the transaction, and when
  // none follows nothing is waited for any more.
  private cancel(): void {
    this.inviting?.giveUp();
    const key = { branch: this.branch, method: 'CANCEL' };
    this.leg.transact(key, this.request('CANCEL', ''), this.outgoing.proxy, { final: () => {} });
  }

  private answered(response: HeardResponse | null): void {
    this.stopRinging();
    if (response === null || response.status >= 300) {
      this.refuse(response?.status ?? 408);
      return;
    }
    // A repetition means that our ACK was lost.
    const said = this.acks.get(response.toTag);
    if (said !== undefined) this.leg.send(said, this.outgoing.proxy);
    else if (this.acks.size < legLimits.forksMax) this.firstAnswer(response);
  }

  private firstAnswer(response: HeardResponse): void {
    const dialog = calledDialog(response, this.outgoing.proxy);
    if (dialog === null) {
      this.refuse(500);
      return;
    }
    const ack = this.within(dialog, 'ACK', response.cseq);
    this.acks.set(response.toTag, ack);
    this.leg.send(ack, dialog.proxy);
    // Another phone was quicker, or nobody wants it any more.
    if (this.dialog !== null || !this.wanted || this.over) {
      this.hangUp(dialog);
      return;
    }
    this.dialog = dialog;
    this.leg.addDialog(keyOf(dialog), this);
    this.hooks.settled();
    this.hooks.accepted(response.body);
  }

  private within(
    dialog: Dialog,
    method: string,
    cseq: number,
    branch = this.leg.newBranch(),
  ): Buffer {
    const lines: HeaderLine[] = [
      this.leg.via(branch),
      ...requestLines(dialog, method, cseq),
      ['X-IM-Leg', this.leg.token],
    ];
    return write(`${method} ${dialog.remoteTarget} SIP/2.0`, lines);
  }

  // Section 17.1.1.3: the ACK of a refusal is that of the INVITE's own branch, with the To of the answer.
  private refusalAck(response: HeardResponse): Buffer {
    const echo = linesOf(response.headers, ['From', 'To', 'Call-ID']);
    const lines: HeaderLine[] = [
      this.leg.via(this.branch),
      ['Max-Forwards', '70'],
      ...echo,
      ['CSeq', `${response.cseq} ACK`],
      ['X-IM-Leg', this.leg.token],
    ];
    return write(`ACK ${this.outgoing.uri} SIP/2.0`, lines);
  }

  private hangUp(dialog: Dialog): void {
    dialog.localSeq += 1;
    const branch = this.leg.newBranch();
    const octets = this.within(dialog, 'BYE', dialog.localSeq, branch);
    this.leg.transact({ branch, method: 'BYE' }, octets, dialog.proxy, { final: () => {} });
  }

  private refuse(status: number): void {
    const told = this.over;
    this.finish();
    if (!told) this.hooks.refused(status);
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.stopRinging();
    if (this.dialog !== null) this.leg.dropDialog(keyOf(this.dialog));
    this.hooks.settled();
  }

  // ---- told by the leg ----

  acknowledged(): void {}

  inOrder(cseq: number): boolean {
    return this.dialog !== null && takeNumber(this.dialog, cseq);
  }

  bye(): void {
    const told = this.over;
    this.finish();
    this.dialog = null;
    if (!told) this.hooks.hungUp();
  }
}

const keyOf = ({ callId, localTag, remoteTag }: Dialog): string =>
  dialogKey(callId, localTag, remoteTag);

// A CANCEL carries From, To and Call-ID of its INVITE, and nothing else of it (section 9.1).
const identityOf = (headers: string): string =>
  headers
    .split('\r\n')
    .filter((line) => /^(?:From|To|Call-ID):/.test(line))
    .join('\r\n');
