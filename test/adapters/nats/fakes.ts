// Stand-ins for consumer and publisher tests: a bus in memory, a runtime that records, a codec that
// understands just enough. Not a test file.
import type {
  Bus,
  BusClock,
  BusHandler,
  RequestLine,
  SipCodec,
  SipRequestParts,
} from '../../../adapters/nats/index.js';
import { formatRequest } from '../../../adapters/nats/index.js';
import type { IncomingMessage, Message } from '../../../machines/index.js';
import type { Command, Entropy, ListedMessage, Reply, Runtime } from '../../../runtime/index.js';

export interface MemoryBus extends Bus {
  readonly published: { subject: string; text: string }[];
  /** A payload arrives. */
  bring(subject: string, payload: Uint8Array | string, reply?: string): void;
  setReady(ready: boolean): void;
  /** Payloads published on one subject. */
  on(subject: string): string[];
}

export function memoryBus(): MemoryBus {
  const handlers = new Map<string, BusHandler>();
  const listeners: (() => void)[] = [];
  const published: { subject: string; text: string }[] = [];
  let up = true;
  return {
    published,
    publish(subject, payload) {
      if (!up) return false;
      published.push({ subject, text: Buffer.from(payload as string).toString() });
      return true;
    },
    subscribe(subject, _queue, handler) {
      handlers.set(subject, handler);
      return () => void handlers.delete(subject);
    },
    ready: () => up,
    reason: () => (up ? null : 'disconnected'),
    onReady: (run) => void listeners.push(run),
    flush: async () => up,
    close: async () => undefined,
    bring(subject, payload, reply) {
      handlers.get(subject)?.(Buffer.from(payload as string), reply ?? null);
    },
    setReady(ready) {
      up = ready;
      if (ready) for (const run of listeners) run();
    },
    on: (subject) => published.filter((p) => p.subject === subject).map((p) => p.text),
  };
}

export interface ManualClock extends BusClock {
  advance(ms: number): void;
}

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  let timers: { dueMs: number; run: () => void }[] = [];
  return {
    now: () => nowMs,
    mono: () => nowMs - startMs,
    after(delayMs, run) {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((t) => t !== timer);
      };
    },
    advance(ms) {
      const end = nowMs + ms;
      for (;;) {
        const due = timers.filter((t) => t.dueMs <= end).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (due === undefined) break;
        timers = timers.filter((t) => t !== due);
        nowMs = Math.max(nowMs, due.dueMs);
        due.run();
      }
      nowMs = end;
    },
  };
}

/** Different octets at every call, the same in every run. */
export function countingEntropy(): Entropy {
  let next = 1;
  return {
    bytes(count) {
      next += 1;
      return Uint8Array.from({ length: count }, (_, i) => (next * 31 + i * 7) & 0xff);
    },
  };
}

export interface FakeRuntime extends Runtime {
  readonly commands: Command[];
  /** What the next and all later submits answer. */
  answer: (command: Command) => Reply | Promise<Reply>;
  /** Stored octets by owner and id. */
  readonly boxes: Map<string, Map<string, Uint8Array>>;
}

export function fakeRuntime(): FakeRuntime {
  const boxes = new Map<string, Map<string, Uint8Array>>();
  const runtime: FakeRuntime = {
    reserve: (_target, begin) => {
      begin();
      return () => undefined;
    },
    knows: () => true,
    commands: [],
    boxes,
    answer: () => ({ kind: 'accepted', deferredId: 'd1@store', duplicate: false }),
    async submit(command) {
      runtime.commands.push(command);
      return runtime.answer(command);
    },
    async list(aor, after, limit) {
      const ids = [...(boxes.get(aor)?.keys() ?? [])];
      const rest = after === null ? ids : ids.slice(ids.indexOf(after) + 1);
      const page = rest.slice(0, limit);
      const next = rest.length > limit ? (page.at(-1) ?? null) : null;
      return { messages: page.map((id) => row(id, boxes.get(aor)!.get(id)!)), next };
    },
    preferences: () => null,
    read(aor, deferredId) {
      const octets = boxes.get(aor)?.get(deferredId);
      return octets === undefined ? null : { message: {} as Message, octets };
    },
    show: () => null,
    sent: () => 'unknown',
    onStep: () => () => undefined,
    ids: async () => [],
    bindings: () => [],
    policies: () => [],
    policy: () => null,
    stats: () => {
      throw new Error('not needed here');
    },
    refusal: () => null,
    wake: () => undefined,
    close: async () => undefined,
  };
  return runtime;
}

