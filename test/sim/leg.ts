// The leg of large messages: what of them goes in a session is carried to a phone that takes it, and what came of the
// call goes back to the engine. It dies with its process, as the real one does; a call that is under way is not made
// again.
import type { Engine, OutgoingDelivery } from '../../runtime/index.js';
import { largeMark } from './codec.js';
import type { Life } from './life.js';
import { pushOf } from './push.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

/** A session takes its time; the runtime's patience with one is three minutes. */
const ringsMs = 30_000;

export class Leg {
  private readonly calls = new Set<string>();

  constructor(
    private readonly simulation: Stage,
    private readonly life: Life,
    private readonly random: Random,
    private readonly engine: () => Pick<Engine, 'submit'>,
  ) {}

  /** Carries a message to the contact that registered last. */
  send(effect: OutgoingDelivery): void {
    const { simulation } = this;
    const push = pushOf(effect);
    simulation.model.publishedPush(push);
    if (this.calls.has(effect.effectId)) return;
    this.calls.add(effect.effectId);
    const { contacts = [] } = effect;
    if (!contacts.every((one) => one.endsWith(largeMark)))
      simulation.violated('C65', `${effect.effectId} goes to a phone that takes no large messages`);
    const uri = contacts.at(-1);
    const contact = simulation.proxies
      .flatMap((proxy) => proxy.reachable(push.ruri))
      .find((one) => one.uri === uri);
    const over = (code: number) => this.over(effect, code);
    const silence = simulation.scheduler.after(ringsMs, () => over(408), this.life);
    const heard = (code: number) => {
      silence.cancelled = true;
      over(code);
    };
    if (contact === undefined) heard(480);
    else contact.ring(push, heard);
  }

  private over({ effectId, token }: OutgoingDelivery, status: number): void {
    const tell = () => {
      if (!this.calls.delete(effectId)) return;
      void this.engine()
        .submit({ type: 'effect.answered', effectId, token, status })
        .catch(() => {});
    };
    this.simulation.scheduler.after(this.random.spread(1, 500), tell, this.life);
  }
}
