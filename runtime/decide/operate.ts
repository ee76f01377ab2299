// What the engine and its operators do: fire what is due, act on one message, install a policy.
import type { PolicyFinding } from '../../machines/index.js';
import { reachable, readUser, writeUser } from '../accounts.js';
import type { Command, Reply } from '../commands.js';
import { type Cause, messageOf, plainCause } from '../consequences.js';
import { keys } from '../keys.js';
import { isLapsed } from '../lapsed.js';
import { advance, endParked, fireDue, readActor, retryParked } from '../life.js';
import { limits } from '../limits.js';
import type { ActorRow, PolicyRow, StoreRow } from '../rows.js';
import type { StepEvent } from '../step.js';
import { swallowedDue } from '../swallowed.js';
import type { Turn } from '../turn.js';
import { remember, sentenceOf } from './activation.js';
import { refuse } from './receive.js';
import { withdraw } from './sender.js';
import { subscriptionsDue } from './subscribe.js';
import type { TurnGiven } from './turns.js';

/** What the runtime tells itself; decided and committed like any command. */
export type InternalCommand =
  /** A timer row is due. */
  | { readonly type: 'timer.due'; readonly local: string; readonly dueMs: number }
  | TurnGiven
  /** A user's bindings may all have lapsed, with nothing waiting for him. */
  | { readonly type: 'user.lapsed'; readonly aor: string }
  /** A full mailbox makes room. */
  | { readonly type: 'room.made'; readonly local: string }
  /** Somebody has the audit event of a step. */
  | { readonly type: 'audit.taken'; readonly local: string; readonly number: number }
  /** A virtual clock was moved. */
  | { readonly type: 'clock.moved' };

export function due(turn: Turn, command: Extract<InternalCommand, { type: 'timer.due' }>): Reply {
  const row = readActor(turn, command.local);
  const { local, dueMs } = command;
  if (row === null && (subscriptionsDue(turn, local, dueMs) || swallowedDue(turn, local, dueMs)))
    return { kind: 'done' };
  // A row without a record, or of an earlier arming: it goes, and nothing else happens (reliability 7.2).
  if (row === null || row.wakeMs !== command.dueMs) {
    turn.ledger.remove(keys.timer(command.local, command.dueMs));
    return { kind: 'done' };
  }
  fireDue(turn, command.local, row);
  return { kind: 'done' };
}

/** Forgets the row of a user who went without a word, unless he has come back meanwhile. */
export function forgetLapsed(
  turn: Turn,
  { aor }: Extract<InternalCommand, { type: 'user.lapsed' }>,
): Reply {
  const user = readUser(turn, aor);
  if (isLapsed(user, turn.nowMs)) writeUser(turn, aor, { ...user, bindings: [] });
  return { kind: 'done' };
}

/** Ends the oldest waiting message of a full mailbox (spec 2.8). */
export function makeRoom(
  turn: Turn,
  command: Extract<InternalCommand, { type: 'room.made' }>,
): Reply {
  const row = readActor(turn, command.local);
  if (row?.live)
    advance(turn, command.local, row, { type: 'message.evicted' }, plainCause('message.evicted'));
  return { kind: 'done' };
}

type Acted = Extract<Command, { type: 'operator.acted' }>;

/** 200: the message has left its mailbox. 202: heard, it lives on. 409: it does not hear this as it stands. */
export function operate(turn: Turn, command: Acted): Reply {
  const local = turn.identities.localOf(command.deferredId);
  const row = local === null ? null : readActor(turn, local);
  if (local === null || row === null) return refuse('no-such-message');
  if (command.act === 'retry') {
    if (row.parked === null) return refuse('not-parked');
    retryParked(turn, local, row);
    return { kind: 'results', results: [{ id: command.deferredId, status: 200 }] };
  }
  if (command.act === 'withdraw')
    return withdrawal(command.deferredId, withdraw(turn, local, row, authorOf(command)));
  if (command.act === 'force') {
    if (row.parked === null) return refuse('not-parked');
    const ended = endParked(turn, local, row, authorOf(command));
    const status = ended === null || ended.live ? 409 : 200;
    return { kind: 'results', results: [{ id: command.deferredId, status }] };
  }
  // Expiry is judged at use, not only by the timer (spec 5).
  const current = row.live ? fireDue(turn, local, row) : null;
  if (!current?.live) return refuse('no-such-message');
  const after = acted(turn, local, current, command);
  const heard = after !== current && after.parked === null;
  const status = after.live ? (heard ? 202 : 409) : 200;
  return { kind: 'results', results: [{ id: command.deferredId, status }] };
}

