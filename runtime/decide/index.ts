// Every command has one place where it is decided. Decisions are synchronous: they see the open group and the store
// and nothing else.
import type { Command, Reply } from '../commands.js';
import type { Turn } from '../turn.js';
import {
  activate,
  deactivate,
  earlierPolicies,
  endMoving,
  type MovingCommand,
  moveGroup,
} from './activation.js';
import { answer } from './answer.js';
import {
  due,
  forgetLapsed,
  type InternalCommand,
  install,
  keepTime,
  makeRoom,
  operate,
  removeAudit,
} from './operate.js';
import { changePreferences, discard } from './preferences.js';
import { receive, refuse, sessionEnded, sessionRefusal, unacknowledged } from './receive.js';
import { register, unregister } from './register.js';
import { activateRules } from './rules.js';
import { dispositionPassed, withdrawSent } from './sender.js';
import { subscribe } from './subscribe.js';
import { giveTurn, type TurnReply } from './turns.js';
import { remove, request, retrieve } from './user.js';

export type { InternalCommand, TurnReply };
export { earlierPolicies, refuse, sessionRefusal };

/** Commands that may be about a whole mailbox. */
export type BulkType = 'messages.deleted' | 'messages.requested' | 'messages.discarded';

/** A bulk command whose ids have been looked up: `all` is not decided in one piece. */
export type DecidableCommand =
  | Exclude<Command, { type: BulkType }>
  | {
      readonly type: BulkType;
      readonly aor: string;
      readonly ids: readonly string[];
    }
  | InternalCommand
  | MovingCommand;

/** Decides one command within its turn. */
export function decide(turn: Turn, command: DecidableCommand): Reply | TurnReply {
  switch (command.type) {
    case 'message.received':
      return receive(turn, command);
    case 'message.unacknowledged':
      return unacknowledged(turn, command);
    case 'session.ended':
      return sessionEnded(turn, command);
    case 'recipient.registered':
      return register(turn, command);
    case 'recipient.unregistered':
      return unregister(turn, command);
    case 'effect.answered':
      return answer(turn, command);
    case 'messages.deleted':
      return remove(turn, { ...command, type: 'messages.deleted' });
    case 'messages.requested':
      return request(turn, { ...command, type: 'messages.requested' });
    case 'messages.retrieved':
      return retrieve(turn, command);
    case 'disposition.passed':
      return dispositionPassed(turn, command);
    case 'message.withdrawn':
      return withdrawSent(turn, command);
    case 'messages.discarded':
      return discard(turn, command);
    case 'preferences.changed':
      return changePreferences(turn, command);
    case 'subscription.requested':
      return subscribe(turn, command);
    case 'operator.acted':
      return operate(turn, command);
    case 'policy.installed':
      return install(turn, command);
    case 'policy.activated':
      return activate(turn, command);
    case 'policy.deactivated':
      return deactivate(turn, command);
    case 'rules.activated':
      return activateRules(turn, command);
    case 'messages.moved':
      return moveGroup(turn, command);
    case 'moving.ended':
      return endMoving(turn);
    case 'timer.due':
      return due(turn, command);
    case 'user.lapsed':
      return forgetLapsed(turn, command);
    case 'room.made':
      return makeRoom(turn, command);
    case 'turn.given':
      return giveTurn(turn, command);
    case 'audit.taken':
      return removeAudit(turn, command);
    case 'clock.moved':
      return keepTime(turn);
    default:
      throw new TypeError(`no such command: ${(command satisfies never as { type: string }).type}`);
  }
}
