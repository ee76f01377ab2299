// What a registration changes: the bindings of a user, kept with their own end so that a delivery run goes on after
// a crash. A refresh is no return: it is only a second chance for what failed for a passing reason (spec 3.1).
import { reachable, readUser, writeUser } from '../accounts.js';
import type { Binding, Command, Reply } from '../commands.js';
import { limits } from '../limits.js';
import type { UserRow } from '../rows.js';
import type { Turn } from '../turn.js';

type Registered = Extract<Command, { type: 'recipient.registered' }>;
type Unregistered = Extract<Command, { type: 'recipient.unregistered' }>;

export function register(turn: Turn, command: Registered): Reply {
  const before = readUser(turn, command.aor);
  const bindings = merge(before.bindings, command.bindings, turn);
  if (endsOnly(command, turn.nowMs) && bindings.length > 0) {
    writeUser(turn, command.aor, { ...before, bindings });
    return { kind: 'done' };
  }
  const fresh = bindings.some(
    (one) => !before.bindings.some((old) => sameContact(old, one, turn.nowMs)),
  );
  const after: UserRow = {
    ...before,
    bindings,
    node: command.node,
    generation: before.generation + (fresh ? 1 : 0),
    retry: null,
  };
  writeUser(turn, command.aor, after);
  const { aor, node } = command;
  if (!reachable(after, turn.nowMs)) turn.notices.push({ type: 'unreachable', aor });
  else if (after.messages > 0) turn.notices.push({ type: 'reachable', aor, node });
  else if (fresh) turn.notices.push({ type: 'nothing-waits', aor });
  return { kind: 'done' };
}

// The end of one device is no sign of life of the others.
const endsOnly = (command: Registered, nowMs: number): boolean =>
  command.bindings.length > 0 && command.bindings.every((one) => one.expiresAtMs <= nowMs);

export function unregister(turn: Turn, command: Unregistered): Reply {
  const before = readUser(turn, command.aor);
  writeUser(turn, command.aor, { ...before, bindings: [], retry: null });
  turn.notices.push({ type: 'unreachable', aor: command.aor });
  return { kind: 'done' };
}

const sameContact = (old: Binding, one: Binding, nowMs: number): boolean =>
  old.contact === one.contact && old.expiresAtMs > nowMs;

// A REGISTER names the contacts it is about; the others stay as they are. One that ends now is a removal.
function merge(
  before: readonly Binding[],
  named: readonly Binding[],
  turn: Turn,
): readonly Binding[] {
  const others = before.filter((old) => !named.some((one) => one.contact === old.contact));
  const counted = named.filter(
    (one) => !turn.settings.requireImTag || one.features.includes('+g.oma.sip-im'),
  );
  return [...others, ...counted]
    .filter((one) => one.expiresAtMs > turn.nowMs)
    .slice(-limits.bindingsMax);
}
