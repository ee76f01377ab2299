// RC7: a failure report that is owed is sent before the message is gone; none that is not owed, and never two. Owed as
// the runtime sees it: asked for, accepted, ended unread, and none went before (life.ts parks a message whose chart says
// otherwise; here the chart is refused before it has any).
import type { Edge, Exploration } from '../explorer.js';
import type { Monitor, Objection } from '../monitor.js';
import { effectOf, stateOf, transitionOf } from '../places.js';

interface Debt {
  /** Asked for, and not released from. */
  readonly asked: boolean;
  /** Delivered, retrieved, or taken back by its sender. */
  readonly read: boolean;
  /** none, decided, or arrived at the sender. */
  readonly report: 'none' | 'sent' | 'arrived';
}

export const reportMonitor = (at: Exploration): Monitor<Debt> => ({
  start: ({ asked }) => ({ asked, read: false, report: 'none' }),
  watch: (before, edge) => {
    const heard = listen(before, edge);
    const next = { ...heard, report: sent(heard, edge) ? 'sent' : heard.report } as Debt;
    const objections = [...sending(at, heard, edge), ...ending(at, next, edge)];
    return { next: [next], objections };
  },
});

const reportsOf = (edge: Edge) => edge.effects.filter((one) => one.type === 'report').length;
const sent = (debt: Debt, edge: Edge) => reportsOf(edge) > 0 && debt.report === 'none';

function listen(debt: Debt, { stimulus, changed }: Edge): Debt {
  if (stimulus.kind === 'released') return { ...debt, asked: false };
  if (!changed) return debt;
  const { name } = stimulus;
  const success = stimulus.class === 'success';
  if (name === 'report.answered' && success) return { ...debt, report: 'arrived' };
  const reads = name === 'message.retrieved' || name === 'message.withdrawn';
  return reads || (name === 'delivery.answered' && success) ? { ...debt, read: true } : debt;
}

function sending(at: Exploration, debt: Debt, edge: Edge): readonly Objection[] {
  const count = reportsOf(edge);
  if (count === 0) return [];
  const say = (code: Objection['code'], message: string): readonly Objection[] => [
    { code, pointer: effectOf(at, edge, 'report'), message },
  ];
  if (edge.to.live)
    return say('report-too-early', 'A report is sent while the message is still in its mailbox.');
  if (count > 1) return say('report-twice', 'One step sends two reports.');
  if (debt.report === 'arrived')
    return say('report-twice', 'A report is sent after one has arrived at the sender.');
  if (debt.report === 'sent') return [];
  if (edge.from === null)
    return say('report-not-owed', 'A report is sent about a message that has just come.');
  if (debt.read)
    return say(
      'report-not-owed',
      'A failure is reported of a message that was read or taken back.',
    );
  if (!debt.asked) return say('report-not-owed', 'A report is sent that nobody asked for.');
  return [];
}

function ending(at: Exploration, debt: Debt, edge: Edge): readonly Objection[] {
  const { from, to } = edge;
  if (!to.final) return [];
  const end = to.value;
  if (debt.asked && !debt.read && debt.report === 'none') {
    const message = `The message ends as "${end}" unread, a report is owed, and none was sent.`;
    return [{ code: 'report-missing', pointer: transitionOf(at, edge), message }];
  }
  // At the end of its lifetime even a report is given up.
  const waits = reportsOf(edge) > 0 || (from?.reporting === true && !answers(edge));
  if (debt.report !== 'sent' || to.outlived || !waits) return [];
  const message = `The message ends as "${end}" while its report has no answer yet.`;
  return [{ code: 'report-abandoned', pointer: from ? stateOf(at, from) : '/machine', message }];
}

const answers = ({ stimulus }: Edge) => stimulus.name === 'report.answered';
