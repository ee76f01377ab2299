// The SIP leg of large messages: a user agent that speaks to the proxies alone, over UDP. It takes INVITEs for people
// who are offline and calls people who are back; what is said in a session is not its business. It believes requests
// that show the token of this engine, which only the proxies know, and dialogs by their unguessable tags.
import type {
  CallHooks,
  Clock,
  Entropy,
  OutgoingCall,
  WaitingCall,
} from '../../../runtime/index.js';
import { IncomingCall } from './answering.js';
import { Calling } from './calling.js';
import type { Asking, DialogEnd, LegCore } from './core.js';
import { dialogKey } from './dialog.js';
import { legLimits } from './limits.js';
import { type Link, openLink, type Place } from './link.js';
import { ClientTransaction, ServerTransaction } from './transactions.js';
import {
  echoOf,
  type HeaderLine,
  type HeardRequest,
  type HeardResponse,
  hear,
  linesOf,
  statusLine,
  write,
} from './wire.js';

export interface LegOptions {
  /** Where to listen; port 0 for a free one. */
  readonly place: Place;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  readonly entropy: Entropy;
  /** Someone calls a person who is offline. */
  readonly onInvite: (call: WaitingCall) => void;
  readonly onFailure: (where: string, cause: unknown) => void;
}

/** A call under way, as the leg hands it out. */
export interface Call {
  /** Ends it: CANCEL before the answer, BYE after it. Harmless when it is over. */
  end(): void;
}

export interface SipLeg {
  readonly place: Place;
  /** What the proxies show, and are shown. */
  readonly token: string;
  call(call: OutgoingCall, hooks: CallHooks): Call;
  /** Dialogs, and calls of ours that wait for an answer. */
  readonly busy: number;
  /** Ends every call, then closes the socket. */
  close(): Promise<void>;
}

const tokenOctets = 20;

/** Opens the leg; rejects when its address cannot be had. */
export async function openLeg(options: LegOptions): Promise<SipLeg> {
  const leg = new Leg(options);
  await leg.open();
  return leg;
}

class Leg implements SipLeg, LegCore {
  readonly token: string;
  private link!: Link;
  private closing = false;
  private readonly clients = new Map<string, ClientTransaction>();
  private readonly servers = new Map<string, ServerTransaction>();
  private readonly dialogs = new Map<string, DialogEnd>();
  /** Calls of ours that wait for their answer. */
  private readonly calls = new Set<Calling>();

  constructor(private readonly options: LegOptions) {
    this.token = this.random(tokenOctets);
  }

  async open(): Promise<void> {
    this.link = await openLink(this.options.place, (octets, from) => this.receive(octets, from));
  }

  get place(): Place {
    return this.link.place;
  }

  get busy(): number {
    return this.dialogs.size + this.calls.size;
  }

  get clock(): LegOptions['clock'] {
    return this.options.clock;
  }

  /** The URI by which peers reach us within a dialog. */
  get contact(): string {
    return `<sip:deferred@${this.sentBy}>`;
  }

