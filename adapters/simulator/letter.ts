// The SIP MESSAGE a scenario's sender writes, as octets: what the engine reads of it goes the same way as what comes from
// a wire. Each is a request of its own, with ids made of its name, so that a story is told alike every time.
import { aorOf, type SendStep, spanMs } from './scenario.js';

const line = (name: string, value: string | number): string => `${name}: ${value}\r\n`;

/** IMDN Message-ID of a scenario's message. */
export const imdnIdOf = (message: string): string => `${message}-of-the-scenario`;

/** The whole request; `nowMs` is the sender's Date. */
export function letterOf(step: SendStep, nowMs: number): Buffer {
  const { report = true, anonymous = false } = step;
  const body = report ? inCpim(step, nowMs) : `${step.text ?? 'Hello'}\r\n`;
  const from = anonymous ? 'sip:anonymous@anonymous.invalid' : aorOf(step.from);
  const head = [
    `MESSAGE ${aorOf(step.to)} SIP/2.0\r\n`,
    line('Via', `SIP/2.0/UDP phone.example.org;branch=z9hG4bK-${step.message}`),
    line('Max-Forwards', 70),
    line('From', `<${from}>;tag=${step.message}`),
    line('To', `<${aorOf(step.to)}>`),
    line('Call-ID', `${step.message}@phone.example.org`),
    line('CSeq', '1 MESSAGE'),
    line('Date', new Date(nowMs).toUTCString()),
    step.expires === undefined ? '' : line('Expires', spanMs(step.expires) / 1000),
    anonymous ? line('Privacy', 'id') : '',
    line('Content-Type', report ? 'message/cpim' : (step.contentType ?? 'text/plain')),
    line('Content-Length', Buffer.byteLength(body)),
    '\r\n',
  ];
  return Buffer.from(head.join('') + body);
}

// Asked for as RFC 5438 section 6.2 says it.
function inCpim(step: SendStep, nowMs: number): string {
  return [
    line('From', `<${aorOf(step.from)}>`),
    line('To', `<${aorOf(step.to)}>`),
    line('NS', 'imdn <urn:ietf:params:imdn>'),
    line('imdn.Message-ID', imdnIdOf(step.message)),
    line('DateTime', `${new Date(nowMs).toISOString().slice(0, 19)}Z`),
    line('imdn.Disposition-Notification', 'negative-delivery'),
    '\r\n',
    line('Content-Type', step.contentType ?? 'text/plain'),
    '\r\n',
    `${step.text ?? 'Hello'}\r\n`,
  ].join('');
}
