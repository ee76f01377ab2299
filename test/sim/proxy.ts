// One proxy node as adapters/kamailio/deferred-im.cfg makes it: it holds a sender's request for three seconds, answers
// late lines, remembers effects (a delivery ten minutes, a report seven days), looks up contacts, forks, and tells every
// final answer as an outcome. A restart loses transactions and memory, never the contacts.
import { subjects } from '../../adapters/nats/subjects.js';
import { BusClient } from './bus-client.js';
import { epochMs } from './epoch.js';
import { type Letter, octetsOf } from './letters.js';
import { type Answered, type Push, readSend } from './push.js';
import type { Random } from './random.js';
import type { Entry, Owner } from './scheduler.js';
import type { Stage } from './stage.js';

const holdMs = 3000;
const phoneMs = 3000;
const deliveryMemoryMs = 600_000;
const reportMemoryMs = 604_800_000;

// To senders: reports of both kinds, and what phones say of a delivery.
const isReport = (effectId: string): boolean => 'rpi'.includes(effectId[0]!);

interface Held {
  readonly answer: (code: number) => void;
  readonly timer: Entry;
}

interface Contact {
  readonly uri: string;
  untilMs: number;
  /** The phone there, or null where nobody is any more. */
  readonly ring: (push: Push, answer: Answered) => void;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export class ProxyNode {
  readonly client: BusClient;
  private process: Owner = { dead: false, pausedUntilMs: 0 };
  private readonly held = new Map<string, Held>();
  private readonly memory = new Map<string, { code: number; untilMs: number }>();
  private readonly location = new Map<string, Contact[]>();
  /** Transactions that had their answer in time: a line that comes twice is not late. */
  private readonly answeredIds = new Set<string>();
  private transactions = 0;
  private readonly random: Random;

  constructor(
    private readonly simulation: Stage,
    readonly node: string,
  ) {
    this.random = simulation.random.named(`proxy ${node}`);
    this.client = this.connect();
  }

  private connect(): BusClient {
    const client = new BusClient(this.node, { dead: false, pausedUntilMs: 0 });
    client.handlers.set(subjects.answer, (payload) => this.heardAnswer(text(payload)));
    client.handlers.set(subjects.send, (payload) => this.heardSend(text(payload)));
    client.handlers.set(subjects.beat, () => this.say(subjects.alive, `v1 ${this.node}`));
    this.simulation.bus.connect(client);
    return client;
  }

  private say(subject: string, line: string | Uint8Array): void {
    this.simulation.bus.publish(this.client, subject, line);
  }

  /** It is gone and comes back: who waits for it hears nothing. */
  restart(): void {
    this.simulation.trace('proxy', this.node, 'restarts');
    this.process.dead = true;
    this.process = { dead: false, pausedUntilMs: 0 };
    for (const { timer } of this.held.values()) timer.cancelled = true;
    this.held.clear();
    this.forget();
  }

  forget(): void {
    this.memory.clear();
  }

  // ---- intake ----

  /** A sender's MESSAGE for somebody who is not there. */
  store(letter: Letter, octets: Uint8Array, answer: (code: number) => void): void {
    const transaction = this.hold(subjects.store, letter.asserted, octets, answer);
    const conflict = octets.length !== octetsOf(letter).length;
    this.simulation.model.holds(transaction, letter, conflict);
  }

  /** Anybody's MESSAGE that is not to be stored. */
  command(asserted: string, octets: Uint8Array, answer: (code: number) => void): void {
    this.hold(subjects.command, asserted, octets, answer);
  }

  // Whoever is told of the request is told before anything of it has arrived.
  private hold(
    subject: string,
    asserted: string | null,
    octets: Uint8Array,
    answer: (code: number) => void,
  ): string {
    this.transactions += 1;
    const index = this.transactions;
    const id = `${index} ${index + 7}`;
    const timer = this.simulation.scheduler.after(
      holdMs,
      () => {
        this.held.delete(id);
        this.simulation.model.holdEnded(`${this.node} ${id}`);
        this.say(subjects.late, `v1 ${this.node} ${id} 503`);
        answer(503);
      },
      this.process,
    );
    this.held.set(id, { answer, timer });
    const micros = Math.trunc((epochMs + this.simulation.scheduler.nowMs) * 1000);
    const stamp = `${Math.trunc(micros / 1e6)} ${micros % 1e6}`;
    const who = asserted === null ? '-' : base64(asserted);
    const head = `v1 ${this.node} ${id} ${stamp} ${holdMs} udp 192.0.2.1 5060 ${who} ${octets.length}\r\n`;
    this.say(subject, Buffer.concat([Buffer.from(head), octets]));
    return `${this.node} ${id}`;
  }

  // Every node hears what is for one of them.
  private isMine(line: string): boolean {
    return (
      line.startsWith(this.node, 'v1 '.length) && line['v1 '.length + this.node.length] === ' '
    );
  }

  private heardAnswer(line: string): void {
    if (!this.isMine(line)) return;
    const [, , index, label, code] = line.split(' ');
    const id = `${index} ${label}`;
    if (this.answeredIds.has(id)) return;
    const held = this.held.get(id);
    if (held === undefined) {
      this.say(subjects.late, `v1 ${this.node} ${id} ${code}`);
      return;
    }
    this.held.delete(id);
    this.answeredIds.add(id);
    held.timer.cancelled = true;
    held.answer(Number(code));
  }

  // ---- registrations ----

  register(aor: string, contact: Omit<Contact, 'untilMs'>, seconds: number): void {
    const contacts = this.location.get(aor) ?? [];
    const untilMs = this.simulation.scheduler.nowMs + seconds * 1000;
    const known = contacts.find((one) => one.uri === contact.uri);
    if (known === undefined) contacts.push({ ...contact, untilMs });
    else known.untilMs = untilMs;
    this.location.set(aor, contacts);
    const code = known === undefined ? 1 : 2;
    this.say(
      subjects.online,
      `v1 ${this.node} ${code} ${base64(aor)} ${base64(contact.uri)} ${seconds}`,
    );
  }

  unregister(aor: string, uri: string): void {
    const left = (this.location.get(aor) ?? []).filter((one) => one.uri !== uri);
    this.location.set(aor, left);
    if (this.reachable(aor).length === 0)
      this.say(subjects.offline, `v1 ${this.node} unregister ${base64(aor)}`);
  }

  /** Whether a message for this user would be relayed and not stored. */
  reachable(aor: string): readonly Contact[] {
    const now = this.simulation.scheduler.nowMs;
    return (this.location.get(aor) ?? []).filter((one) => one.untilMs > now);
  }

  // ---- effects ----

  private heardSend(line: string): void {
    if (!this.isMine(line)) return;
    const push = readSend(line);
    const { effectId } = push;
    const now = this.simulation.scheduler.nowMs;
    const known = this.memory.get(effectId);
    if (known !== undefined && known.untilMs > now) {
      if (known.code !== 0) this.tell(push, known.code, 'memory');
      return;
    }
    this.remember(effectId, 0);
    if (this.random.chance(this.simulation.rate('notSentByProxy'))) {
      this.memory.delete(effectId);
      this.tell(push, 0, 'send');
      return;
    }
    if (isReport(effectId) || effectId[0] === 's') this.relay(push);
    else this.fork(push);
  }

  private remember(effectId: string, code: number): void {
    const forMs = isReport(effectId) ? reportMemoryMs : deliveryMemoryMs;
    this.memory.set(effectId, { code, untilMs: this.simulation.scheduler.nowMs + forMs });
  }

  private tell(push: Push, code: number, via: string): void {
    this.say(subjects.outcome, `v1 ${this.node} ${push.effectId} ${push.token} ${code} ${via}`);
  }

  private outcome(push: Push, code: number): void {
    this.remember(push.effectId, code);
    this.tell(push, code, code < 300 ? 'reply' : 'failure');
  }

  private fork(push: Push): void {
    const contacts = this.reachable(push.ruri);
    if (contacts.length === 0) {
      this.remember(push.effectId, 480);
      this.tell(push, 480, 'lookup');
      return;
    }
    const state = { waiting: contacts.length, best: 408, over: false };
    const finish = (code: number) => {
      state.over = true;
      timer.cancelled = true;
      this.outcome(push, code);
    };
    const timer = this.simulation.scheduler.after(phoneMs, () => finish(408), this.process);
    const owner = this.process;
    const answer: Answered = (code) => {
      if (owner.dead) return;
      // Each 2xx goes through, also after the first one; what comes after the end of the transaction is absorbed.
      if (code < 300 && !(state.over && timer.cancelled === false)) {
        if (!state.over) finish(code);
        else if (state.best < 300) this.outcome(push, code);
        state.best = code;
        return;
      }
      if (state.over) return;
      state.waiting -= 1;
      if (code >= 600 || state.best === 408 || code < state.best) state.best = code;
      if (state.waiting === 0 || code >= 600) finish(state.best);
    };
    for (const contact of contacts) contact.ring(push, answer);
  }

  // To a sender, or to the phone that subscribed.
  private relay(push: Push): void {
    const owner = this.process;
    let over = false;
    const finish = (code: number) => {
      if (over || owner.dead) return;
      over = true;
      timer.cancelled = true;
      this.outcome(push, code);
    };
    const timer = this.simulation.scheduler.after(phoneMs, () => finish(408), owner);
    const { people } = this.simulation;
    if (push.effectId[0] === 's') people.watchers.notified(push, finish);
    else people.reported(push, finish);
  }
}

const text = (payload: Uint8Array): string =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
