// Answers of the agent, read and written: status, reason, and the header fields that come back (RFC 3261 section 8.2.6).
import { randomBytes } from 'node:crypto';
import {
  type HeaderFields,
  headerValue,
  headerValues,
  parseSip,
  type SipText,
} from './sip-text.js';

/** A final answer. */
export interface SipAnswer {
  readonly status: number;
  readonly reason: string;
  /** The answer was never sent by anybody: our own timer ran out. */
  readonly local: boolean;
  readonly message: SipText;
  header(name: string): string | undefined;
}

/** An answer that says when to come again. */
export interface LaterAnswer {
  readonly status: number;
  /** Value of Retry-After. */
  readonly retryAfter: string;
}

export function newTag(): string {
  return randomBytes(6).toString('hex');
}

export function branchOf(text: SipText): string {
  const via = headerValue(text, 'via') ?? '';
  const start = via.indexOf('branch=');
  if (start < 0) return '';
  const rest = via.slice(start + 7);
  const end = [...rest].findIndex((one) => one === ';' || one === ',' || one === ' ');
  return end < 0 ? rest : rest.slice(0, end);
}

export function statusOf(text: SipText): number {
  return Number(text.startLine.split(' ')[1] ?? 0);
}

export function answerOf(message: SipText | null): SipAnswer {
  const text = message ?? parseSip(Buffer.from('SIP/2.0 408 Request Timeout\r\n\r\n'));
  return {
    status: statusOf(text),
    reason: text.startLine.split(' ').slice(2).join(' '),
    local: message === null,
    message: text,
    header: (name) => headerValue(text, name),
  };
}

export function answering(
  said: number | LaterAnswer,
  headers: HeaderFields,
): { readonly status: number; readonly headers: HeaderFields } {
  if (typeof said === 'number') return { status: said, headers };
  return { status: said.status, headers: { ...headers, 'Retry-After': said.retryAfter } };
}

// RFC 3261 section 8.2.6.2: Via, From, To, Call-ID and CSeq come back; To gets a tag.
export function answerHeaders(text: SipText): HeaderFields {
  const to = headerValue(text, 'to') ?? '';
  return {
    Via: headerValues(text, 'via'),
    From: headerValues(text, 'from'),
    To: to.includes(';tag=') ? to : `${to};tag=${newTag()}`,
    'Call-ID': headerValues(text, 'call-id'),
    CSeq: headerValues(text, 'cseq'),
  };
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  415: 'Unsupported Media Type',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  503: 'Service Unavailable',
  603: 'Decline',
};

export function reasonOf(status: number): string {
  return reasons[status] ?? 'Answered';
}
