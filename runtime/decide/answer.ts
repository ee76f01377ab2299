// The world's answers to our effects. An answer counts when it echoes the token of its effect; success of any
// attempt wins, failure of an old one is ignored (reliability R18, C9, C10).
import { type AnswerClass, answerClass } from '../../machines/index.js';
import { reachable, readUser, writeUser } from '../accounts.js';
import type { Command, Reply } from '../commands.js';
import { readEffectId } from '../identity.js';
import { advance, messageOf, readActor, rewrite } from '../life.js';
import type { ActorRow } from '../rows.js';
import type { Turn } from '../turn.js';

type Answered = Extract<Command, { type: 'effect.answered' }>;

const done: Reply = { kind: 'done' };

export function answer(turn: Turn, command: Answered): Reply {
  const effect = readEffectId(command.effectId);
  if (effect === null || turn.identities.token(command.effectId) !== command.token) {
    return ignore(turn, 'foreign-token', null);
  }
  const row = readActor(turn, effect.local);
  if (row === null || row.parked !== null) return ignore(turn, 'stale-answer', effect.local);
  const kind = answerClass(command.status);
  const waited = row.pending.some((one) => one.effectId === command.effectId);
  if (!waited && kind !== 'success') return ignore(turn, 'stale-answer', effect.local);
  if (!waited && row.outcome !== null) return ignore(turn, 'late-success', effect.local);
  return hear(turn, row, { ...effect, status: command.status, class: kind });
}

interface Heard {
  readonly type: 'deliver' | 'report';
  readonly local: string;
  readonly status: number;
  readonly class: AnswerClass;
}

function hear(turn: Turn, row: ActorRow, heard: Heard): Reply {
  const { type, local, status } = heard;
  const event = type === 'deliver' ? 'delivery.answered' : 'report.answered';
  const retryAtMs = type === 'deliver' ? pace(turn, row, heard.class) : null;
  const marked =
    type === 'deliver' && heard.class === 'unsuitable' ? unsuitable(turn, local, row) : row;
  advance(
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
  return done;
}

// The user's next try follows the retry steps of the policy while a binding lives (spec 3.2); success starts them anew.
function pace(turn: Turn, row: ActorRow, kind: AnswerClass): number | null {
  const { aor } = messageOf(row);
  const user = readUser(turn, aor);
  if (kind !== 'temporary') {
    if (user.retry !== null) writeUser(turn, aor, { ...user, retry: null });
    return null;
  }
  if (!reachable(user, turn.nowMs)) return null;
  const steps = turn.registry.get(row.policy)?.settings.retryStepsSeconds ?? [];
  const step = user.retry === null ? 0 : user.retry.step + 1;
  const seconds = steps[Math.min(step, steps.length - 1)];
  if (seconds === undefined) return null;
  const atMs = turn.nowMs + seconds * 1000;
  writeUser(turn, aor, { ...user, retry: { step, atMs } });
  return atMs;
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
