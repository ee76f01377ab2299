// The world's answers to our effects. An answer counts when it echoes the token of its effect; success of any
// attempt wins, failure of an old one is ignored (reliability R18, C9, C10).
import { type AnswerClass, answerClass } from '../../machines/index.js';
import { readUser } from '../accounts.js';
import type { Command, Reply } from '../commands.js';
import { messageOf } from '../consequences.js';
import { settleEarly } from '../early.js';
import { readEffectId } from '../identity.js';
import { advance, readActor, retryOf, rewrite } from '../life.js';
import { limits } from '../limits.js';
import { noticeAnswered } from '../notices.js';
import type { ActorRow } from '../rows.js';
import type { ArmedTimer } from '../step.js';
import type { Turn } from '../turn.js';

type Answered = Extract<Command, { type: 'effect.answered' }>;

const done: Reply = { kind: 'done' };

export function answer(turn: Turn, command: Answered): Reply {
  const effect = readEffectId(command.effectId);
  if (effect === null || turn.identities.token(command.effectId) !== command.token) {
    return ignore(turn, 'foreign-token', null);
  }
  if (effect.type === 'notify' || effect.type === 'inform') {
    const reply = noticeAnswered(turn, effect.local, command.status);
    return reply ?? ignore(turn, 'stale-answer', null);
  }
  const row = readActor(turn, effect.local);
  if (row === null) return ignore(turn, 'stale-answer', effect.local);
  const kind = answerClass(command.status);
  // A parked message hears of a success alone: that it has arrived stays true.
  const arrived = kind === 'success' && effect.type === 'deliver';
  if (row.parked !== null && !arrived) return ignore(turn, 'stale-answer', effect.local);
  const waited = row.pending.some((one) => one.effectId === command.effectId);
  if (!waited && kind !== 'success') return ignore(turn, 'stale-answer', effect.local);
  if (!waited && row.outcome !== null) return ignore(turn, 'late-success', effect.local);
  const { type, local } = effect;
  if (type === 'early-report') {
    // Nothing hangs on it: a failure of it produces nothing (RFC 5438 section 7.2.1).
    const after = settleEarly(turn, local, row, {
      answer: kind,
      retryAfterMs: retryAfterOf(command),
    });
    return !waited && after === row ? ignore(turn, 'late-success', local) : done;
  }
  const heard = hear(turn, row, { type, local, status: command.status, class: kind });
  const after = type === 'report' ? putOff(turn, local, heard, row, command) : heard;
  return !waited && after === row ? ignore(turn, 'late-success', effect.local) : done;
}

const retryAfterOf = ({ retryAfterSeconds }: Answered): number =>
  Math.min((retryAfterSeconds ?? 0) * 1000, limits.retryAfterMaxMs);

// Retry-After (RFC 3261 section 20.33) is honoured for a report: what the answer armed waits at least so long, within a
// bound. The chart's own delay stands where it is longer.
function putOff(
  turn: Turn,
  local: string,
  row: ActorRow,
  before: ActorRow,
  command: Answered,
): ActorRow {
  const askedMs = retryAfterOf(command);
  const untilMs = turn.nowMs + askedMs;
  const isNew = (timer: ArmedTimer) => !before.actor.timers.includes(timer);
  const sooner = row.actor.timers.filter((timer) => isNew(timer) && timer.dueMs < untilMs);
  if (row === before || askedMs === 0 || sooner.length === 0) return row;
  const timers = row.actor.timers.map((timer) =>
    sooner.includes(timer) ? { ...timer, dueMs: untilMs } : timer,
  );
  return rewrite(turn, local, row, { ...row, actor: { ...row.actor, timers } });
}

interface Heard {
  readonly type: 'deliver' | 'report';
  readonly local: string;
  readonly status: number;
  readonly class: AnswerClass;
}

function hear(turn: Turn, row: ActorRow, heard: Heard): ActorRow {
  const { type, local, status } = heard;
  const event = type === 'deliver' ? 'delivery.answered' : 'report.answered';
  const retryAtMs = type === 'deliver' ? retryOf(turn, row, heard.class) : null;
  const marked =
    type === 'deliver' && heard.class === 'unsuitable' ? unsuitable(turn, local, row) : row;
  return advance(
    turn,
    local,
    marked,
    { type: event, status, class: heard.class },
    {
      name: event,
      status,
      settles: type,
      class: heard.class,
      node: null,
      retryAtMs,
    },
  );
}

// Tried again only for a contact that was not bound at this try.
function unsuitable(turn: Turn, local: string, row: ActorRow): ActorRow {
  const { generation } = readUser(turn, messageOf(row).aor);
  return rewrite(turn, local, row, { ...row, unsuitableFor: generation });
}

function ignore(turn: Turn, what: string, local: string | null): Reply {
  turn.notices.push({ type: 'counted', what, local });
  return done;
}
