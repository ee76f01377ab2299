// The in-process signalling: what a proxy does between phones and engine, as function calls. It knows who speaks,
// refuses a forged From, keeps registrations, takes user commands, and carries out each effect once. Decides nothing
// about a message's life.
import type { IdResult, Listing, Reply } from '../../../runtime/index.js';
import type { TranscriptEntry } from '../stage/sip-agent.js';
import { formatSip, headerValue, type SipText } from '../stage/sip-text.js';
import type { HostCall } from './engine-host.js';
import type { HostEffect } from './host-client.js';
import { type Line, LocalPhone } from './local-phone.js';
import { domain } from './stage.js';

type Final = readonly [status: number, reason: string];

const serviceUri = `sip:deferred@${domain}`;
const resultType = 'application/vnd.deferred-im.result+json';

/** The engine as the switch reaches it: it may be another process after a restart. */
export type CallEngine = (call: HostCall) => Promise<unknown>;

export class Switchboard implements Line {
  readonly transcript: TranscriptEntry[] = [];
  readonly alice: LocalPhone;
  readonly bob: LocalPhone;
  readonly #registered = new Set<string>();
  /** Effect id → final status, or null while under way: a repetition is never sent twice. */
  readonly #outcomes = new Map<string, number | null>();
  readonly #call: CallEngine;

  constructor(call: CallEngine) {
    this.#call = call;
    this.alice = new LocalPhone('alice', this);
    this.bob = new LocalPhone('bob', this);
  }

  async register(user: string, expiresSeconds: number): Promise<number> {
    const aor = aorOf(user);
    if (expiresSeconds === 0) {
      this.#registered.delete(user);
      await this.#call({ op: 'unregistered', aor });
      return 200;
    }
    this.#registered.add(user);
    const expiresAtMs = Date.now() + expiresSeconds * 1000;
    const bindings = [{ contact: `sip:${user}@127.0.0.1`, expiresAtMs, features: [] }];
    await this.#call({ op: 'registered', aor, bindings });
    return 200;
  }

  async request(user: string, request: SipText): Promise<Final> {
    // Who proved who he is may write only his own address into From.
    if (uriIn(headerValue(request, 'from') ?? '') !== aorOf(user)) return [403, 'Forged From'];
    const target = request.startLine.split(' ')[1] ?? '';
    if (target === serviceUri) return this.#command(user, request);
    if (this.#phone(target) === null) return [404, 'Not Found'];
    const asserted = aorOf(user);
    const call: HostCall = { op: 'submit', octets: request.octets, asserted };
    const reply = (await this.#call(call)) as Reply;
    if (reply.kind === 'refused') return [reply.status, reply.reason];
    return [202, 'Accepted'];
  }

  /** Carries out a committed effect, once, and tells the engine how it ended. */
  async perform({ effectId, token, request }: HostEffect): Promise<void> {
    const known = this.#outcomes.get(effectId);
    if (known === null) return;
    if (known === undefined) {
      this.#outcomes.set(effectId, null);
      const named = request.fromName === null ? 'From: ' : `From: ${request.fromName} `;
      const headers = request.headers.replace('From: ', () => named);
      const length = `Content-Length: ${request.body.length}\r\n\r\n`;
      const head = Buffer.from(`MESSAGE ${request.ruri} SIP/2.0\r\n${headers}${length}`);
      const status = await this.#ring(request.ruri, Buffer.concat([head, request.body]));
      this.#outcomes.set(effectId, status);
    }
    const status = this.#outcomes.get(effectId) ?? 0;
    await this.#call({ op: 'outcome', effectId, token, status });
  }

  #ring(uri: string, octets: Buffer): Promise<number> {
    const phone = this.#phone(uri);
    const reachable = phone !== null && this.#registered.has(phone.user);
    return reachable ? phone.ring(octets) : Promise.resolve(480);
  }

  #phone(uri: string): LocalPhone | null {
    return [this.alice, this.bob].find((phone) => phone.uri === uri) ?? null;
  }

  // An empty 202 first, the result as a MESSAGE of its own after it.
  async #command(user: string, request: SipText): Promise<Final> {
    const aor = aorOf(user);
    const command = JSON.parse(request.body.toString('utf8')) as {
      readonly op: string;
      readonly ids: readonly string[] | 'all';
    };
    const { op, ids } = command;
    if (op !== 'list' && op !== 'delete') return [400, 'Unknown Operation'];
    const rows = op === 'list' ? await this.#list(aor) : await this.#remove(aor, ids);
    const callId = headerValue(request, 'call-id') ?? '';
    const body = JSON.stringify({ v: 1, op, callId, page: 1, of: 1, ...rows });
    const headers = {
      From: `<${serviceUri}>;tag=${callId}`,
      To: `<${aor}>`,
      'Call-ID': `result-${callId}`,
      CSeq: '1 MESSAGE',
      'Content-Type': resultType,
    };
    const octets = formatSip(`MESSAGE ${aor} SIP/2.0`, headers, Buffer.from(body));
    setImmediate(() => void this.#ring(aor, octets));
    return [202, 'Accepted'];
  }

  async #list(aor: string): Promise<object> {
    const { messages, next } = (await this.#call({ op: 'list', aor })) as Listing;
    const rows = messages.map(({ deferredId, ...row }) => ({ id: deferredId, ...row }));
    return { next, messages: rows };
  }

  async #remove(aor: string, ids: readonly string[] | 'all'): Promise<object> {
    const results = (await this.#call({ op: 'remove', aor, ids })) as readonly IdResult[];
    return { results };
  }
}

const aorOf = (user: string): string => `sip:${user}@${domain}`;

/** The URI between the angle brackets of a From. */
function uriIn(value: string): string {
  const open = value.lastIndexOf('<');
  return value.slice(open + 1, value.indexOf('>', open));
}
