// Liveness, asked after the calm: L1 every accepted message has its one end and whoever is owed a report has it, nothing
// waits in outbox or timers; L2 every letter was accepted or refused.
import type { Stage } from '../stage.js';
import type { Fate } from './book.js';

/** Nothing is under way any more: the calm may end. */
export function atRest(simulation: Stage, forgotten: boolean): boolean {
  const { fates, view } = simulation.model;
  if (fates.some((fate) => isSent(simulation, fate) && !fate.heard202 && !fate.refused))
    return false;
  if (view.migration !== null) return false;
  for (const { row, events } of view.stored.values())
    if (events.size > 0 || (row !== null && (forgotten || row.outcome === null))) return false;
  return true;
}

const isSent = (simulation: Stage, fate: Fate): boolean =>
  !simulation.options.without.includes(fate.letter.index);

export function checkEnd(simulation: Stage): void {
  const { fates, view } = simulation.model;
  for (const fate of fates) {
    if (isSent(simulation, fate) && !fate.heard202 && !fate.refused)
      simulation.violated('L2', `letter ${fate.letter.index} has no final answer`);
    checkFate(simulation, fate);
  }
  if (view.migration !== null) simulation.violated('L1', 'messages are still being moved');
  for (const stored of view.stored.values()) {
    if (stored.outbox.size > 0)
      simulation.violated('L1', `${[...stored.outbox]} is still to be sent`);
    const { row } = stored;
    if (row?.parked != null) simulation.violated('L1', `${stored.local} is still parked`);
    const told = simulation.model.heardOf(stored.local);
    if (stored.events.size > 0 || (row !== null && stored.told.size > 0 && told < row.revision))
      simulation.violated('L1', `steps of ${stored.local} are known up to ${told} alone`);
    if (row !== null && row.outcome !== null && row.forgetAtMs === null)
      simulation.violated('L1', `${stored.local} will never be forgotten`);
    if (row !== null && simulation.options.untilForgotten)
      simulation.violated('L1', `${stored.local} is not forgotten`);
  }
}

function checkFate(simulation: Stage, fate: Fate): void {
  const { letter, local } = fate;
  const stored = local === null ? undefined : simulation.model.view.stored.get(local);
  const row = stored?.row ?? stored?.before ?? null;
  if (row === null) {
    if (fate.heard202 && !fate.swallowed)
      simulation.violated('L1', `letter ${letter.index} is nowhere`);
    return;
  }
  if (row.outcome === null) {
    simulation.violated('L1', `letter ${letter.index} is still ${row.value}`);
    return;
  }
  // He has it back, or heard of its delivery, or was never to know that he is blocked.
  const excused = fate.askedBack || fate.passed !== null || fate.swallowed;
  const owed = letter.wantsReport && fate.heard202 && row.outcome !== 'delivered' && !excused;
  if (owed && row.outcome === 'dropped')
    simulation.violated('L1', `letter ${letter.index} was dropped, and its sender heard nothing`);
  if (row.outcome === 'report-refused' && !fate.reportRefused)
    simulation.violated(
      'L1',
      `the report about ${letter.index} was given up, and nobody refused it`,
    );
}
