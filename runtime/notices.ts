// Notices: a user who returns is told once that messages wait, however many of them ask for it. What he was told
// stands in his row, a notice on its way in a row of its own; both are decided like everything else. It is said in his
// subscriptions, and by a MESSAGE where he has none. A notice changes no message and is never reported (spec 3.1).
import { type AnswerClass, answerClass } from '../machines/index.js';
import { pace, readUser, writeUser } from './accounts.js';
import type { Reply } from './commands.js';
import { effectIdOf } from './identity.js';
import { arrivalNumber, keys, partitionOf } from './keys.js';
import { land, launch } from './notice-effect.js';
import { wishesFor } from './preferences.js';
import type { ActorRow, NoticeRow } from './rows.js';
import { informed, informOf } from './subscriptions.js';
import type { Turn } from './turn.js';

/**
 * Tells a user that messages wait, this one among them; null when he knows, or wants no notices. He is told once for each return, and again
 * about what arrived since, or when the last notice failed for a passing reason.
 */
export function tell(
  turn: Turn,
  aor: string,
  message: Waiting,
  node: string | null,
): string | null {
  const user = readUser(turn, aor);
  const { told, generation } = user;
  const knows = told?.generation === generation && message.row.arrival <= told.upTo;
  if ((knows && told.state !== 'failed') || wishesFor(turn, aor).notices === 'off') return null;
  const upTo = arrivalNumber(turn.partitions[partitionOf(aor)]!.arrivals);
  writeUser(turn, aor, { ...user, told: { generation, upTo, state: 'pending' } });
  const within = informOf(turn, aor, message.local);
  if (within === 'later') return null;
  if (within !== null) return effectIdOf('inform', within, 1);
  return effectIdOf('notify', byMessage(turn, aor, message.local, node), 1);
}

function byMessage(turn: Turn, aor: string, turnOf: string, node: string | null): string {
  const { told } = readUser(turn, aor);
  const telling = told && { generation: told.generation, upTo: told.upTo };
  return launch(turn, { aor, atMs: turn.nowMs, node, turnOf, ...(telling && { telling }) });
}

/** A waiting message whose turn it is. */
export interface Waiting {
  readonly local: string;
  readonly row: Pick<ActorRow, 'arrival'>;
}

/** The world's answer to a notice: null when none of this name is on its way. */
export function noticeAnswered(turn: Turn, local: string, status: number): Reply | null {
  const row = turn.ledger.readJson<NoticeRow>(keys.notice(local));
  if (row === null) return null;
  land(turn, local, row);
  if (row.within !== undefined) {
    const { heard, turnsOf } = informed(turn, local, row, status);
    for (const turnOf of turnsOf) heardWithin(turn, row.aor, turnOf, heard);
    return { kind: 'done' };
  }
  if (row.turnOf !== null && !isOvertaken(turn, row))
    toldBy(turn, row.aor, row.turnOf, answerClass(status));
  return { kind: 'done' };
}

// He has returned since, or more has come, and a notice of that is on its way: his run waits for that one.
function isOvertaken(turn: Turn, { aor, telling }: NoticeRow): boolean {
  const { told } = readUser(turn, aor);
  if (telling === undefined || told === undefined) return false;
  return told.generation !== telling.generation || told.upTo !== telling.upTo;
}

// Whom no subscription has reached is told by a MESSAGE (spec 13: NOTIFY if subscribed, else MESSAGE).
function heardWithin(turn: Turn, aor: string, turnOf: string, heard: boolean): void {
  const isOver = readUser(turn, aor).messages === 0;
  if (heard || isOver) toldBy(turn, aor, turnOf, 'success');
  else byMessage(turn, aor, turnOf, null);
}

// He was told, or not for now: his delivery run goes on.
function toldBy(turn: Turn, aor: string, turnOf: string, came: AnswerClass): void {
  // What has been fetched or deleted meanwhile needs no notice any more.
  const answer = readUser(turn, aor).messages === 0 ? 'success' : came;
  const retryAtMs = pace(turn, aor, answer, turn.registry.active.settings.retryStepsSeconds);
  const user = readUser(turn, aor);
  const state = answer === 'temporary' ? 'failed' : 'told';
  if (user.told !== undefined) writeUser(turn, aor, { ...user, told: { ...user.told, state } });
  turn.notices.push({ type: 'settled', aor, local: turnOf, answer, retryAtMs });
}
