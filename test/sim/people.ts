// Everybody outside: senders who write, repeat and receive reports; recipients whose phones register, flap and answer
// as they like; users who list, retrieve and delete. In the calm everybody is there and willing.
import { subjects } from '../../adapters/nats/subjects.js';
import type { PreferenceChange } from '../../machines/index.js';
import { BusClient } from './bus-client.js';
import { type Letter, octetsOf, recipientAor, senderAor } from './letters.js';
import { Phone } from './phones.js';
import type { Answered, Push } from './push.js';
import { Random } from './random.js';
import type { ProxyFace, Stage } from './stage.js';
import { Watchers } from './watchers.js';

export class People {
  readonly phones: Phone[] = [];
  readonly watchers: Watchers;
  private readonly client = new BusClient('user', { dead: false, pausedUntilMs: 0 });
  private readonly random: Random;
  private readonly reports: Random;
  private readonly fetching: Random;
  private asked = 0;

  constructor(private readonly simulation: Stage) {
    this.random = simulation.random.named('people');
    this.reports = simulation.random.named('reports');
    this.fetching = simulation.random.named('fetching');
    simulation.bus.connect(this.client);
    this.watchers = new Watchers(simulation);
    const { options } = simulation;
    for (let user = 0; user < options.recipients; user += 1) {
      for (let phone = 0; phone < options.phones; phone += 1)
        this.phones.push(new Phone(simulation, recipientAor(user), `${user}.${phone}`));
    }
    for (const letter of simulation.letters.all) {
      if (!options.without.includes(letter.index)) new Writing(simulation, letter).begin();
    }
  }

  // ---- the sender as receiver of reports ----

  reported(push: Push, answer: Answered): void {
    const { simulation, reports } = this;
    const busy = reports.chance(simulation.rate('reportBusy'));
    const refused = reports.chance(simulation.rate('reportRefused'));
    const silent = reports.chance(simulation.rate('phoneSilent'));
    const delay = reports.spread(1, 200);
    simulation.trace('sender', push.ruri, 'gets', push.effectId);
    if (silent) return;
    const code = busy ? 480 : refused ? reports.pick([403, 488, 603]) : 200;
    if (code === 200) simulation.model.reportArrived(push);
    else if (code !== 480) simulation.model.reportRefused(push);
    simulation.scheduler.after(delay, () => answer(code));
  }

  // ---- users ----

  /** A user lists his mailbox, and then fetches or deletes something. */
  userActs(): void {
    const { simulation, random } = this;
    const aor = recipientAor(random.below(simulation.options.recipients));
    const act = random.pick(['delete', 'deleteAll', 'retrieve', 'look'] as const);
    const choice = random.u32();
    this.ask(subjects.userList, { v: 1, asserted: aor, limit: 20 }, (listing) => {
      const rows = (listing as { messages?: { deferredId: string }[] }).messages ?? [];
      simulation.trace('user', aor, act, rows.length);
      simulation.model.listed(aor, rows);
      const id = rows[choice % Math.max(1, rows.length)]?.deferredId;
      if (id === undefined || act === 'look') return;
      if (act === 'retrieve') this.retrieve(aor, id);
      else
        this.ask(
          subjects.userDelete,
          { v: 1, asserted: aor, ids: act === 'delete' ? [id] : 'all' },
          () => {},
        );
    });
  }

  // ---- what they want, and want back ----

  /** A sender takes a message of his back, or has his operator do it. */
  withdraws(random: Random): void {
    const { simulation } = this;
    const letter = random.pick(simulation.letters.all);
    const byOperator = random.chance(0.2);
    const { asserted, imdnMessageId, aor, index } = letter;
    const deferredId = simulation.model.idOf(letter);
    if (asserted === null || imdnMessageId === null || deferredId === null) return;
    simulation.trace('sender', 'of', index, 'wants it back');
    if (byOperator)
      simulation.process.submit({ type: 'operator.acted', deferredId, act: 'withdraw', by: 'op' });
    else {
      const request = { v: 1, asserted, messageId: imdnMessageId, recipient: aor };
      this.ask(subjects.userWithdraw, request, () => {});
    }
  }

  /** A user changes what he wants; in the calm everybody wants everything. */
  wishes(random: Random): void {
    const { options } = this.simulation;
    const aor = recipientAor(random.below(options.recipients));
    const action = random.pick(['store', 'no-storage', 'block', 'polite-block'] as const);
    const from = random.chance(0.3) ? '*' : senderAor(random.below(options.senders));
    const delivery = options.notices && random.chance(0.5) ? 'notice' : 'push';
    const deferral = random.chance(0.3) ? 'off' : 'on';
    this.wish(
      aor,
      random.pick([
        { add: [{ from, action }] },
        { rules: [{ from, action }] },
        { drop: [from] },
        { deferral, delivery },
        { notices: random.chance(0.3) ? 'off' : 'once', delivery },
        { reset: true },
      ] as const),
    );
  }

  private wish(aor: string, change: PreferenceChange): void {
    this.simulation.trace('user', aor, 'wants', JSON.stringify(change));
    const by = { role: 'owner' } as const;
    this.simulation.process.submit({ type: 'preferences.changed', aor, change, by });
  }

