// User commands that came by SIP (`command` lines): decided through the runtime, answered 202, and
// the result sent as a MESSAGE. Only the asserted owner is served; the mailbox is his own and
// cannot be named otherwise.
import type { Runtime } from '../../runtime/index.js';
import type { Decision } from './answers.js';
import type { CodecRefusal, CommandResult, SipCodec, UserCommand } from './codec.js';
import { notYet, readRefusal, refusal, refusedDecision } from './held.js';
import { natsLimits } from './limits.js';
import type { RequestPayload } from './lines.js';
import { changePreferences } from './preferences.js';
import type { ResultSender } from './results.js';

export async function decideCommand(
  request: RequestPayload,
  runtime: Runtime,
  codec: SipCodec,
  results: ResultSender,
  refused: (refusal: CodecRefusal) => void,
): Promise<Decision> {
  const { line, octets } = request;
  const aor = line.asserted === null ? null : codec.canonicalAor(line.asserted);
  if (aor === null) return refusal(403, 'Forbidden');
  const read = codec.readCommand(octets, line.asserted);
  if (!read.ok) {
    refused(read);
    return readRefusal(read);
  }
  if (!runtime.knows(aor)) return notYet();
  if (!results.room(aor)) return refusal(503, 'Busy', natsLimits.retryAfterSeconds);
  const result = await perform(runtime, aor, read.command);
  if ('code' in result) return result;
  results.send(aor, line.node, result);
  return { code: 202, reason: 'Accepted', retryAfterSeconds: null, promised: null };
}

async function perform(
  runtime: Runtime,
  aor: string,
  command: UserCommand,
): Promise<CommandResult | Decision> {
  const { op, ids, after, callId, form = 'json' } = command;
  if (op === 'list') {
    const listing = await runtime.list(aor, after, natsLimits.sipListRowsMax);
    return { op, callId, form, ...listing };
  }
  if (op === 'preferences') return preferences(runtime, aor, command);
  const type = op === 'delete' ? 'messages.deleted' : 'messages.requested';
  const reply = await runtime.submit({ type, aor, ids });
  if (reply.kind === 'results') return { op, callId, results: reply.results };
  if (reply.kind !== 'refused') return refusal(500, 'Unexpected Reply');
  return refusedDecision(reply);
}

async function preferences(
  runtime: Runtime,
  aor: string,
  { callId, set, discardBlocked }: UserCommand,
): Promise<CommandResult | Decision> {
  const reply = await changePreferences(runtime, aor, { set, discardBlocked });
  if (reply.kind === 'refused') return refusedDecision(reply);
  const discarded = reply.discarded?.length ?? null;
  return { op: 'preferences', callId, preferences: reply.preferences, discarded };
}