// An operator's verbs tell what became of the id.
const withdrawal = (id: string, reply: Reply): Reply =>
  reply.kind === 'withdrawal'
    ? { kind: 'results', results: [{ id, status: reply.ended ? 200 : 202 }] }
    : reply;

const authorOf = ({ by }: Acted): string => by.slice(0, limits.authorCharactersMax);

function acted(turn: Turn, local: string, row: ActorRow, command: Acted): ActorRow {
  const by = authorOf(command);
  const hear = (event: StepEvent, name: string, more: Partial<Cause> = {}) =>
    advance(turn, local, row, event, { ...plainCause(name), by, ...more });
  switch (command.act) {
    case 'delete':
      return hear({ type: 'message.deleted' }, 'message.deleted');
    case 'expire': {
      // Its own timer fires early; a message that does not expire has none.
      const timer = row.actor.timers.find((one) => one.name === 'expiry');
      return timer === undefined ? row : hear({ type: 'timer', id: timer.id }, 'after expiry');
    }
    case 'drop':
      return hear({ type: 'message.dropped' }, 'message.dropped');
    case 'release':
      return offered(turn, row, hear({ type: 'message.released' }, 'message.released'));
    case 'extend': {
      const expiresAtMs = extended(turn, row, command.seconds);
      if (expiresAtMs === null) return row;
      const event = { type: 'message.extended', expiresAtMs } as const;
      const { storedExpiresAtMs = messageOf(row).expiresAtMs! } = row;
      const told = { ...row, storedExpiresAtMs };
      const cause = { ...plainCause(event.type), by, expiresAtMs };
      const after = advance(turn, local, told, event, cause);
      return after === told ? row : offered(turn, row, after);
    }
    case 'retry':
    case 'withdraw':
    case 'force':
      return row;
    default:
      throw new TypeError(`no such act: ${command.act satisfies never}`);
  }
}

/**
 * Where an extension moves the expiry to: so much later, counted from now when the instant has passed, and not beyond
 * the maximum lifetime. Null when that is no extension.
 */
function extended(turn: Turn, row: ActorRow, seconds: number | undefined): number | null {
  const { expiresAtMs, outlivesAtMs } = messageOf(row);
  const given = seconds ?? turn.registry.get(row.policy)?.settings.defaultExpirySeconds ?? 'none';
  if (expiresAtMs === null) return null;
  const from = Math.max(expiresAtMs, turn.nowMs);
  const toMs = given === 'none' ? outlivesAtMs : Math.min(outlivesAtMs, from + given * 1000);
  return toMs > expiresAtMs ? toMs : null;
}

// What may be delivered again does not wait for the next registration of a user who is there.
function offered(turn: Turn, before: ActorRow, after: ActorRow): ActorRow {
  const { aor } = messageOf(after);
  const user = readUser(turn, aor);
  if (after !== before && after.live && reachable(user, turn.nowMs))
    turn.notices.push({ type: 'reachable', aor, node: user.node });
  return after;
}

/** An audit event has done its duty. */
export function removeAudit(
  turn: Turn,
  { local, number }: Extract<InternalCommand, { type: 'audit.taken' }>,
): Reply {
  turn.ledger.remove(keys.audit(local, number));
  turn.notices.push({ type: 'audit-over', local, number });
  return { kind: 'done' };
}

/** The group that carries this keeps the instant, in the row of its commit number; the identity stays what it is. */
export function keepTime(turn: Turn): Reply {
  const identity = turn.ledger.readJson<StoreRow>(keys.store());
  if (identity !== null) turn.ledger.put(keys.store(), identity);
  return { kind: 'done' };
}

export function install(
  turn: Turn,
  command: Extract<Command, { type: 'policy.installed' }>,
): Reply {
  const { ok, findings, hash } = turn.registry.judge(command.source);
  if (!ok || hash === null) return refuse('policy-refused', sentenceOf(findings));
  const reply: Reply = { kind: 'policy', hash, ...warnedOf(findings) };
  if (turn.registry.get(hash) !== null) return reply;
  // As it was written: its order is the order of its charts, and means nothing else.
  const row: PolicyRow = { source: command.source, installedAtMs: turn.nowMs, by: command.by };
  turn.ledger.put(keys.policy(hash), row);
  turn.registry.add(hash, row);
  remember(turn, { act: 'installed', hash, by: command.by, reason: '' });
  return reply;
}

const warnedOf = (findings: readonly PolicyFinding[]) =>
  findings.length === 0
    ? {}
    : { warnings: findings.map(({ pointer, message }) => `${pointer}: ${message}`) };
