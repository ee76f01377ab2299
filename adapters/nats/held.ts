// Held SIP requests (`store` and `command` lines): admission, checks, the command, the answer line.
// Invariant: an answer of 202 leaves only after the runtime has said that the message is durable
// (R1); a line older than its hold, or one the runtime could not decide, is not answered at all.
import {
  type FailpointHook,
  type Reply,
  type Runtime,
  refusalOf,
  refusals,
} from '../../runtime/index.js';
import type { Admission } from './admission.js';
import { createAnswerMemory, type Decision, type Held } from './answers.js';
import type { Bus } from './bus.js';
import type { Counters } from './counters.js';
import { natsLimits } from './limits.js';
import {
  type AnswerLine,
  answerLine,
  type LateLine,
  parseRequest,
  type RequestLine,
  type RequestPayload,
} from './lines.js';
import type { Malformed } from './requests.js';
import { subjects } from './subjects.js';

export interface HeldOptions {
  /** The sender of this transaction heard 503, or 5xx by an answer of ours. */
  readonly onUnheard: (line: { node: string; index: number; label: number }) => void;
  /** Real wall clock: the proxy's stamp is compared with it. */
  readonly now: () => number;
  /** What the ages of answers and the length of a hold are measured by. */
  readonly mono: () => number;
  readonly admission: Admission;
  readonly counters: Counters;
  readonly onNode: (node: string) => void;
  readonly onMalformed: (malformed: Malformed) => void;
  readonly onFailure: (where: string, error: unknown) => void;
  readonly failpoint: FailpointHook;
}

interface HeldRequest extends RequestPayload {
  readonly held: Held;
}

/** Decides one request; null: undecided, and the proxy's hold will answer 503. */
export type Decide = (request: RequestPayload) => Decision | null | Promise<Decision | null>;

export interface HeldDoor {
  hear(where: string, payload: Uint8Array, decide: Decide): void;
  late(line: LateLine): Promise<void>;
  /** Answers and promises remembered. */
  readonly remembered: number;
}

export function createHeldDoor(bus: Bus, runtime: Runtime, options: HeldOptions): HeldDoor {
  const memory = createAnswerMemory(options.mono);
  const { admission, counters } = options;

  function hear(where: string, payload: Uint8Array, decide: Decide): void {
    const parsed = parseRequest(payload);
    if (!parsed.ok) {
      options.onMalformed({ ...parsed.finding, where });
      return;
    }
    const { line, octets } = parsed.value;
    options.onNode(line.node);
    if (isOutdated(line, options.now())) {
      counters.count('outdated');
      return;
    }
    if (!admission.take(line.node)) {
      counters.count('over-rate');
      const known = memory.known(line);
      if (publish(line, busy) && known !== undefined) memory.sent(known);
      return;
    }
    const held = memory.see(line);
    if (held.decision !== null) repeat(line, held, held.decision);
    // Asked before: the answer of the first line is the answer to this one as well.
    else if (held.asked > 1) return;
    else if (!admission.begin(octets.length)) {
      counters.count('over-limit');
      settle(line, held, busy);
    } else decided(where, { line, octets, held }, decide);
  }

  // No async function: a promise less for every message.
  function decided(where: string, request: HeldRequest, decide: Decide, times = 1): void {
    const heard = (decision: Decision | null): void => {
      // Its own 202 needs a decision that no other answer has taken back meanwhile, unless its sender has heard 503 already.
      // Nothing happens between the last look and the answer.
      if (!memory.leansOnNothing(decision)) conclude(where, request, decision);
      else if (request.held.overdue || times === natsLimits.decisionsMax)
        conclude(where, request, null);
      else decided(where, request, decide, times + 1);
    };
    const failed = (error: unknown): void => {
      admission.end(request.octets.length);
      leaveOpen(where, request, error);
    };
    try {
      const decision = lengthRefusal(request) ?? decide(request);
      if (decision instanceof Promise) decision.then(heard, failed);
      else heard(decision);
    } catch (error) {
      failed(error);
    }
  }

  // Fails with a codec or a reply that breaks its contract; whatever it does, the request is over.
  function conclude(where: string, request: HeldRequest, decision: Decision | null): void {
    const { line, octets, held } = request;
    admission.end(octets.length);
    try {
      if (decision === null || decision.code >= 500) options.onUnheard(line);
      if (decision === null) memory.drop(held);
      else settle(line, held, decision);
    } catch (error) {
      leaveOpen(where, request, error);
    }
  }

  // Unknown is not refused (R6): no answer, the sender repeats.
  function leaveOpen(where: string, { line, held }: HeldRequest, error: unknown): void {
    memory.drop(held);
    options.onUnheard(line);
    options.onFailure(where, error);
  }

  function settle(line: RequestLine, held: Held, decision: Decision): void {
    // The hold began before its line was heard here: by now its sender has heard 503, also where the word of it was lost (A4).
    if (options.mono() - held.atMs > line.holdMs) held.overdue = true;
    const { lines, unheard } = memory.settle(held, decision);
    if (unheard !== null)
      takeBack(unheard).catch((error: unknown) => options.onFailure(subjects.late, error));
    options.failpoint('ack.before');
    for (let i = 0; i < lines; i += 1) if (publish(line, decision)) memory.sent(held);
    options.failpoint('ack.after');
  }

  function repeat(line: RequestLine, held: Held, decision: Decision): void {
    counters.count('answer-repeated');
    if (publish(line, decision)) memory.sent(held);
  }

  /** False when the answer did not go out. */
  function publish(line: RequestLine, decision: Decision): boolean {
    const text = answerLine.format(answerOf(line, decision));
    if (!text.ok) options.onFailure('answer', new TypeError(text.finding.message));
    else if (bus.publish(subjects.answer, text.value)) return true;
    else counters.count('answer-lost');
    return false;
  }

  /** The sender heard 503 although the message is kept: no report may follow (RFC 5438 section 12.1.3.1). */
  async function takeBack(deferredId: string): Promise<void> {
    await runtime.submit({ type: 'message.unacknowledged', deferredId });
  }

  async function late(line: LateLine): Promise<void> {
    options.onUnheard(line);
    const deferredId = memory.late(line);
    counters.count(deferredId === undefined ? 'late-unknown' : 'late');
    if (typeof deferredId === 'string') await takeBack(deferredId);
  }

  return {
    hear,
    late,
    get remembered() {
      return memory.size;
    },
  };
}

