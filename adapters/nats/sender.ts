// What senders ask about their own messages: where one is, and to have it back (spec 9). Over SIP the answer tells at
// once what it can, and a result follows as a MESSAGE; over NATS the reply tells it. Invariant: the sender is the
// asserted identity, so nobody learns of another's message, nor withdraws it.
import type { Cancel, Reply, Runtime, SentKey, SentStatus } from '../../runtime/index.js';
import type { Decision } from './answers.js';
import type { Bus, BusClock } from './bus.js';
import type { SenderCommand, SipCodec } from './codec.js';
import { notYet, refusal } from './held.js';
import { natsLimits } from './limits.js';
import type { RequestPayload } from './lines.js';
import { type Malformed, notReady, refuse, serveRequests } from './requests.js';
import type { ResultSender } from './results.js';
import { schemaCheck } from './schemas.js';
import { subjects } from './subjects.js';

/** What deciding a sender's command needs. */
export interface SenderDesk {
  readonly runtime: Runtime;
  readonly results: ResultSender;
  readonly clock: BusClock;
  /** Withdrawals that wait for the answer to a push. */
  readonly waiting: { count: number };
}

type Read = ReturnType<SipCodec['readSenderCommand']>;

/** Decides a sender's command that came by SIP; null when it is none. */
export function decideSender(
  { line }: RequestPayload,
  asserted: string | null,
  read: Read,
  desk: SenderDesk,
): Promise<Decision> | Decision | null {
  if (read === null) return null;
  if (!read.ok) return refusal(read.status, read.reason);
  if (asserted === null) return refusal(403, 'Forbidden');
  if (!desk.results.room(asserted)) return refusal(503, 'Busy', natsLimits.retryAfterSeconds);
  const asked = { sender: asserted, node: line.node, command: read.command };
  return read.command.op === 'status' ? tellStatus(asked, desk) : withdraw(asked, desk);
}

interface Asked {
  readonly sender: string;
  /** The proxy the result goes through. */
  readonly node: string;
  readonly command: SenderCommand;
}

const keyOf = ({ sender, command }: Asked): SentKey => ({
  sender,
  imdnMessageId: command.imdnMessageId,
  aor: command.recipient,
});

function send(asked: Asked, desk: SenderDesk, outcome: 'withdrawn' | 'failed' | SentStatus): void {
  const { op, form, callId, imdnMessageId, recipient } = asked.command;
  const result = { op, form, callId, messageId: imdnMessageId, recipient, outcome };
  desk.results.send(asked.sender, asked.node, result);
}

function tellStatus(asked: Asked, desk: SenderDesk): Decision {
  if (!desk.runtime.knows(asked.command.recipient)) return notYet();
  const status = desk.runtime.sent(keyOf(asked));
  if (status === 'unknown') return refusal(404, 'No Such Message');
  if (status === 'not-told') return refusal(403, 'Not Told Here');
  send(asked, desk, status);
  return { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised: null };
}

async function withdraw(asked: Asked, desk: SenderDesk): Promise<Decision> {
  const reply = await desk.runtime.submit({ type: 'message.withdrawn', sent: keyOf(asked) });
  if (reply.kind !== 'withdrawal') return refused(reply);
  if (reply.ended) {
    send(asked, desk, 'withdrawn');
    return { code: 200, reason: 'OK', retryAfterSeconds: null, promised: null };
  }
  awaitEnd(desk, reply.deferredId, (taken) => send(asked, desk, taken ? 'withdrawn' : 'failed'));
  return { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised: null };
}

function refused(reply: Reply): Decision {
  if (reply.kind !== 'refused') return refusal(500, 'Unexpected Reply');
  const { status, reason, retryAfterSeconds } = reply;
  return { code: status, reason, retryAfterSeconds, promised: null };
}

// A push is under way: its answer decides, or the end of patience. Forgotten when the process ends; the sender can ask.
function awaitEnd(desk: SenderDesk, deferredId: string, then: (taken: boolean) => void): void {
  const { runtime, clock, waiting } = desk;
  if (waiting.count >= natsLimits.withdrawalsMax) return;
  waiting.count += 1;
  let over = false;
  const end = (taken: boolean) => {
    if (over) return;
    over = true;
    waiting.count -= 1;
    cancel();
    stop();
    then(taken);
  };
  const look = () => {
    const life = runtime.show(deferredId);
    // `dropped`: the phone refused it for good meanwhile, so it is gone all the same, and nothing is said of it.
    if (life === null || life.final)
      end(life?.outcome === 'withdrawn' || life?.outcome === 'dropped');
  };
  const stop = runtime.onStep((id) => {
    if (id === deferredId) look();
  });
  const cancel = clock.after(natsLimits.withdrawPatienceMs, () => end(false));
  look();
}

// ---- over NATS ----

interface SentRequest {
  readonly v: 1;
  readonly asserted: string;
  readonly messageId: string;
  readonly recipient: string;
}

export interface SenderDoorOptions {
  readonly onMalformed?: (malformed: Malformed) => void;
  readonly onFailure?: (where: string, error: unknown) => void;
}

/** Serves the two subjects of senders until the bus closes or the result is called. */
export function serveSenderRequests(
  bus: Bus,
  runtime: Runtime,
  codec: SipCodec,
  options: SenderDoorOptions,
): Cancel {
  const request = schemaCheck('user-sent-request');
  const handled =
    (run: (sent: SentKey) => unknown) =>
    async ({ asserted, messageId, recipient }: SentRequest) => {
      const sender = asserted === '-' ? null : codec.canonicalAor(asserted);
      if (sender === null) return refuse(403, 'not-asserted', 'no sender is asserted');
      const aor = codec.canonicalAor(recipient);
      if (aor === null) return refuse(400, 'recipient', 'the recipient is no address of record');
      return run({ sender, imdnMessageId: messageId, aor });
    };
  const doors = [
    serveRequests<SentRequest>(bus, {
      ...{ subject: subjects.userStatus, request, reply: schemaCheck('user-status-reply') },
      handle: handled((sent) =>
        runtime.knows(sent.aor) ? statusReply(runtime.sent(sent)) : notReady(),
      ),
      ...options,
    }),
    serveRequests<SentRequest>(bus, {
      ...{ subject: subjects.userWithdraw, request, reply: schemaCheck('user-withdraw-reply') },
      handle: handled(async (sent) =>
        withdrawReply(await runtime.submit({ type: 'message.withdrawn', sent })),
      ),
      ...options,
    }),
  ];
  return () => {
    for (const close of doors) close();
  };
}

function statusReply(status: SentStatus | 'unknown' | 'not-told'): unknown {
  if (status === 'unknown') return refuse(404, 'no-such-message', 'no such message of his');
  if (status === 'not-told') return refuse(403, 'not-told', 'senders are told nothing here');
  const { state, acceptedAtMs, expiresAtMs, endedAtMs } = status;
  return { v: 1, ok: true, state, acceptedAtMs, expiresAtMs, endedAtMs };
}

function withdrawReply(reply: Reply): unknown {
  if (reply.kind === 'withdrawal')
    return { v: 1, ok: true, outcome: reply.ended ? 'withdrawn' : 'pending' };
  if (reply.kind === 'refused') return refuse(reply.status, reply.code, reply.reason);
  return refuse(500, 'reply-unexpected', 'the runtime gave another kind of reply');
}