  private get sentBy(): string {
    const { address, port } = this.place;
    return `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  /** Unguessable letters for tags, branches and tokens. */
  random(octets = 12): string {
    return Buffer.from(this.options.entropy.bytes(octets)).toString('hex');
  }

  call(call: OutgoingCall, hooks: CallHooks): Call {
    if (this.closing || this.busy >= legLimits.dialogsMax || this.full(this.clients)) {
      hooks.refused(503);
      return { end: () => {} };
    }
    const calling = new Calling(this, call, {
      ...hooks,
      settled: () => this.calls.delete(calling),
    });
    this.calls.add(calling);
    calling.begin();
    return calling;
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const calling of [...this.calls]) calling.end();
    for (const dialog of [...this.dialogs.values()]) dialog.end();
    for (const call of [...this.invites.values()]) call.abandon();
    for (const one of [...this.clients.values(), ...this.servers.values()]) one.end();
    await this.link.close();
  }

  // ---- what calling.ts and answering.ts ask for ----

  via(branch: string): HeaderLine {
    return ['Via', `SIP/2.0/UDP ${this.sentBy};branch=${branch};rport`];
  }

  newBranch(): string {
    return `z9hG4bK${this.random()}`;
  }

  send(octets: Uint8Array, to: Place): void {
    this.link.send(octets, to);
  }

  transact(
    key: { readonly branch: string; readonly method: string },
    octets: Uint8Array,
    to: Place,
    asking: Asking,
  ): ClientTransaction | null {
    if (this.full(this.clients)) {
      this.send(octets, to);
      return null;
    }
    const name = `${key.branch} ${key.method}`;
    const transaction = new ClientTransaction(this.options.clock, key.method === 'INVITE', {
      transmit: () => this.link.send(octets, to),
      provisional: asking.provisional ?? (() => {}),
      final: asking.final,
      acknowledge: asking.acknowledge ?? (() => {}),
      over: () => this.clients.delete(name),
    });
    this.clients.set(name, transaction);
    return transaction;
  }

  private full(transactions: ReadonlyMap<string, unknown>): boolean {
    return transactions.size >= legLimits.transactionsMax;
  }

  addDialog(key: string, end: DialogEnd): void {
    this.dialogs.set(key, end);
  }

  dropDialog(key: string): void {
    this.dialogs.delete(key);
  }

  // ---- what comes in ----

  private receive(octets: Buffer, from: Place): void {
    const heard = hear(octets);
    if (heard === null) return;
    try {
      if (heard.kind === 'response') this.heardResponse(heard);
      else this.heardRequest(heard, { address: from.address, port: from.port });
    } catch (cause) {
      this.options.onFailure('leg', cause);
    }
  }

  private heardResponse(response: HeardResponse): void {
    this.clients.get(`${response.branch} ${response.method}`)?.hear(response);
  }

  private heardRequest(request: HeardRequest, from: Place): void {
    if (request.method === 'ACK') {
      this.heardAck(request);
      return;
    }
    const key = serverKey(request);
    const known = this.servers.get(key);
    if (known !== undefined) {
      known.repeated();
      return;
    }
    const refused = this.refusalOf(request);
    if (refused !== null) {
      this.answerUnremembered(request, from, refused);
      return;
    }
    const transaction = this.serve(request, from, key);
    if (request.method === 'CANCEL') this.heardCancel(transaction);
    else if (request.toTag !== '') this.heardWithin(transaction);
    else this.heardOutside(transaction, from);
  }

  // What is answered without a transaction: a repetition hears the same again (section 8.2.7).
  private refusalOf(request: HeardRequest): number | null {
    if (request.fault !== null) return 400;
    return this.strangersStatus(request) ?? (this.closing || this.full(this.servers) ? 503 : null);
  }

  // Who shows neither our token nor a dialog of ours may be anybody, and leaves nothing behind: there is no flood of such.
  private strangersStatus(request: HeardRequest): number | null {
    const { method, callId, toTag, fromTag } = request;
    if (method === 'CANCEL') return this.servers.has(inviteKey(request)) ? null : 481;
    if (toTag !== '') return this.dialogs.has(dialogKey(callId, toTag, fromTag)) ? null : 481;
    if (method !== 'INVITE') return unaskedStatus(method);
    return fieldsShown(request)[0] === this.token ? null : 403;
  }

  private answerUnremembered(request: HeardRequest, from: Place, status: number): void {
    const echo = echoOf(request, `none-${request.fromTag}`);
    const why: readonly HeaderLine[] =
      request.fault === null ? [] : [['Warning', `399 deferred-im "${request.fault}"`]];
    const lines = [...echo, ...allowOf(request, status), ...why];
    this.link.send(write(statusLine(status), lines), from);
  }

  private serve(request: HeardRequest, from: Place, key: string): ServerTransaction {
    const transaction: ServerTransaction = new ServerTransaction(this.options.clock, request, {
      transmit: (response) => this.link.send(response, from),
      unacknowledged: () => this.ofInvite(request)?.end(),
      over: () => {
        this.servers.delete(key);
        this.invites.delete(transaction);
      },
    });
    this.servers.set(key, transaction);
    return transaction;
  }

  /** Calls by the transaction of their INVITE. */
  private readonly invites = new Map<ServerTransaction, IncomingCall>();

  private ofInvite(request: HeardRequest): IncomingCall | null {
    for (const [transaction, call] of this.invites)
      if (transaction.request === request) return call;
    return null;
  }

  // The ACK of a 2xx is known by its dialog, any other by its INVITE (section 17.2.3).
  private heardAck(request: HeardRequest): void {
    this.servers.get(inviteKey(request))?.acknowledge();
    const { callId, toTag, fromTag } = request;
    this.dialogs.get(dialogKey(callId, toTag, fromTag))?.acknowledged(request);
  }

  private heardCancel(transaction: ServerTransaction): void {
    const { request } = transaction;
    const invited = this.servers.get(inviteKey(request));
    this.answer(transaction, 200);
    if (invited !== undefined && !invited.answered) this.invites.get(invited)?.cancelled();
  }

  private heardWithin(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { callId, toTag, fromTag } = request;
    const dialog = this.dialogs.get(dialogKey(callId, toTag, fromTag))!;
    if (!dialog.inOrder(request.cseq)) this.answer(transaction, 500);
    else if (request.method === 'BYE') {
      this.answer(transaction, 200);
      dialog.bye(request);
    } else if (request.method === 'OPTIONS') this.answer(transaction, 200);
    // One message, one description: nothing is negotiated anew, the session stays as it is.
    else this.answer(transaction, request.method === 'INVITE' ? 488 : notTaken(request.method));
  }

  // An INVITE that shows the token.
  private heardOutside(transaction: ServerTransaction, from: Place): void {
    const { request } = transaction;
    const [, asserted = '-', why] = fieldsShown(request);
    if (this.isMerged(transaction)) this.answer(transaction, 482);
    else if (this.busy >= legLimits.dialogsMax) this.answer(transaction, 503);
    else {
      transaction.respond(100, write(statusLine(100), echoOf(request, null)));
      const said = { asserted, queued: why === 'queued' };
      const call = new IncomingCall(this, transaction, from, said);
      this.invites.set(transaction, call);
      this.options.onInvite(call);
    }
  }

  // The same request over another path (section 8.2.2.2).
  private isMerged({ request }: ServerTransaction): boolean {
    for (const [{ request: other }] of this.invites) {
      const same = other.callId === request.callId && other.fromTag === request.fromTag;
      if (same && other.cseq === request.cseq && other.branch !== request.branch) return true;
    }
    return false;
  }

  answer(transaction: ServerTransaction, status: number, lines: readonly HeaderLine[] = []): void {
    const { request } = transaction;
    const all = [...echoOf(request, this.random()), ...allowOf(request, status), ...lines];
    transaction.respond(status, write(statusLine(status), all));
  }
}

// Token, identity, and why it comes here: only a proxy can have written them.
const fieldsShown = (request: HeardRequest): readonly string[] =>
  (linesOf(request.headers, ['X-IM-Leg'])[0]?.[1] ?? '').split(' ');

// Section 17.2.3: branch, sender and method; ACK and CANCEL name those of their INVITE.
const serverKey = ({ branch, sentBy, method }: HeardRequest): string =>
  `${branch} ${sentBy} ${method}`;

const inviteKey = (request: HeardRequest): string => serverKey({ ...request, method: 'INVITE' });

/** Methods the leg takes. */
const taken = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS'];

// Section 20.5: 405 and OPTIONS tell what is taken.
const allowOf = ({ method }: HeardRequest, status: number): readonly HeaderLine[] =>
  status === 405 || method === 'OPTIONS' ? [['Allow', taken.join(', ')]] : [];

/** Methods that are known to SIP, and not taken here (section 8.2.1). */
const known = new Set([
  ...['REGISTER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH'],
  ...['INFO', 'REFER', 'UPDATE', 'PRACK'],
]);

/** 405 for a method we know and do not take, 501 for one that nobody knows (section 21.5.2). */
const notTaken = (method: string): number => (known.has(method) ? 405 : 501);

// Outside of a dialog; a BYE without one belongs to nothing (section 15.1.2).
function unaskedStatus(method: string): number {
  if (method === 'OPTIONS') return 200;
  return method === 'BYE' ? 481 : notTaken(method);
}
