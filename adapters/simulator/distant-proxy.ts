// The world beyond the engine: a proxy and the phones behind it. It takes what the engine sends, answers a second later as
// the scenario says, and remembers effects as the real proxy does, so that a repetition is not sent again.
import type {
  Clock,
  Command,
  EffectPort,
  OutgoingDelivery,
  OutgoingEffect,
  OutgoingReport,
} from '../../runtime/index.js';
import type { Attempt, DeliveryAttempt, NoticeAttempt, ReportAttempt } from './lives.js';

/** How long a phone takes to answer. */
const ringsMs = 1000;

export interface ProxyHooks {
  readonly clock: Pick<Clock, 'after' | 'now'>;
  readonly beganMs: number;
  readonly answered: (command: Extract<Command, { type: 'effect.answered' }>) => void;
  readonly delivered: (deferredId: string, attempt: DeliveryAttempt) => void;
  readonly reported: (deferredId: string, attempt: ReportAttempt) => void;
}

type Answer = number | 'silence';

export class DistantProxy implements EffectPort {
  readonly notices: NoticeAttempt[] = [];
  /** Final codes by effect; null while a phone rings. */
  private readonly known = new Map<string, number | null>();
  private readonly phones = new Map<string, Answer[]>();
  private away = false;

  constructor(private readonly hooks: ProxyHooks) {}

  /** What a phone answers from now on; the last one repeats. */
  phone(aor: string, answers: readonly Answer[]): void {
    this.phones.set(aor, [...answers]);
  }

  /** The bus goes, with all that is under way on it, or comes back. */
  setAway(away: boolean): void {
    this.away = away;
  }

  ready(): boolean {
    return !this.away;
  }

  send(effect: OutgoingEffect): void {
    const before = this.known.get(effect.effectId);
    if (before === null || this.away) return;
    if (before !== undefined) this.tell(effect, before);
    else this.ring(effect);
  }

  private ring(effect: OutgoingEffect): void {
    const noted = this.note(effect);
    this.known.set(effect.effectId, null);
    const answer = this.next(whoHears(effect));
    if (answer === 'silence') return;
    this.hooks.clock.after(ringsMs, () => {
      noted.answer = answer;
      this.known.set(effect.effectId, answer);
      this.tell(effect, answer);
    });
  }

  private tell({ effectId, token }: OutgoingEffect, status: number): void {
    if (!this.away) this.hooks.answered({ type: 'effect.answered', effectId, token, status });
  }

  private next(aor: string): Answer {
    const answers = this.phones.get(aor) ?? [200];
    return answers.length > 1 ? answers.shift()! : answers[0]!;
  }

  private note(effect: OutgoingEffect): Attempt {
    const atMs = this.hooks.clock.now() - this.hooks.beganMs;
    const common = { atMs, attempt: effect.cseq, answer: null };
    if (effect.type === 'notify') {
      const notice = { ...common, user: effect.aor, waiting: effect.waiting };
      this.notices.push(notice);
      return notice;
    }
    return effect.type === 'deliver'
      ? this.noteDelivery(effect, common)
      : this.noteReport(effect, common);
  }

  private noteDelivery(effect: OutgoingDelivery, common: Attempt): Attempt {
    const attempt = { ...common, late: effect.late };
    this.hooks.delivered(effect.message.deferredId, attempt);
    return attempt;
  }

  private noteReport(effect: OutgoingReport, common: Attempt): Attempt {
    const attempt = { ...common, status: effect.status, to: whoHears(effect) };
    this.hooks.reported(effect.message.deferredId, attempt);
    return attempt;
  }
}

function whoHears(effect: OutgoingEffect): string {
  if (effect.type === 'notify') return effect.aor;
  if (effect.type === 'deliver') return effect.message.aor;
  return effect.message.reportTo ?? effect.message.fromUri;
}