function row(deferredId: string, octets: Uint8Array): ListedMessage {
  return {
    deferredId,
    state: 'stored',
    from: 'sip:alice@example.org',
    to: 'sip:bob@example.org',
    subject: null,
    contentType: 'text/plain',
    octets: octets.length,
    receivedAtMs: 1,
    expiresAtMs: null,
    sentAtMs: null,
    contentOctets: octets.length,
    fromUri: 'sip:alice@example.org',
    authId: 'sip:alice@example.org',
  };
}

export const parts: SipRequestParts = {
  ruri: 'sip:bob@example.org',
  nextHop: null,
  headers: 'Call-ID: c1\r\n',
  body: Buffer.from('hello'),
  fromName: null,
};

/** Bodies starting with `bad` are refused; a command body is `op ids after`. */
export function fakeCodec(overrides: Partial<SipCodec> = {}): SipCodec {
  return {
    readMessage: (octets, asserted) =>
      Buffer.from(octets).toString().startsWith('bad')
        ? { ok: false, status: 415, code: 'sip-bad', reason: 'Unsupported Media Type' }
        : { ok: true, message: { octets, asserted } as unknown as IncomingMessage, via: '' },
    readCommand: (octets) => {
      const [op, ids, after] = Buffer.from(octets).toString().split(' ');
      if (op !== 'list' && op !== 'retrieve' && op !== 'delete' && op !== 'preferences')
        return { ok: false, status: 400, code: 'sip-bad', reason: 'Bad Command' };
      const named = ids === undefined || ids === 'all' ? 'all' : ids.split(',');
      const rest = { after: after ?? null, set: null, discardBlocked: false, callId: 'call-1' };
      return { ok: true, command: { op, ids: named, ...rest } };
    },
    readSenderCommand: (octets) => {
      const [op, imdnMessageId, recipient] = Buffer.from(octets).toString().split(' ');
      if (op !== 'status' && op !== 'withdraw') return null;
      if (imdnMessageId === undefined || recipient === undefined)
        return { ok: false, status: 400, code: 'sip-bad', reason: 'Bad Command' };
      return {
        ok: true,
        command: { op, form: 'json', imdnMessageId, recipient, callId: 'call-1' },
      };
    },
    resultPages: (result) => {
      if ('outcome' in result) return [JSON.stringify(result.outcome)];
      if ('results' in result) return result.results.map((r) => `${r.id} ${r.status}`);
      return 'messages' in result ? [`${result.messages.length} rows`] : ['preferences'];
    },
    readAccessRules: () => ({ ok: true, access: { rules: [], notes: [] } }),
    resultRequest: (effect) => ({ ...parts, ruri: effect.aor, body: Buffer.from(effect.body) }),
    readContacts: (contacts, seconds, nowMs) =>
      contacts
        .split(', ')
        .map((contact) => ({ contact, expiresAtMs: nowMs + seconds * 1_000, features: [] })),
    canonicalAor: (uri) => (uri.startsWith('sip:') && uri.includes('@') ? uri.toLowerCase() : null),
    shownOctets: (octets) => octets,
    deliverRequest: () => parts,
    reportRequest: () => parts,
    noticeRequest: (effect, rows) => ({
      ...parts,
      body: Buffer.from(`${effect.waiting} ${rows.length}`),
    }),
    noticeRowsMax: 8,
    ...overrides,
  };
}

export const requestLine: RequestLine = {
  node: 'k1',
  index: 12,
  label: 345,
  sec: 1_700_000_000,
  usec: 0,
  holdMs: 3_000,
  proto: 'udp',
  srcIp: '192.0.2.7',
  srcPort: 5_060,
  asserted: 'sip:alice@example.org',
  length: 0,
};

/** A store or command payload; the length is that of the octets unless given. */
export function held(octets: string, changes: Partial<RequestLine> = {}): Uint8Array {
  const bytes = Buffer.from(octets);
  const made = formatRequest({ ...requestLine, length: bytes.length, ...changes }, bytes);
  if (!made.ok) throw new Error(made.finding.message);
  return made.value;
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function b64(text: string): string {
  return Buffer.from(text).toString('base64');
}
