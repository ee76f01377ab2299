// A recipient's phone: registers at a proxy with a contact of its own, goes away with or without a word, and answers
// what it gets with anything a phone may answer, late or twice. In the calm it comes with a new contact and takes all.
import { largeMark, passedOctets } from './codec.js';
import type { RateName } from './options.js';
import type { Answered, Push } from './push.js';
import { Random } from './random.js';
import type { ProxyFace, Stage } from './stage.js';

export class Phone {
  private readonly random: Random;
  private readonly answers: Random;
  private readonly large: Random;
  private readonly says: Random;
  private contacts = 0;
  private proxy: ProxyFace | null = null;
  private uri = '';

  constructor(
    private readonly simulation: Stage,
    readonly aor: string,
    readonly name: string,
  ) {
    this.random = new Random(simulation.options.seed, `phone ${name}`);
    this.answers = new Random(simulation.options.seed, `answers ${name}`);
    this.large = new Random(simulation.options.seed, `large ${name}`);
    this.says = new Random(simulation.options.seed, `says ${name}`);
    this.comesAndGoes();
  }

  // Away at first more often than not: else nothing would be stored.
  private comesAndGoes(): void {
    const { simulation, random } = this;
    simulation.scheduler.after(random.spread(500, simulation.options.faultMs), () => {
      if (simulation.calm) return;
      if (this.proxy === null) this.register();
      else this.goes();
      this.comesAndGoes();
    });
  }

  private register(): void {
    const { simulation, random } = this;
    if (this.proxy === null || random.chance(0.3)) {
      this.contacts += 1;
      this.uri = `sip:${this.name}-${this.contacts}@192.0.2.9${this.takesLarge() ? largeMark : ''}`;
      this.proxy = random.pick(simulation.proxies);
    }
    const seconds = simulation.calm ? 3600 : Math.trunc(random.spread(20, 3600));
    simulation.trace('phone', this.name, 'registers', this.uri);
    this.proxy.register(this.aor, { uri: this.uri, ring: this.ring }, seconds);
  }

  // In the calm everybody does.
  private takesLarge(): boolean {
    const { simulation } = this;
    if (simulation.options.rates.largeLetters === 0) return false;
    return this.large.chance(0.6) || simulation.calm;
  }

  private goes(): void {
    const silently = this.random.chance(0.4);
    this.simulation.trace('phone', this.name, silently ? 'vanishes' : 'unregisters');
    if (!silently) this.proxy?.unregister(this.aor, this.uri);
    this.proxy = null;
  }

  /** Goes and comes, or the other way round, within moments. */
  flap(): void {
    if (this.proxy === null) this.register();
    else {
      this.goes();
      this.simulation.scheduler.after(this.random.spread(5, 3000), () => {
        if (!this.simulation.calm && this.proxy === null) this.register();
      });
    }
  }

  calm(): void {
    this.proxy = null;
    const { scheduler } = this.simulation;
    const refresh = () => {
      if (this.simulation.nearlyOver) return;
      this.register();
      scheduler.after(120_000, refresh);
    };
    scheduler.after(this.random.spread(100, 15_000), refresh);
  }

  // A notice is looked into; of a message its sender may be told, through whoever sent it.
  private took(push: Push): void {
    const { simulation, says } = this;
    if (push.effectId[0] === 'n') simulation.people.noticed(this.aor);
    const letter = simulation.model.letterOf(push);
    const tells = says.chance(simulation.rate('imdnPassed'));
    const delay = says.spread(10, 5000);
    const { proxy, aor } = this;
    if (letter === null || proxy === null || !tells) return;
    simulation.scheduler.after(delay, () => {
      simulation.trace('phone', this.name, 'tells that it has', letter.index);
      proxy.command(aor, passedOctets(letter), () => {});
    });
  }

  // Bound to the contact it was given out with: an old one rings nobody.
  private readonly ring = (push: Push, answer: Answered): void => {
    const { simulation, answers } = this;
    const { scheduler } = simulation;
    const rate = (name: RateName) => answers.chance(simulation.rate(name));
    const [busy, unsuited, refuses] = [
      rate('phoneBusy'),
      rate('phoneUnsuited'),
      rate('phoneRefuses'),
    ];
    const [silent, late, twice] = [rate('phoneSilent'), rate('phoneLate'), rate('phoneTwice')];
    const delay = late ? answers.between(2000, 8000) : answers.spread(1, 300);
    const pick = answers.u32();
    if (this.proxy === null) return;
    const code = unsuited
      ? [404, 415, 488, 413][pick & 3]!
      : refuses
        ? [603, 600, 606, 604][pick & 3]!
        : busy
          ? [486, 480, 503, 500][pick & 3]!
          : 200;
    simulation.trace('phone', this.name, 'gets', push.effectId, silent ? 'and is silent' : code);
    simulation.model.rang(push, code);
    if (code === 200) this.took(push);
    if (silent) return;
    scheduler.after(delay, () => answer(code));
    if (twice) scheduler.after(delay + answers.spread(1, 2000), () => answer(code));
  };
}
