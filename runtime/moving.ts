// One living message moved to another policy, in one piece: its place, its deadlines, what is under way. What has no place
// to go is ended by the chart a new store begins with, so that a report that is owed still goes out; a push that is under
// way is waited for first.
import { isStranded, type Move, takenOver } from '../machines/index.js';
import { reachable, readUser } from './accounts.js';
import { contextOf, follow, messageOf, plainCause } from './consequences.js';
import { keys } from './keys.js';
import { endByLastChart, isInHand, lastChart } from './life.js';
import type { ActorRow, MigrationRow, Parked } from './rows.js';
import { type ArmedTimer, placed, type Step } from './step.js';
import type { Turn } from './turn.js';

/** The names by which trails and audit events know it. */
const movedEvent = 'policy.migrated';
const endedEvent = 'policy.forced';

/** Moves one message, or ends it where it has nowhere to go. */
export function moveMessage(
  turn: Turn,
  local: string,
  row: ActorRow,
  { to, by, mode, stranded = {} }: MigrationRow,
): 'moved' | 'ended' | null {
  const policy = turn.registry.get(to);
  const plan = turn.registry.course.planFor(row.policy);
  if (policy === null || plan === null) return null;
  const { ending } = contextOf(row);
  const isLost = isStranded(stranded[row.policy] ?? [], row.value, ending);
  const move = isLost ? undefined : plan.moves.get(row.value);
  // Only who was told to end what has no place ends it; else it stays where it is.
  if (move === undefined && mode !== 'force') return null;
  if (move === undefined) return endPlaceless(turn, local, row, by) ? 'ended' : null;
  const waiting = carried(row.actor.timers, move);
  const context = takenOver(contextOf(row), move);
  const next = placed(policy, { value: move.to.value, context, waiting }, turn.nowMs);
  const parked = row.parked === null ? null : replayable(row.parked, row.actor.timers, next, move);
  if (parked !== null) turn.ledger.put(keys.quarantine(local), parked);
  const before = { ...row, policy: policy.hash, parked };
  const after = follow(turn, policy, local, before, next, { ...plainCause(movedEvent), by });
  if (move.from !== move.to.name) offer(turn, after);
  return 'moved';
}

// A deadline stays the deadline, under the name it has in the new place.
function carried(timers: readonly ArmedTimer[], { delays }: Move): readonly ArmedTimer[] {
  return Object.entries(delays).flatMap(([name, old]) => {
    const timer = timers.find((one) => one.name === old);
    return timer === undefined ? [] : [{ ...timer, name }];
  });
}

// A parked message waits to hear a timer again: of the new chart's it is the one that took over.
function replayable(
  parked: Parked,
  timers: readonly ArmedTimer[],
  next: Step,
  { delays }: Move,
): Parked {
  const event = JSON.parse(parked.replay) as { type: string; id?: string };
  const old = timers.find((one) => one.id === event.id)?.name;
  const name = Object.keys(delays).find((one) => delays[one] === old);
  const now = next.state.timers.find((one) => one.name === name);
  if (event.type !== 'timer' || old === undefined || now === undefined) return parked;
  return { ...parked, event: now.id, replay: JSON.stringify({ ...event, id: now.id }) };
}

// Where it stands now it may be deliverable, and its recipient may be there.
function offer(turn: Turn, row: ActorRow): void {
  const { aor } = messageOf(row);
  const user = readUser(turn, aor);
  if (!row.live || row.pending.length > 0 || user.retry !== null) return;
  if (reachable(user, turn.nowMs)) turn.notices.push({ type: 'reachable', aor, node: user.node });
}

function endPlaceless(turn: Turn, local: string, row: ActorRow, by: string): boolean {
  const cause = { ...plainCause(endedEvent), by };
  const pushing = row.live && row.pending.some((one) => one.type === 'deliver');
  if (row.parked !== null || !pushing || isInHand(row))
    return endByLastChart(turn, local, row, cause) !== null;
  // The phone may have it already: the answer decides, and the chart that ends it waits for it.
  const policy = lastChart(turn);
  const { ending } = contextOf(row);
  // The one ending that chart does not tell apart.
  const noted = ending === null || ending === 'dropped' ? 'deleted' : ending;
  const context = { ...contextOf(row), ending: noted };
  const waiting = row.actor.timers.filter((one) => one.name === 'answerTimeout');
  const next = placed(policy, { value: 'delivering', context, waiting }, turn.nowMs);
  follow(turn, policy, local, { ...row, policy: policy.hash }, next, cause);
  return true;
}
