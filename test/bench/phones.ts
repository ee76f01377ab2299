// A process that plays the phones of many users on one UDP socket: registers them with digest, answers every MESSAGE
// 200 at once, and notes when each came. It knows a message again by its Call-ID: a second one is a duplicate.
import dgram from 'node:dgram';
import {
  digestAnswer,
  formatSip,
  headerValue,
  headerValues,
  parseSip,
} from '../../adapters/cli/stage/sip-text.js';
import { givenOptions, pause, tellResult } from './stage.js';
import { domain, userName } from './wire.js';

export interface PhonesOptions {
  readonly port: number;
  readonly users: number;
  /** Messages that wait for them. */
  readonly messages: number;
}

export interface Phoned {
  readonly received: number;
  readonly duplicates: number;
  /** From the first REGISTER to the last message. */
  readonly wholeMs: number;
  /** From the first message to the last. */
  readonly runMs: number;
}

const silenceMs = 10_000;
const options = givenOptions<PhonesOptions>();
const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
const seen = new Set<string>();
let [copies, firstMs, lastMs] = [0, 0, 0];
const registered = new Set<string>();

const out = (octets: Buffer): void => socket.send(octets, options.port, '127.0.0.1');

function register(user: string, cseq: number, challenge: string | null): void {
  const uri = `sip:${domain}`;
  const { port } = socket.address();
  const credentials = { user, password: 'secret', method: 'REGISTER', uri };
  const authorization =
    challenge === null ? {} : { Authorization: digestAnswer(challenge, credentials) };
  const headers = {
    Via: `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-${user}-${cseq}`,
    'Max-Forwards': '70',
    From: `<sip:${user}@${domain}>;tag=${user}`,
    To: `<sip:${user}@${domain}>`,
    'Call-ID': `register-${user}`,
    CSeq: `${cseq} REGISTER`,
    Contact: `<sip:${user}@127.0.0.1:${port}>`,
    Expires: '3600',
    ...authorization,
  };
  out(formatSip(`REGISTER ${uri} SIP/2.0`, headers, Buffer.alloc(0)));
}

function hear(octets: Buffer, peer: { port: number; address: string }): void {
  const message = parseSip(octets);
  const callId = headerValue(message, 'Call-ID') ?? '';
  if (!message.startLine.startsWith('MESSAGE ')) {
    answered(
      message.startLine,
      callId.slice('register-'.length),
      headerValue(message, 'WWW-Authenticate'),
    );
    return;
  }
  lastMs = performance.now();
  if (firstMs === 0) firstMs = lastMs;
  if (seen.has(callId)) copies += 1;
  seen.add(callId);
  const headers = {
    Via: headerValues(message, 'Via'),
    From: headerValue(message, 'From') ?? '',
    To: `${headerValue(message, 'To')};tag=phone`,
    'Call-ID': callId,
    CSeq: headerValue(message, 'CSeq') ?? '',
  };
  socket.send(formatSip('SIP/2.0 200 OK', headers, Buffer.alloc(0)), peer.port, peer.address);
}

function answered(startLine: string, user: string, challenge: string | undefined): void {
  if (startLine.startsWith('SIP/2.0 200')) registered.add(user);
  else if (challenge !== undefined) register(user, 2, challenge);
}

await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
socket.on('message', hear);
const begunMs = performance.now();
for (let number = 0; number < options.users; number += 1) register(userName(number), 1, null);
while (seen.size < options.messages) {
  await pause(5);
  if (performance.now() - Math.max(begunMs, lastMs) > silenceMs) break;
}
// A copy that came twice would come now.
await pause(1000);
socket.close();
const result: Phoned = {
  received: seen.size,
  duplicates: copies,
  wholeMs: lastMs - begunMs,
  runMs: lastMs - firstMs,
};
tellResult(result);
