// A proxy as deferred-im.cfg makes one, played on the real bus: it holds senders and refuses without a beat, says when an
// answer came too late, knows who is registered, sends each effect once and answers a repetition from memory. Senders
// behind it repeat with the same Message-ID until they are answered for good. It records what the world saw.
import type { Msg, NatsConnection } from 'nats';
import {
  aliveLine,
  answerLine,
  formatRequest,
  lateLine,
  offlineLine,
  onlineLine,
  outcomeLine,
  type SendLine,
  sendLine,
} from '../../adapters/nats/lines.js';
import { subjects } from '../../adapters/nats/subjects.js';
import type { History, Letter } from './history.js';

const node = 'n1';
/** How long a sender is held; Kamailio's default is 3 s, the order of things is the same. */
const holdMs = 1000;
const beatLapsesMs = 4000;
const againMs = 150;
/** How long a sender goes on; an engine on a busy machine takes its time to start. */
const patienceMs = 60_000;
const phoneMs = 5;

/** How a user's phone answers a delivery. */
export type Phone = () => number;

type Formatted =
  | { readonly ok: true; readonly value: string | Uint8Array }
  | { readonly ok: false };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class SimulatedProxy {
  /** Held transactions by label. */
  private readonly held = new Map<number, (code: number) => void>();
  /** Effect id to its final status, null while it is under way. */
  private memory = new Map<string, number | null>();
  private readonly phones = new Map<string, Phone>();
  private label = 0;
  private beatAtMs = Number.NEGATIVE_INFINITY;
  /** Closed: nothing is answered any more. */
  private closed = false;

  constructor(
    private readonly bus: NatsConnection,
    private readonly history: History,
  ) {
    this.hear(subjects.answer, (line) => this.answered(line));
    this.hear(subjects.send, (line) => this.effect(line));
    this.hear(subjects.beat, () => this.beat());
  }

  private hear(subject: string, handle: (line: Uint8Array) => void): void {
    const callback = (_error: Error | null, message: Msg) => handle(message.data);
    this.bus.subscribe(subject, { queue: node, callback });
  }

  private say(subject: string, line: Formatted): void {
    if (!line.ok) throw new TypeError(`a line for ${subject} cannot be written`);
    if (!this.closed) this.bus.publish(subject, line.value);
  }

  private beat(): void {
    this.beatAtMs = performance.now();
    this.say(subjects.alive, aliveLine.format({ node }));
  }

  /** It has heard the store, and would store. */
  get stores(): boolean {
    return performance.now() - this.beatAtMs <= beatLapsesMs;
  }

  close(): void {
    this.closed = true;
  }

  // ---- senders ----

  /** A sender writes, and repeats until he has an answer that is not temporary; bounded. */
  async submit(letter: Letter): Promise<void> {
    this.history.letters.set(letter.id, letter);
    const until = performance.now() + patienceMs;
    for (let tries = 0; performance.now() < until && !this.closed; tries += 1) {
      const code = await this.hold(letter);
      letter.heard.push(code);
      this.history.note(`its sender hears ${code}`, letter.id);
      if (code < 500 && code !== 408) return;
      await pause(Math.min(1000, againMs * (1 + tries / 4)));
    }
  }

  private hold(letter: Letter): Promise<number> {
    if (!this.stores) return Promise.resolve(503);
    const label = ++this.label;
    const index = label & 0xffff;
    const now = Date.now();
    const line = {
      ...{ node, index, label, holdMs, proto: 'udp', srcIp: '192.0.2.4', srcPort: 5060 },
      ...{ sec: Math.floor(now / 1000), usec: (now % 1000) * 1000 },
      ...{ asserted: letter.from, length: letter.octets.length },
    };
    this.history.note('submitted', letter.id);
    this.say(subjects.store, formatRequest(line, letter.octets));
    return new Promise((resolve) => {
      const end = (code: number) => {
        clearTimeout(timer);
        this.held.delete(label);
        resolve(code);
      };
      const timer = setTimeout(() => {
        this.say(subjects.late, lateLine.format({ node, index, label, code: 503 }));
        end(503);
      }, holdMs);
      this.held.set(label, end);
    });
  }

  private answered(octets: Uint8Array): void {
    const read = answerLine.parse(octets);
    if (!read.ok || read.value.node !== node) return;
    const { index, label, code } = read.value;
    const end = this.held.get(label);
    if (end !== undefined) end(code);
    else this.say(subjects.late, lateLine.format({ node, index, label, code }));
  }

  // ---- recipients ----

  /** A user registers; `phone` answers what is sent to him. */
  register(user: string, phone: Phone, expires = 60): void {
    this.phones.set(user, phone);
    this.history.note(`${user} registers`);
    const contacts = `<${user.replace('@', '-phone@')}>`;
    const line = { node, saveCode: 1, aor: user, contacts, expires };
    this.say(subjects.online, onlineLine.format(line));
  }

  unregister(user: string): void {
    this.phones.delete(user);
    this.say(subjects.offline, offlineLine.format({ node, why: 'unregister', aor: user }));
  }

  /** The proxy was restarted: what it had sent is sent again when it is asked to. */
  forget(): void {
    this.memory = new Map();
    this.history.note('the proxy forgets its effects');
  }

  /** A request of an owner; null when nobody answered. */
  async own<T>(subject: string, request: object): Promise<T | null> {
    const payload = JSON.stringify({ v: 1, ...request });
    const answer = await this.bus.request(subject, payload, { timeout: holdMs }).catch(() => null);
    return answer === null ? null : answer.json<T>();
  }

  // ---- effects ----

  private effect(octets: Uint8Array): void {
    const read = sendLine.parse(octets);
    if (!read.ok || read.value.node !== node) return;
    const line = read.value;
    if (line.effectId.startsWith('r-')) this.published(line);
    const known = this.memory.get(line.effectId);
    if (known === undefined) this.begin(line);
    else if (known !== null) this.outcome(line, known, 'memory');
  }

  // The phone takes a moment; a proxy that was restarted meanwhile has lost the transaction.
  private begin(line: SendLine): void {
    const { memory } = this;
    memory.set(line.effectId, null);
    setTimeout(() => {
      if (memory !== this.memory) return;
      const status = line.effectId.startsWith('r-') ? this.tell(line) : this.deliver(line);
      memory.set(line.effectId, status);
      this.outcome(line, status, status === 480 ? 'lookup' : 'reply');
    }, phoneMs);
  }

  private outcome(line: SendLine, status: number, via: 'reply' | 'lookup' | 'memory'): void {
    const { effectId, token } = line;
    this.say(
      subjects.outcome,
      outcomeLine.format({ node, effectId, token, status, via, retryAfterSeconds: null }),
    );
  }

  // Each publication counts, also one that memory answers: its identity must be the same every time.
  private published(line: SendLine): void {
    const identity = `${between(textOf(line), 'imdn.Message-ID: ', '\r\n')} ${between(line.headers, 'Call-ID: ', '\r\n')}`;
    const letter = this.reportedIn(line);
    letter?.reports.push(identity);
    this.history.note(`report published: ${identity}, ${line.effectId}`, letter?.id ?? null);
    if (letter === null) this.history.strange.push(`a report about nothing: ${line.effectId}`);
  }

  private reportedIn(line: SendLine): Letter | null {
    const about = between(textOf(line), '<message-id>', '</message-id>');
    return this.history.letters.get(about) ?? null;
  }

  private tell(line: SendLine): number {
    const letter = this.reportedIn(line);
    if (letter === null) return 404;
    letter.told += 1;
    this.history.note('its sender hears that it failed', letter.id);
    return 200;
  }

  private deliver(line: SendLine): number {
    const letter = this.history.letters.get(between(textOf(line), 'imdn.Message-ID: ', '\r\n'));
    if (letter === undefined) {
      this.history.strange.push(`a delivery of nothing: ${line.effectId}`);
      return 404;
    }
    const status = this.phones.get(line.ruri)?.() ?? 480;
    if (status === 200) letter.taken += 1;
    this.history.note(`${line.effectId} to ${line.ruri}: ${status}`, letter.id);
    const body = letter.octets.subarray(letter.octets.indexOf('\r\n\r\n') + 4);
    if (!body.equals(line.body)) letter.faults.push('another body was delivered');
    return status;
  }
}

const textOf = (line: SendLine): string => Buffer.from(line.body).toString('utf8');

/** What stands between two marks; the rest when the second is missing, nothing without the first. */
export const between = (text: string, from: string, to: string): string => {
  const start = text.indexOf(from);
  if (start === -1) return '';
  const end = text.indexOf(to, start + from.length);
  return text.slice(start + from.length, end === -1 ? undefined : end);
};
