// A message has its turn in its user's delivery run: pushed, told of, or passed by. The run decides when; the chart of the
// message decides what.
import { ruleFor } from '../../machines/index.js';
import { largeContacts, reachable, readUser } from '../accounts.js';
import { messageOf, plainCause } from '../consequences.js';
import { advance, fireDue, readActor } from '../life.js';
import { tell } from '../notices.js';
import { wishesFor } from '../preferences.js';
import type { ActorRow, UserRow } from '../rows.js';
import { StepError, step } from '../step.js';
import type { Notice, Turn } from '../turn.js';

/** It is this message's turn in its user's delivery run. */
export interface TurnGiven {
  readonly type: 'turn.given';
  readonly local: string;
  readonly aor: string;
  /** Its user asked for it, before the others. */
  readonly asked: boolean;
}

/** What came of a turn. */
export type TurnReply = {
  readonly kind: 'turn';
  readonly came: 'sent' | 'passed' | 'gone' | 'unreachable';
};

export function giveTurn(turn: Turn, command: TurnGiven): TurnReply {
  const { local, aor } = command;
  const stored = readActor(turn, local);
  // Expiry is judged at use, not only by the timer (spec 5).
  const row = stored?.live ? fireDue(turn, local, stored) : null;
  if (!row?.live) return { kind: 'turn', came: 'gone' };
  if (row.parked !== null) return { kind: 'turn', came: 'passed' };
  const user = readUser(turn, aor);
  if (!reachable(user, turn.nowMs)) return { kind: 'turn', came: 'unreachable' };
  if (row.unsuitableFor === user.generation) return { kind: 'turn', came: 'passed' };
  if (!takesLarge(turn, row, user, command.asked)) return { kind: 'turn', came: 'passed' };
  if (!command.asked && heldBack(turn, aor, row)) return { kind: 'turn', came: 'passed' };
  const after = hearTurn(turn, local, row, { asked: command.asked, node: user.node });
  const came = pushing(after) || turn.notices.some(isNotice) ? 'sent' : 'passed';
  return { kind: 'turn', came };
}

// A large message is pushed to a device that says it takes such (spec 3.3), and waits for one; a notice of it goes to any,
// whether its user wants notices or its policy gives nothing else.
function takesLarge(turn: Turn, row: ActorRow, user: UserRow, asked: boolean): boolean {
  const { aor, kind } = messageOf(row);
  if (kind !== 'large' || largeContacts(user, turn.nowMs).length > 0) return true;
  return !asked && (wishesFor(turn, aor).delivery !== 'push' || onlyTells(turn, row));
}

// Tried on the chart, and thrown away: a step is pure.
function onlyTells(turn: Turn, row: ActorRow): boolean {
  const policy = turn.registry.get(row.policy);
  if (policy === null) return false;
  try {
    const { effects } = step(policy, row.actor, { type: 'recipient.registered' }, turn.nowMs);
    return effects.length > 0 && effects.every((one) => one.type === 'notify');
  } catch (error) {
    // Its turn parks it.
    if (error instanceof StepError) return true;
    throw error;
  }
}

// What was asked for is pushed, also where the policy or its user wants a notice in place of a push. A policy that is
// deaf to the request takes it as any other turn.
function hearTurn(
  turn: Turn,
  local: string,
  row: ActorRow,
  { asked, node }: { readonly asked: boolean; readonly node: string | null },
): ActorRow {
  const hear = (type: 'message.requested' | 'recipient.registered') =>
    advance(turn, local, row, { type }, { ...plainCause(type), node });
  const heard = asked ? hear('message.requested') : row;
  if (heard !== row) return heard;
  const { aor } = messageOf(row);
  if (asked || wishesFor(turn, aor).delivery === 'push') return hear('recipient.registered');
  tell(turn, aor, { local, row }, node);
  return row;
}

const pushing = (row: ActorRow): boolean => row.pending.some((one) => one.type === 'deliver');

const isNotice = (one: Notice): boolean =>
  one.type === 'effect' && (one.effect.type === 'notify' || one.effect.type === 'inform');

// Its sender has been blocked since it was stored, and the operator has that asked again (X5). It stays, in its place.
function heldBack(turn: Turn, aor: string, row: ActorRow): boolean {
  if (turn.settings.preferences.blockedAtDelivery !== 'hold') return false;
  const { asserted, hidden = false } = messageOf(row);
  const rule = ruleFor(wishesFor(turn, aor).rules, { asserted, anonymous: hidden });
  return rule === 'block' || rule === 'polite-block';
}
