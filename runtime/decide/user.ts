// What a user may do with his own messages. An unknown id and somebody else's get the same answer, and one bad id
// does not undo the others (spec 4.3).
import type { Command, IdResult, Reply } from '../commands.js';
import { messageOf, plainCause } from '../consequences.js';
import { unlessDamaged } from '../integrity.js';
import { advance, fireDue, readActor } from '../life.js';
import type { ActorRow } from '../rows.js';
import type { Turn } from '../turn.js';

type Deleted = Extract<Command, { type: 'messages.deleted' }> & { readonly ids: readonly string[] };
type Retrieved = Extract<Command, { type: 'messages.retrieved' }>;
type Requested = Extract<Command, { type: 'messages.requested' }> & {
  readonly ids: readonly string[];
};

/** A waiting message of this user, everything due having fired; null for any other id. */
export function own(turn: Turn, aor: string, id: string): { local: string; row: ActorRow } | null {
  const local = turn.identities.localOf(id);
  const row = local === null ? null : unlessDamaged(() => readActor(turn, local));
  if (local === null || row === null || messageOf(row).aor !== aor || !row.live) return null;
  const current = fireDue(turn, local, row);
  return current?.live ? { local, row: current } : null;
}

function each(
  turn: Turn,
  aor: string,
  ids: readonly string[],
  act: (local: string, row: ActorRow) => IdResult['status'],
): Reply {
  const results = ids.map((id): IdResult => {
    const found = own(turn, aor, id);
    return { id, status: found === null ? 404 : act(found.local, found.row) };
  });
  return { kind: 'results', results };
}

/** 200: deleted. 202: an attempt is in flight, its answer decides. 404: not there. 409: its policy forbids it now, or fails. */
export function remove(turn: Turn, command: Deleted): Reply {
  return each(turn, command.aor, command.ids, (local, row) => {
    const after = advance(
      turn,
      local,
      row,
      { type: 'message.deleted' },
      plainCause('message.deleted'),
    );
    if (!after.live) return 200;
    return after === row || after.parked !== null ? 409 : 202;
  });
}

/** The user has what he fetched: 200, or 404. */
export function retrieve(turn: Turn, command: Retrieved): Reply {
  return each(turn, command.aor, command.ids, (local, row) => {
    const after = advance(
      turn,
      local,
      row,
      { type: 'message.retrieved' },
      plainCause('message.retrieved'),
    );
    return after.live ? 409 : 200;
  });
}

/** Puts messages at the head of the user's delivery run: 202, or 404; 409 for a parked one, which is not pushed. */
export function request(turn: Turn, command: Requested): Reply {
  const locals: string[] = [];
  const reply = each(turn, command.aor, command.ids, (local, row) => {
    if (row.parked !== null) return 409;
    locals.push(local);
    return 202;
  });
  if (locals.length > 0) turn.notices.push({ type: 'requested', aor: command.aor, locals });
  return reply;
}
