// Senders who go on writing while a part of the chain fails, and the account of what became of
// their letters. Not a test file. It knows the answers of the proxy and the mailboxes of the
// recipients, and nothing of the fault.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Test } from 'tap';
import type { SipAgent, SipAnswer } from '../../adapters/cli/stage/sip-agent.js';
import { type Letter, letter, messagesTo } from '../conformance/wire/letters.js';
import type { Chain } from '../support/chain.js';

/** One letter and what its sender heard. */
export interface Sent {
  readonly letter: Letter;
  readonly answer: SipAnswer;
  readonly tookMs: number;
  /** How late the agent's own process was meanwhile, at worst: that much it may have heard late. */
  readonly lateMs: number;
}

export interface Pair {
  readonly alice: SipAgent;
  readonly bob: SipAgent;
}

/** What the way there and back may take beside the hold; how late the agent itself was is taken off. */
const slackMs = 2_000;
/** Half of those who wait to the end of the hold hear of it within this: the proxy looks at its timers each 100 ms. */
const medianSlackMs = 700;
const pauseMs = 60;

/** Sends one letter and keeps the answer. */
export async function send(alice: SipAgent, sent: Letter): Promise<Sent> {
  const begunMs = performance.now();
  const lateness = monitorEventLoopDelay({ resolution: 10 });
  lateness.enable();
  let answer = await alice.message(sent);
  // A proxy that was started again does not know its old nonces: a client takes the new one.
  if (answer.status === 407) answer = await alice.message(sent);
  lateness.disable();
  const lateMs = lateness.max / 1e6;
  return { letter: sent, answer, tookMs: performance.now() - begunMs, lateMs };
}

/** Pairs of users, and letters that go from one to the other without end. */
export class Flow {
  readonly sent: Sent[] = [];
  readonly pairs: readonly Pair[];
  #running = true;
  readonly #done: Promise<unknown>;

  private constructor(pairs: readonly Pair[]) {
    this.pairs = pairs;
    this.#done = Promise.all(pairs.map((pair) => this.#write(pair)));
  }

  static async start(chain: Chain, count: number): Promise<Flow> {
    const pairs: Pair[] = [];
    for (let at = 0; at < count; at += 1)
      pairs.push({ alice: await chain.alice(), bob: await chain.bob() });
    return new Flow(pairs);
  }

  async #write({ alice, bob }: Pair): Promise<void> {
    while (this.#running) {
      const text = `letter ${this.sent.length} of ${alice.user}`;
      this.sent.push(await send(alice, letter(alice, bob, { text, asks: null })));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** How many letters have got this status. */
  count(status: number): number {
    return this.sent.filter(({ answer }) => answer.status === status).length;
  }

  /** Resolves when every sender has heard one more 202. */
  async flows(chain: Chain): Promise<void> {
    const before = this.sent.length;
    for (const { alice } of this.pairs)
      await chain.waitUntil(`${alice.user} hears 202`, () =>
        this.sent
          .slice(before)
          .some(({ letter, answer }) => answer.status === 202 && this.#of(alice, letter)),
      );
  }

  #of(alice: SipAgent, { to }: Letter): boolean {
    return this.pairs.some((pair) => pair.alice === alice && pair.bob.uri === to);
  }

  /** Writes no more; resolves when every letter has its answer. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }
}

/** Everybody heard a final answer of the proxy within the hold: stored, or try again later. */
export function answered(t: Test, sent: readonly Sent[], holdMs: number): void {
  for (const { answer, tookMs, lateMs } of sent) {
    const { status, local } = answer;
    if (local || (status !== 202 && status !== 503)) t.fail(`a sender was left with ${status}`);
    if (tookMs - lateMs > holdMs + slackMs)
      t.fail(`a sender was held for ${Math.round(tookMs)} ms`);
    if (status === 503 && !(Number(answer.header('Retry-After')) > 0))
      t.fail('a 503 says nothing of when to come back');
  }
  // Who is refused at once waits for nothing; the others hear when the hold ends.
  const held = sent.filter(({ answer, tookMs }) => answer.status === 503 && tookMs > holdMs / 2);
  const median = held.map(({ tookMs, lateMs }) => tookMs - lateMs).sort((a, b) => a - b)[
    held.length >> 1
  ];
  if (median !== undefined && median > holdMs + medianSlackMs)
    t.fail(`half of the senders were held for more than ${Math.round(median)} ms`);
  t.ok(sent.length > 0, `${sent.length} senders heard a final answer in time`);
}

/** Sends a letter again, as somebody does who heard 503, until it is accepted. */
export async function accepts(chain: Chain, alice: SipAgent, letter: Letter): Promise<void> {
  await chain.waitUntil(`${alice.user} hears 202`, async () => {
    const { status } = await alice.message(letter);
    if (status !== 202 && status !== 503) throw new Error(`her repetition hears ${status}`);
    return status === 202;
  });
}

/**
 * Accepted letters are there; those whose sender heard 503 are sent again with the same Message-ID
 * and accepted; and when the recipients return each letter reaches them, once.
 */
export async function nothingLost(t: Test, chain: Chain, flow: Flow): Promise<void> {
  const refused = flow.sent.filter(({ answer }) => answer.status !== 202);
  for (const { alice, bob } of flow.pairs) {
    const own = flow.sent.filter(({ letter }) => letter.to === bob.uri);
    const accepted = own.filter(({ answer }) => answer.status === 202).length;
    const kept = (await chain.mailbox(bob)).length;
    t.ok(kept >= accepted, `${kept} kept for ${bob.user}, ${accepted} accepted`);
    for (const { letter } of own.filter((one) => refused.includes(one)))
      await accepts(chain, alice, letter);
    t.equal((await chain.mailbox(bob)).length, own.length, 'one copy of each');
    await bob.register();
    await chain.waitUntil('his letters', () => messagesTo(bob).length >= own.length);
    await chain.waitUntil('an empty mailbox', async () => (await chain.mailbox(bob)).length === 0);
    const bodies = messagesTo(bob).map(({ body }) => body.toString());
    t.same([...bodies].sort(), own.map(({ letter }) => letter.body).sort(), 'each once');
  }
}
