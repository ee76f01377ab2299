// RC8, and what of RC9 and RC10 hangs on it: nothing is pushed after the message has ended or been read, nothing after
// its expiry unless `settings.deliverAfterExpiry` says so and then marked, no second push while one is out; a message
// that was deleted leaves its mailbox as soon as no push is out; what has left it never comes back.
import type { Edge, Exploration } from '../explorer.js';
import type { Monitor, Objection } from '../monitor.js';
import { effectOf, stateOf, transitionOf } from '../places.js';

interface Fate {
  /** The expiry instant has passed. */
  readonly past: boolean;
  /** What ended it or is to end it: an event, or an answer. */
  readonly over: string | null;
}

const endings: ReadonlySet<string> = new Set([
  ...['message.deleted', 'message.withdrawn', 'message.evicted', 'message.dropped'],
  ...['message.retrieved', 'message.outlived'],
]);

export const deliveryMonitor = (at: Exploration): Monitor<Fate> => ({
  start: () => ({ past: false, over: null }),
  watch: (before, edge) => {
    // What is due fires before anything else is heard.
    if (before.past && hasExpiry(edge.from) && edge.stimulus.name !== 'expiry')
      return { next: [], objections: [] };
    const next = listen(before, edge);
    return { next: maybePast(next, edge), objections: objectionsTo(at, next, edge) };
  },
});

const hasExpiry = (situation: Edge['from']): boolean =>
  situation?.armed.some((one) => one.name === 'expiry') ?? false;

// Where no delay waits for it, the instant may pass unnoticed.
function maybePast(fate: Fate, { to }: Edge): readonly Fate[] {
  const unnoticed = to.expires && !to.final && to.live && !fate.past && !hasExpiry(to);
  return unnoticed ? [fate, { ...fate, past: true }] : [fate];
}

function listen(fate: Fate, edge: Edge): Fate {
  const { stimulus, changed, extended } = edge;
  const past = (fate.past || stimulus.name === 'expiry') && !extended;
  const success = stimulus.name === 'delivery.answered' && stimulus.class === 'success';
  const over = changed && (success || endings.has(stimulus.name));
  return { past, over: fate.over ?? (over ? stimulus.label : null) };
}

function objectionsTo(at: Exploration, fate: Fate, edge: Edge): readonly Objection[] {
  return [
    ...pushing(at, fate, edge),
    ...reviving(at, edge),
    ...staying(at, fate, edge),
    ...doubling(at, edge),
  ];
}

const pushesOf = (edge: Edge) =>
  edge.effects.flatMap((one) => (one.type === 'deliver' ? [one] : []));

function pushing(at: Exploration, fate: Fate, edge: Edge): readonly Objection[] {
  const push = pushesOf(edge)[0];
  if (push === undefined) return [];
  const say = (code: Objection['code'], message: string): readonly Objection[] => [
    { code, pointer: effectOf(at, edge, 'deliver'), message },
  ];
  if (!edge.to.live)
    return say('body-lost', 'The message is pushed outside its mailbox, where its body is gone.');
  if (fate.over !== null)
    return say('delivered-after-end', `The message is pushed after ${fate.over} was heard.`);
  if (!fate.past) return [];
  if (!at.policy.settings.deliverAfterExpiry)
    return say(
      'delivered-after-expiry',
      'The message is pushed after its expiry, and settings.deliverAfterExpiry is not true.',
    );
  return push.late
    ? []
    : say(
        'late-unmarked',
        'The message is pushed after its expiry and not marked: no markExpired.',
      );
}

function reviving(at: Exploration, edge: Edge): readonly Objection[] {
  if (edge.from === null || edge.from.live || !edge.to.live) return [];
  const message = 'The message comes back into its mailbox; its body is gone.';
  return [{ code: 'body-lost', pointer: transitionOf(at, edge), message }];
}

function staying(at: Exploration, fate: Fate, { to }: Edge): readonly Objection[] {
  if (fate.over !== 'message.deleted' || !to.live || to.pushing) return [];
  const message = `The message was deleted and stays in its mailbox, as "${to.value}".`;
  return [{ code: 'delete-stays', pointer: stateOf(at, to), message }];
}

function doubling(at: Exploration, edge: Edge): readonly Objection[] {
  const pushes = pushesOf(edge).length;
  const out = edge.from?.pushing === true && !settles(edge);
  if (pushes === 0 || (pushes === 1 && !out)) return [];
  const message = 'The message is pushed while an earlier push has no answer yet.';
  return [{ code: 'push-doubled', pointer: effectOf(at, edge, 'deliver'), message }];
}

const settles = ({ stimulus }: Edge): boolean =>
  stimulus.name === 'delivery.answered' || stimulus.name === 'answerTimeout';
