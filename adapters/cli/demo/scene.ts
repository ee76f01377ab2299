// What an act can do: send, wait with a bound, look at what arrived, ask the operator's questions, and claim. A claim
// is held when no problem was found, and every wait that ends in vain names what did not come. Knows no act.
import { setTimeout as pause } from 'node:timers/promises';
import type { MessageLife } from '../../../runtime/index.js';
import { correlate, type SentMessage } from '../../compose.js';
import type { SipRequest } from '../stage/sip-agent.js';
import { parseSip, type SipText } from '../stage/sip-text.js';
import { aliceFrom, bobUri, type Letter } from './letters.js';
import type { Heard, Phone, Stage } from './stage.js';
import type { SipView, Teller } from './teller.js';

/** One act of the story. */
export interface Act {
  readonly title: string;
  /** What it claims, by a short name; each is settled by the act or counts as broken. */
  readonly claims: Readonly<Record<string, string>>;
  readonly play: (scene: Scene) => Promise<void>;
}

/** What became of a claim; `why` is null when it held. */
export interface Verdict {
  readonly act: number;
  readonly claim: string;
  readonly why: string | null;
}

/** A text says what is wrong, `false` that nothing is. */
export type Problem = string | false;

/** The story was interrupted from outside. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** A report that belongs to a sent message. */
export interface FoundReport {
  readonly request: SipRequest;
  readonly status: string;
  readonly notification: string;
}

const stepMs = 25;

/** How long anything may take that is not waited for on purpose. */
export const patienceMs = 10_000;

export class Scene {
  /** Every message of Alice's that was answered, oldest first. */
  readonly letters: Letter[] = [];
  readonly #ids = new Map<string, string>();

  constructor(
    readonly stage: Stage,
    readonly teller: Teller,
    readonly claim: (name: string, problems: readonly Problem[]) => void,
    readonly signal: AbortSignal,
  ) {}

  get alice(): Phone {
    return this.stage.alice;
  }

  get bob(): Phone {
    return this.stage.bob;
  }

  say(text: string): void {
    this.teller.say(text);
  }

  /** Alice sends a message; her digest, where one is asked for, is answered on the way. */
  async send(letter: Letter): Promise<Heard> {
    const { headers, contentType, body } = letter;
    const message = { to: bobUri, from: aliceFrom, headers, contentType, body };
    const answer = await this.alice.message(message);
    if (!this.letters.includes(letter)) this.letters.push(letter);
    return answer;
  }

  /** Shows the last message a phone sent or received whose start line begins so. */
  show(phone: Phone, direction: 'sent' | 'received', start: string, view: SipView = {}): void {
    const found = this.stage.transcript.findLast(
      (one) => one.user === phone.user && one.direction === direction && one.text.startsWith(start),
    );
    if (found === undefined) return;
    this.showText(phone, direction, parseSip(Buffer.from(found.text)), view);
  }

  showText(phone: Phone, direction: 'sent' | 'received', text: SipText, view: SipView = {}): void {
    const name = phone.user === 'alice' ? 'Alice' : 'Bob';
    const ends = [name, this.stage.middle];
    this.teller.sip((direction === 'sent' ? ends : ends.reverse()).join(' → '), text, view);
  }

  /** Asks until something is there; rejects with what did not come. */
  async until<T>(
    what: string,
    find: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs = patienceMs,
  ): Promise<T> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      this.#go();
      const found = await find();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > endMs) {
        throw new Error(`${what} did not come within ${withinMs / 1000} s`);
      }
      await pause(stepMs);
    }
  }

  /** Lets time pass, so that what should not happen has time to happen. */
  async quiet(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.signal }).catch(() => undefined);
    this.#go();
  }

  /** Copies of a message that reached Bob. */
  copies(letter: Letter): readonly SipRequest[] {
    return this.bob.received.filter((request) => request.body.includes(letter.id));
  }

  /** The reports Alice's agent received and ties to this message. */
  reports(letter: Letter): readonly FoundReport[] {
    const sent: readonly SentMessage[] = [{ imdnMessageId: letter.id, recipients: [bobUri] }];
    return this.alice.received.flatMap((request) => {
      const { match } = correlate(request.octets, sent);
      if (match === null) return [];
      return [{ request, status: match.status, notification: match.notification }];
    });
  }

  firstReport(letter: Letter, withinMs = patienceMs): Promise<FoundReport> {
    return this.until(`the report on "${letter.subject}"`, () => this.reports(letter)[0], withinMs);
  }

  firstCopy(letter: Letter): Promise<SipRequest> {
    return this.until(`"${letter.subject}" at Bob's phone`, () => this.copies(letter)[0]);
  }

  /** The life of a message as an operator sees it; undefined when the store does not know it. */
  async life(letter: Letter): Promise<MessageLife | undefined> {
    const known = this.#ids.get(letter.id);
    for (const id of known === undefined ? await this.storedIds() : [known]) {
      const life = (await this.stage.ask('messages.show', { id })) as MessageLife;
      if (life.message.cpim?.imdnMessageId !== letter.id) continue;
      this.#ids.set(letter.id, id);
      return life;
    }
    return undefined;
  }

  /** Waits until a message is in a state. */
  inState(letter: Letter, state: string, withinMs = patienceMs): Promise<MessageLife> {
    const find = async () => {
      const life = await this.life(letter);
      return life?.state === state && life;
    };
    return this.until(`"${letter.subject}" in the state ${state}`, find, withinMs);
  }

  /** Deferred ids of everything the store remembers. */
  async storedIds(): Promise<readonly string[]> {
    const { messages } = (await this.stage.ask('messages.list', { limit: 1000 })) as {
      readonly messages: readonly { readonly deferredId: string }[];
    };
    return messages.map((one) => one.deferredId);
  }

  #go(): void {
    if (this.signal.aborted) throw new Interrupted('interrupted');
  }
}
