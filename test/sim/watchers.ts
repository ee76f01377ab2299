// Phones that subscribe to the notices of their owner's mailbox: they begin a dialog, renew it, end it or forget it, and
// take a NOTIFY or not. One who has heard that something waits fetches it.
import type { Watcher } from '../../runtime/index.js';
import { recipientAor } from './letters.js';
import { type Answered, type Push, readNotice } from './push.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

const perUser = 3;

export class Watchers {
  private readonly dialogs = new Map<string, Watcher[]>();
  private readonly answers: Random;
  private made = 0;

  constructor(private readonly simulation: Stage) {
    this.answers = simulation.random.named('watchers');
  }

  /** A phone begins a subscription, renews one, or ends it. */
  subscribes(random: Random): void {
    const { simulation } = this;
    const aor = recipientAor(random.below(simulation.options.recipients));
    const known = this.dialogs.get(aor) ?? [];
    const begins = known.length === 0 || random.chance(0.4);
    const one = random.pick(begins ? [this.fresh(aor)] : known);
    const ends = !begins && random.chance(0.3);
    const seconds = ends ? 0 : Math.trunc(random.spread(20, 7200));
    const watcher = { ...one, cseq: one.cseq + 1 };
    const others = known.filter(({ callId }) => callId !== one.callId);
    this.dialogs.set(aor, (ends ? others : [...others, watcher]).slice(-perUser));
    simulation.trace('user', aor, ends ? 'ends' : begins ? 'begins' : 'renews', watcher.callId);
    const request = { type: 'subscription.requested', aor, node: null, watcher } as const;
    simulation.process.submit({ ...request, begins, seconds });
  }

  private fresh(aor: string): Watcher {
    this.made += 1;
    const number = this.made;
    return {
      callId: `watch-${number}@192.0.2.7`,
      localTag: `ours-${number}`,
      remoteTag: `theirs-${number}`,
      localUri: aor,
      remoteUri: aor,
      target: `sip:watch-${number}@192.0.2.7`,
      routes: [],
      eventId: null,
      list: number % 2 === 0,
      cseq: 0,
    };
  }

  /** A NOTIFY arrives. */
  notified(push: Push, answer: Answered): void {
    const { simulation, answers } = this;
    const fails = answers.chance(simulation.rate('notifyFails'));
    const code = fails ? answers.pick([481, 480, 500, 404, 0]) : 200;
    const delay = answers.spread(1, 300);
    simulation.trace('watcher', push.ruri, 'gets', push.effectId, code);
    if (code === 0) return;
    const aor = this.ownerOf(push);
    if (code === 200 && aor !== null && readNotice(push).waiting > 0)
      simulation.people.noticed(aor);
    simulation.scheduler.after(delay, () => answer(code));
  }

  private ownerOf({ ruri }: Push): string | null {
    for (const [aor, known] of this.dialogs)
      if (known.some(({ target }) => target === ruri)) return aor;
    return null;
  }
}
