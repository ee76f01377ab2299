// Sessions of the SIP agents of tests: INVITE, ACK and BYE as RFC 3261 sections 12 and 13 have them, on either side.
// It knows nothing of MSRP and nothing of the engine.
import { randomBytes } from 'node:crypto';
import type { Reply, SipAgent, SipAnswer, SipRequest } from '../../adapters/cli/stage/sip-agent.js';
import { formatSip, type HeaderFields, headerValues } from '../../adapters/cli/stage/sip-text.js';

/** A call of ours that was answered. */
export interface CallMade {
  readonly answer: SipAnswer;
  readonly sdp: string;
  /** Sends BYE with more headers; its final answer. */
  bye(headers?: HeaderFields): Promise<SipAnswer>;
}

/** Calls somebody; the answer alone when it is a refusal. */
export async function invite(
  agent: SipAgent,
  to: string,
  sdp: string,
  headers: HeaderFields = {},
): Promise<CallMade | SipAnswer> {
  const callId = randomBytes(10).toString('hex');
  const answer = await agent.request('INVITE', to, {
    to: `<${to}>`,
    callId,
    headers: { Contact: `<${agent.contact}>`, 'Content-Type': 'application/sdp', ...headers },
    body: sdp,
  });
  if (answer.status >= 300) return answer;
  const target = uriOf(answer.header('contact') ?? '');
  const routes = headerValues(answer.message, 'record-route')
    .flatMap((value) => value.split(',').map((one) => one.trim()))
    .reverse();
  const dialog = {
    ...(routes.length === 0 ? {} : { Route: routes }),
    From: answer.header('from') ?? '',
    To: answer.header('to') ?? '',
    'Call-ID': callId,
  };
  const cseq = Number((answer.header('cseq') ?? '').split(' ')[0]);
  agent.sendRaw(
    formatSip(
      `ACK ${target} SIP/2.0`,
      { ...via(agent), 'Max-Forwards': '70', ...dialog, CSeq: `${cseq} ACK` },
      Buffer.alloc(0),
    ),
  );
  return {
    answer,
    sdp: answer.message.body.toString('utf8'),
    bye: (more = {}) =>
      agent.within('BYE', target, { ...dialog, CSeq: `${cseq + 1} BYE`, ...more }),
  };
}

const via = (agent: SipAgent) => ({
  Via: `SIP/2.0/UDP 127.0.0.1:${agent.port};branch=z9hG4bK${randomBytes(10).toString('hex')};rport`,
});

const uriOf = (value: string): string => /<([^>]*)>/.exec(value)?.[1] ?? value;

/** A call that reached us. */
export interface CallHeard {
  readonly invite: SipRequest;
  readonly sdp: string;
  readonly reply: Reply;
  acknowledged: boolean;
  /** Set when the caller ended it. */
  bye: SipRequest | null;
}

/** Has an agent take calls; each is told once, and kept. */
export function takeCalls(agent: SipAgent, onCall: (call: CallHeard) => void): CallHeard[] {
  const calls: CallHeard[] = [];
  agent.onOther = (request, reply) => {
    const known = calls.find((one) => one.invite.header('call-id') === request.header('call-id'));
    if (request.method === 'INVITE') {
      const call: CallHeard = {
        invite: request,
        sdp: request.body.toString('utf8'),
        reply,
        acknowledged: false,
        bye: null,
      };
      calls.push(call);
      onCall(call);
    } else if (request.method === 'ACK') {
      const last = calls.at(-1);
      if (last !== undefined) last.acknowledged = true;
    } else if (request.method === 'BYE') {
      const last = calls.filter((one) => one.bye === null).at(-1) ?? known;
      if (last !== undefined) last.bye = request;
      reply(200);
    } else reply(200);
  };
  return calls;
}

/** Headers of a 200 OK of ours. */
export function okHeaders(agent: SipAgent, call: CallHeard): HeaderFields {
  const recorded = headerValues(call.invite, 'record-route');
  return {
    ...(recorded.length === 0 ? {} : { 'Record-Route': recorded }),
    Contact: `<${agent.contact}>`,
    'Content-Type': 'application/sdp',
  };
}