/**
 * The proxy has given up by then, and its sender repeats. A proxy clock ahead of ours harms
 * nothing.
 */
function isOutdated(line: RequestLine, nowMs: number): boolean {
  return nowMs - (line.sec * 1_000 + line.usec / 1_000) > line.holdMs;
}

/**
 * Kamailio cuts a payload at NUL and says nothing: count before anything else (kamailio.md section
 * 1).
 */
function lengthRefusal({ line, octets }: RequestPayload): Decision | null {
  if (line.length > natsLimits.requestBytesMax || octets.length > natsLimits.requestBytesMax)
    return refusal(413, 'Request Entity Too Large');
  if (line.length !== octets.length) return refusal(400, 'Message Incomplete');
  return null;
}

function answerOf(line: RequestLine, decision: Decision): AnswerLine {
  const { node, index, label } = line;
  const { code, retryAfterSeconds, reason } = decision;
  const headers = headerBlock(decision.headers ?? []);
  return { node, index, label, code, retryAfterSeconds, reason: plainReason(reason), headers };
}

/** As many whole lines as there is room for; nothing can break out of one. */
function headerBlock(lines: readonly string[]): string | null {
  let block = '';
  for (const line of lines) {
    const whole = `${plainText(line)}\r\n`;
    if (Buffer.byteLength(block + whole) > natsLimits.answerHeadersBytesMax) break;
    block += whole;
  }
  return block === '' ? null : block;
}

/** A reason becomes a SIP reason phrase at the proxy: one line, bounded (P7). */
function plainReason(reason: string): string {
  if (/^[A-Za-z0-9]{1,64}$/.test(reason)) return reason;
  return plainText(reason.slice(0, natsLimits.reasonCharsMax)).trim() || 'Refused';
}

function plainText(given: string): string {
  let text = '';
  for (const char of given) text += char < ' ' || char === '\u007f' ? ' ' : char;
  // A lone surrogate becomes U+FFFD, as it would on the wire.
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** A refusal that a reader of requests found, with its sentence as Warning. */
export const readRefusal = ({ status, reason }: { status: number; reason: string }): Decision => ({
  ...refusal(status, phraseOf(status)),
  headers: [warning(reason)],
});

/** A refusal of the runtime as its sender hears it: status and phrase, and what the table of refusals lets him know. */
export function refusedDecision(reply: Extract<Reply, { kind: 'refused' }>): Decision {
  const { status, code, reason, retryAfterSeconds, accept } = reply;
  const told = refusalOf(code)?.told === true;
  const headers = [
    ...(accept === undefined ? [] : [`Accept: ${accept.join(', ')}`]),
    ...(told ? [warning(reason)] : []),
  ];
  return { code: status, reason: phraseOf(status), retryAfterSeconds, promised: null, headers };
}

/** RFC 3261 section 20.43: 399 is a warning for people; what might end the quoted text is taken out. */
const warning = (text: string): string =>
  `Warning: 399 deferred-im "${text.replaceAll('"', "'").replaceAll('\\', '/')}"`;

/** Reason phrases of RFC 3261 section 21, for the statuses a sender may hear. */
const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  410: 'Gone',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  406: 'Not Acceptable',
  423: 'Interval Too Brief',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  489: 'Bad Event',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  603: 'Decline',
};

const phraseOf = (status: number): string => phrases[status] ?? 'Refused';

export function refusal(code: number, reason: string, retryAfterSeconds?: number): Decision {
  return { code, reason, retryAfterSeconds: retryAfterSeconds ?? null, promised: null };
}

/** The store is being checked after a start, and has not come to the user this is about. */
export const notYet = (): Decision =>
  refusal(refusals['not-ready'].status, 'Not Ready', refusals['not-ready'].retryAfterSeconds);

const busy: Decision = refusal(503, 'Busy', natsLimits.retryAfterSeconds);

/** The runtime's reply to `message.received` as an answer to the sender. */
export function storeDecision(reply: Reply): Decision {
  if (reply.kind === 'refused') return refusedDecision(reply);
  // The very answer of a stored message: a polite block shows in nothing (spec 7.3).
  if (reply.kind === 'swallowed')
    return { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised: null };
  if (reply.kind !== 'accepted') return refusal(500, 'Unexpected Reply');
  // A repeat that comes too late takes nothing from the first copy, which had an answer of its own.
  const again = reply.duplicate && reply.acknowledgedAgain !== true;
  const promised = { deferredId: reply.deferredId, again };
  return { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised };
}
