// The story told once, with one operation failing: what the world saw, how it went on after the restart, and what came
// of every message.

import { exitCodeOf } from '../../runtime/errors.js';
import type { OutgoingReport } from '../../runtime/index.js';
import { EngineUnderTest, foundedStore, storeHost } from '../support/engine.js';
import { writtenAtMs } from '../support/messages.js';
import { type MemoryStore, SimulatedClock } from '../support/world.js';
import {
  Count,
  FailingAudits,
  FailingEffects,
  FailingStore,
  type Failure,
  type Operation,
} from './failing-world.js';
import { answerOf, messages, nameOf, oblivion, type Step, shortStory, story } from './story.js';

export interface Told {
  readonly operations: readonly Operation[];
  /** What must not be, in words; empty when all went well. */
  readonly wrong: readonly string[];
  /**
   * For each message its fate and whether it was reported, and what is left in the store. Null when nothing had been
   * written at the failure: what follows is the undisturbed story.
   */
  readonly end: string | null;
}

const founded = foundedStore();

/** Tells the story; operation number `at` fails (0: none does). */
export function tell(at: number, failure: Failure, audited = false): Promise<Told> {
  return new Telling(at, failure, audited).run();
}

class Telling {
  private readonly count: Count;
  private readonly effects: FailingEffects;
  private readonly audits: FailingAudits | null;
  private readonly steps: readonly Step[];
  private readonly wrong: string[] = [];
  private store: FailingStore;
  private clock = new SimulatedClock(writtenAtMs);
  private test: EngineUnderTest | null = null;
  private lives = 0;
  private exits = 0;

  constructor(
    private readonly at: number,
    failure: Failure,
    audited: boolean,
  ) {
    this.steps = audited ? shortStory : story;
    this.count = new Count(at, failure);
    this.effects = new FailingEffects(this.count);
    this.audits = audited ? new FailingAudits(this.count) : null;
    this.store = new FailingStore(rowsOf(founded), this.count);
  }

  async run(): Promise<Told> {
    // A process that dies over its first reading leaves the store as it found it: the next one tells the same story.
    if (!(await this.boot(0)) && this.untouched()) return this.toldBefore();
    for (const [index, step] of this.steps.entries()) await this.finish(step, index);
    const end = this.fates();
    for (const step of oblivion) await this.finish(step, this.steps.length);
    await this.test?.close();
    this.checkExits();
    const { operations, after } = this.count;
    if (after > 0) this.wrong.push(`${after} commits or effects after the failure`);
    return { operations, wrong: this.wrong, end: `${end}\n${this.families()}` };
  }

  private untouched(): boolean {
    const same = (key: string) => founded.get(key) === this.store.plain(key);
    return this.store.keys().length === founded.keys().length && founded.keys().every(same);
  }

  private toldBefore(): Told {
    this.checkExits();
    return { operations: this.count.operations, wrong: this.wrong, end: null };
  }

  // A step is done when it was answered. Whoever heard nothing does it again in the next life.
  private async finish(step: Step, index: number): Promise<void> {
    for (let tries = 0; tries < 4; tries += 1) {
      if (this.test === null && !(await this.boot(index))) continue;
      if (await this.done(step)) return;
    }
    throw new Error(`step ${index} does not end`);
  }

  private async boot(index: number): Promise<boolean> {
    this.lives += 1;
    const exit = (code: number) => this.exited(code);
    const { audits } = this;
    const options = { seed: this.lives, exit, ...(audits === null ? {} : { audits }) };
    try {
      this.test = await EngineUnderTest.on(this.store, this.clock, options, this.effects);
      this.test.answerAll(answerOf);
    } catch (cause) {
      this.exited(exitCodeOf(cause));
    }
    if (this.died()) return false;
    // After the week of remembrance nobody repeats anything.
    if (this.lives === 1 || index === this.steps.length) return true;
    // All senders send again what they ever sent: nobody knows what his 202 was worth.
    for (const repeated of this.steps.slice(0, Math.min(index, messages.length)))
      if (repeated.submits === true && !(await this.done(repeated))) return false;
    return true;
  }

  /** Does a step; false when the engine died over it. */
  private async done(step: Step): Promise<boolean> {
    let over = false;
    const work = step.run(this.test as EngineUnderTest).then(
      () => {
        over = true;
        if (step.kind === 'command' && this.count.struck === 'commit')
          this.wrong.push('a command of the failed group was answered');
      },
      (cause) => {
        over = true;
        if (!this.count.ended) this.wrong.push(String(cause));
      },
    );
    if (step.kind === 'time') await work;
    for (let round = 0; round < 50 && !over && !this.count.ended; round += 1)
      await this.clock.settle();
    await this.clock.settle();
    return !this.died() && over;
  }

  private exited(code: number): void {
    this.exits += 1;
    if (code !== 74) this.wrong.push(`exit ${code}`);
    this.count.ended = true;
  }

  /** When the process is gone, what was durable is there for the next one. */
  private died(): boolean {
    if (!this.count.ended) return false;
    this.effects.heard = () => {};
    this.store = new FailingStore(rowsOf(this.store.afterCrash()), this.count);
    this.clock = new SimulatedClock(this.clock.now());
    this.test = null;
    this.count.again();
    return true;
  }

  // The first error of the store ends the process (reliability R5); a silent bus ends nothing.
  private checkExits(): void {
    const operation = this.count.operations[this.at - 1];
    const silent = operation === undefined || operation === 'send' || operation === 'publish';
    const expected = silent ? 0 : 1;
    if (this.exits !== expected) this.wrong.push(`${this.exits} exits after a failed ${operation}`);
  }

  private fates(): string {
    const { distinct } = this.effects;
    const fates = messages.map((message) => {
      const name = message.cpim?.imdnMessageId as string;
      const reports = distinct.filter(
        (one) => one.type === 'report' && nameOf(one.message) === name,
      );
      const identities = new Set(reports.map((one) => (one as OutgoingReport).imdnMessageId));
      const calls = new Set(reports.map((one) => one.callId));
      if (identities.size > 1 || calls.size > 1) this.wrong.push(`${name}: several identities`);
      return `${name} ${this.fateOf(name)} ${identities.size} reports`;
    });
    this.checkEvents();
    return [...fates, this.families()].join('\n');
  }

  // Every step was told, in order, whatever failed.
  private checkEvents(): void {
    if (this.audits === null) return;
    for (const local of this.locals()) {
      const id = `${local}@${storeHost}`;
      const heard = this.audits.heard.get(id) ?? [];
      const steps = this.test?.engine.show(id)?.trail.map((_, index) => index + 1) ?? [];
      if (heard.join() !== steps.join())
        this.wrong.push(`${id}: ${steps.length} steps, heard of ${heard.join(' ')}`);
    }
  }

  private fateOf(name: string): string {
    const { engine } = this.test as EngineUnderTest;
    const lives = this.locals()
      .map((local) => engine.show(`${local}@${storeHost}`))
      .filter((life) => life !== null && nameOf(life.message) === name);
    return lives.map((life) => `${life?.state} ${life?.outcome}`).join(' and ');
  }

  private locals(): readonly string[] {
    return this.store.family('a').map((key) => key.slice(5));
  }

  /** How many rows of each kind are left. */
  private families(): string {
    const letters = [...new Set(this.store.keys().map((key) => key[3]))].sort();
    return letters.map((one) => `${one}${this.store.family(one as string).length}`).join(' ');
  }
}

function* rowsOf(store: MemoryStore): Iterable<readonly [string, Uint8Array]> {
  for (const key of store.keys()) yield [key, store.get(key) as Uint8Array];
}