  /** A user wants one of his messages now. */
  requests(random: Random): void {
    const id = this.simulation.model.anyWaiting(random.u32());
    const aor = id === null ? null : this.simulation.model.ownerOf(id);
    if (id === null || aor === null) return;
    this.simulation.trace('user', aor, 'asks for', id);
    this.simulation.process.submit({ type: 'messages.requested', aor, ids: [id] });
  }

  /** A user has read a notice: he fetches what waits. */
  noticed(aor: string): void {
    const later = this.fetching.spread(50, 5000);
    this.simulation.scheduler.after(later, () => this.fetchAll(aor));
  }

  private fetchAll(aor: string): void {
    this.ask(subjects.userList, { v: 1, asserted: aor, limit: 20 }, (listing) => {
      const rows = (listing as { messages?: { deferredId: string }[] }).messages ?? [];
      this.simulation.model.listed(aor, rows);
      for (const { deferredId } of rows) this.retrieve(aor, deferredId);
    });
  }

  private retrieve(aor: string, id: string): void {
    this.ask(subjects.userRetrieve, { v: 1, asserted: aor, ids: [id] }, (reply) => {
      const { token, messages } = reply as {
        token?: string | null;
        messages?: { octets?: string }[];
      };
      if (token == null) return;
      this.simulation.model.retrieved(Buffer.from(messages?.[0]?.octets ?? '', 'base64'));
      this.ask(subjects.userConfirm, { v: 1, asserted: aor, token }, () => {});
    });
  }

  private ask(subject: string, request: object, then: (reply: object) => void): void {
    this.asked += 1;
    const inbox = `_INBOX_user.${this.asked}`;
    this.client.handlers.set(inbox, (payload) => {
      this.client.handlers.delete(inbox);
      then(JSON.parse(Buffer.from(payload).toString()) as object);
    });
    this.simulation.bus.publish(this.client, subject, JSON.stringify(request), inbox);
  }

  /** Everybody comes and stays. */
  calm(): void {
    for (const phone of this.phones) phone.calm();
    const { options } = this.simulation;
    const aors = Array.from({ length: options.recipients }, (_, at) => recipientAor(at));
    if (options.rates.preferencesPerMinute > 0) for (const aor of aors) this.reconcile(aor);
    if (options.notices) for (const aor of aors) this.looksIn(aor);
  }

  // Until it is known to hold: a word may be lost with a dying engine.
  private reconcile(aor: string): void {
    const { simulation } = this;
    if (simulation.model.wishes.isOpen(aor)) return;
    this.wish(aor, { reset: true, rules: [] });
    simulation.scheduler.after(5000, () => this.reconcile(aor));
  }

  private looksIn(aor: string): void {
    const { simulation } = this;
    if (simulation.nearlyOver) return;
    this.fetchAll(aor);
    simulation.scheduler.after(60_000, () => this.looksIn(aor));
  }
}

/** One message on its way into the store: sent, repeated until there is a final answer, sometimes beyond. */
class Writing {
  private readonly random: Random;
  private tries = 0;
  private final = false;

  constructor(
    private readonly simulation: Stage,
    private readonly letter: Letter,
  ) {
    this.random = new Random(simulation.options.seed, `writing ${letter.index}`);
  }

  begin(): void {
    const { letter, simulation } = this;
    const { scheduler } = simulation;
    scheduler.after(letter.atMs, () => this.send());
    if (this.random.chance(simulation.options.rates.conflicts))
      scheduler.after(letter.atMs + this.random.spread(1, 60_000), () => this.conflict());
  }

  private proxy(): ProxyFace {
    return this.random.pick(this.simulation.proxies);
  }

  // The same request again is another transaction with the same Call-ID and Message-ID.
  private send(): void {
    const { letter, simulation } = this;
    this.tries += 1;
    let heard = false;
    const silence = simulation.scheduler.after(32_000, () => hear(408));
    const hear = (code: number) => {
      if (heard) return;
      heard = true;
      silence.cancelled = true;
      this.answered(code);
    };
    simulation.trace('sender', 'sends', letter.index);
    if (letter.large) simulation.process.bringLarge(letter, octetsOf(letter), hear);
    else this.proxy().store(letter, octetsOf(letter), hear);
  }

  private answered(code: number): void {
    const { simulation, letter, random } = this;
    simulation.trace('sender', 'of', letter.index, 'hears', code);
    simulation.model.answered(letter, code);
    const refused = code >= 400 && code < 500 && code !== 408 && code !== 480;
    this.final ||= code < 300 || refused;
    const again = this.final ? random.chance(simulation.rate('repeats')) && this.tries < 8 : true;
    if (again) simulation.scheduler.after(random.spread(200, 20_000), () => this.send());
  }

  // Another body under the same identity (A8): only once the first one is known for sure to be stored.
  private conflict(): void {
    const { simulation, letter } = this;
    if (!simulation.model.isAccepted(letter) || letter.large) return;
    simulation.trace('sender', 'of', letter.index, 'sends another body');
    this.proxy().store(letter, octetsOf(letter, `${letter.body} other`), (code) =>
      simulation.model.conflictAnswered(letter, code),
    );
  }
}
