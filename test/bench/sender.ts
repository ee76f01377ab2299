// A process that sends MESSAGE over UDP in an open loop: every message has its instant, whatever became of the others,
// and latency counts from that instant, so that a late sender makes it worse, never better. Repeats an unanswered
// request as RFC 3261 section 17.1.2.2 says (T1 500 ms). SIPp reports latency only from the moment it really sent.
import dgram from 'node:dgram';
import { percentile } from './figures.js';
import { givenOptions, pause, tellResult, tellStep } from './stage.js';
import { messageText } from './wire.js';

export interface SenderOptions {
  /** UDP port of the proxy. */
  readonly port: number;
  readonly ratePerSecond: number;
  readonly messages: number;
  readonly users: number;
  /** Makes the messages of this sender different from another's. */
  readonly name: string;
}

export interface Sent {
  readonly accepted: number;
  readonly otherwise: Readonly<Record<string, number>>;
  readonly unanswered: number;
  readonly retransmissions: number;
  /** Of the answers 202, milliseconds from the planned instant. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** How far behind its plan the sender itself was, at the 99th percentile. */
  readonly behindP99Ms: number;
}

interface Pending {
  readonly octets: Buffer;
  readonly plannedMs: number;
  againMs: number;
  waitMs: number;
}

const [t1Ms, t2Ms, giveUpMs] = [500, 4000, 32_000];

const options = givenOptions<SenderOptions>();
const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
const pending = new Map<number, Pending>();
const latenciesMs: number[] = [];
const behindMs: number[] = [];
const otherwise: Record<string, number> = {};
let [accepted, retransmissions, sent] = [0, 0, 0];

const out = (octets: Buffer): void => socket.send(octets, options.port, '127.0.0.1');

function hear(octets: Buffer): void {
  const text = octets.toString('latin1');
  const code = text.slice(8, 11);
  if (code < '200') return;
  // Call-ID: NAME-NUMBER@127.0.0.1
  const at = text.indexOf(`${options.name}-`, text.indexOf('Call-ID:'));
  const number = Number.parseInt(text.slice(at + options.name.length + 1), 10);
  const one = pending.get(number);
  if (one === undefined) return;
  pending.delete(number);
  if (code === '202') {
    accepted += 1;
    latenciesMs.push(performance.now() - one.plannedMs);
  } else otherwise[code] = (otherwise[code] ?? 0) + 1;
}

function sendDue(begunMs: number): void {
  const nowMs = performance.now();
  const due = Math.min(
    options.messages,
    Math.floor(((nowMs - begunMs) * options.ratePerSecond) / 1000) + 1,
  );
  for (; sent < due; sent += 1) {
    const plannedMs = begunMs + (sent * 1000) / options.ratePerSecond;
    const letter = { recipient: sent % options.users, id: `${options.name}-${sent}`, port: own };
    const octets = Buffer.from(messageText(letter), 'latin1');
    pending.set(sent, { octets, plannedMs, againMs: nowMs + t1Ms, waitMs: t1Ms });
    behindMs.push(nowMs - plannedMs);
    out(octets);
  }
}

function repeatDue(): void {
  const nowMs = performance.now();
  for (const one of pending.values()) {
    if (one.againMs > nowMs) continue;
    one.waitMs = Math.min(one.waitMs * 2, t2Ms);
    one.againMs = nowMs + one.waitMs;
    retransmissions += 1;
    out(one.octets);
  }
}

await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
const own = socket.address().port;
socket.on('message', hear);
const begunMs = performance.now();
const repeating = setInterval(repeatDue, 50);
const telling = setInterval(() => tellStep(`${sent} of ${options.messages} sent`), 5000);
while (sent < options.messages) {
  sendDue(begunMs);
  await pause(1);
}
const lastMs = performance.now();
while (pending.size > 0 && performance.now() - lastMs < giveUpMs) await pause(10);
clearInterval(repeating);
clearInterval(telling);
socket.close();
for (const list of [latenciesMs, behindMs]) list.sort((a, b) => a - b);
const result: Sent = {
  accepted,
  otherwise,
  unanswered: pending.size,
  retransmissions,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  maxMs: latenciesMs.at(-1) ?? 0,
  behindP99Ms: percentile(behindMs, 0.99),
};
tellResult(result);
