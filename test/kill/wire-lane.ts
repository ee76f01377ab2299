// A lane with the real chain in front of the engine: Kamailio and SIP agents. Fewer messages, the same blows and the
// same judgement, by what the phones saw.
import { mkdirSync, rmSync } from 'node:fs';
import { type Kamailio, startKamailio } from '../../adapters/cli/stage/kamailio.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { SipAgent, type SipRequest } from '../../adapters/cli/stage/sip-agent.js';
import { History, type Letter } from './history.js';
import { Keeper, pause } from './keeper.js';
import type { Stage, StageOptions } from './lane.js';
import { letterOf } from './letter.js';
import { Dice, type Round } from './plan.js';
import { between } from './proxy.js';
import { swapPolicy } from './traffic.js';
import { calm, type Verdict, verdictOf } from './verdict.js';

const senders = 3;
/** Who never comes, who returns, who refuses. */
const kinds = ['absent', 'returns', 'refuses'] as const;
const roundsMax = 400;
const triesMax = 12;
const readyMs = 20_000;

const userName = (kind: string, number: number): string => `${kind}${number}`;

/** Accounts for the proxy: every round has users of its own. */
const users: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: roundsMax }, (_, round) => [
    ...Array.from({ length: senders }, (_, at) => userName(`sender${at}r`, round)),
    ...kinds.map((kind) => userName(`${kind}r`, round)),
  ])
    .flat()
    .map((name) => [name, 'secret']),
);

export class WireLane implements Stage {
  private nats!: NatsServer;
  private kamailio!: Kamailio;
  private keeper!: Keeper;
  private readonly history = new History();
  private readonly agents: SipAgent[] = [];
  private rounds = 0;

  constructor(private readonly options: StageOptions) {}

  async open(): Promise<void> {
    mkdirSync(this.options.root, { recursive: true });
    this.nats = await startNats();
    const { url } = this.nats;
    this.kamailio = await startKamailio({ natsUrl: url, users, holdMs: 1000, phoneMs: 2000 });
    this.keeper = new Keeper({ ...this.options, natsUrl: url, history: this.history });
    await this.keeper.serve();
    await swapPolicy(this.keeper.engine, 'new');
    await this.kamailio.storeReady(readyMs);
  }

  async close(keep: boolean): Promise<void> {
    await this.part();
    await this.keeper?.close();
    await this.kamailio?.stop();
    await this.nats?.stop();
    if (!keep) rmSync(this.options.root, { recursive: true, force: true });
  }

  private async part(): Promise<void> {
    await Promise.all(this.agents.splice(0).map((agent) => agent.close()));
  }

  async play(round: Round): Promise<Verdict> {
    const { keeper, history } = this;
    const dice = new Dice(round.seed);
    const sinceMs = history.nowMs;
    history.note(`round ${round.number} begins`);
    await this.kamailio.storeReady(readyMs);
    const { letters, done } = await this.traffic(dice);
    for (const blow of round.blows) await keeper.strike(blow, dice);
    await done;
    const rows = await calm(keeper, letters);
    const verdict = verdictOf({ round, letters, rows, history, keeper, sinceMs, faults: [] });
    await this.part();
    return verdict;
  }

  private async traffic(
    dice: Dice,
  ): Promise<{ readonly letters: readonly Letter[]; readonly done: Promise<unknown> }> {
    const number = this.rounds++;
    if (number >= roundsMax) throw new TypeError('the proxy has no more users');
    const alices = await Promise.all(
      Array.from({ length: senders }, (_, at) => this.agent(userName(`sender${at}r`, number))),
    );
    for (const alice of alices) alice.onMessage = (request) => this.reported(request);
    await Promise.all(alices.map((alice) => alice.register()));
    const work: Promise<unknown>[] = [];
    const letters: Letter[] = [];
    for (const kind of kinds) {
      const phone = await this.agent(userName(`${kind}r`, number));
      phone.onMessage = (request) => this.delivered(request, kind === 'refuses' ? 603 : 200);
      for (const alice of alices) {
        const letter = this.draw(alice, phone, dice);
        letters.push(letter);
        work.push(this.send(alice, letter, dice.between(0, 300)));
      }
      if (kind !== 'absent') work.push(register(phone, dice.between(300, 900)));
    }
    return { letters, done: Promise.all(work) };
  }

  private async agent(user: string): Promise<SipAgent> {
    const agent = await SipAgent.open({
      ...{ user, password: 'secret', proxyPort: this.kamailio.port },
    });
    this.agents.push(agent);
    return agent;
  }

  private draw(alice: SipAgent, phone: SipAgent, dice: Dice): Letter {
    const id = `w-${alice.user}-${phone.user}`;
    const expiresSeconds = dice.pick([1, 2, null]);
    const letter = letterOf({ id, from: alice.uri, to: phone.uri, asks: true, expiresSeconds });
    this.history.letters.set(id, letter);
    return letter;
  }

  // The octets of the letter are what its sender would write; the agent puts its own Via and tags around the body.
  private async send(alice: SipAgent, letter: Letter, afterMs: number): Promise<void> {
    await pause(afterMs);
    const expires = between(letter.octets.toString('utf8'), 'Expires: ', '\r\n');
    const body = bodyOf(letter);
    const headers = expires === '' ? {} : { Expires: expires };
    for (let tries = 0; tries < triesMax; tries += 1) {
      const { status } = await alice.message({
        ...{ to: letter.to, contentType: 'message/cpim', body, headers },
      });
      letter.heard.push(status);
      this.history.note(`its sender hears ${status}`, letter.id);
      if (status < 500 && status !== 408) return;
      await pause(200 * (1 + tries / 2));
    }
  }

  private delivered(request: SipRequest, status: number): number {
    const id = between(request.body.toString('utf8'), 'imdn.Message-ID: ', '\r\n');
    const letter = this.history.letters.get(id);
    if (letter === undefined) {
      this.history.strange.push(`a delivery of nothing: ${id}`);
      return 404;
    }
    if (status === 200) letter.taken += 1;
    if (!bodyOf(letter).equals(request.body)) letter.faults.push('another body was delivered');
    this.history.note(`a phone answers ${status}`, letter.id);
    return status;
  }

  private reported(request: SipRequest): number {
    const text = request.body.toString('utf8');
    const letter = this.history.letters.get(between(text, '<message-id>', '</message-id>'));
    if (letter === undefined) {
      this.history.strange.push('a report about nothing');
      return 404;
    }
    const identity = `${between(text, 'imdn.Message-ID: ', '\r\n')} ${request.header('Call-ID')}`;
    letter.reports.push(identity);
    letter.told += 1;
    this.history.note(`its sender hears that it failed: ${identity}`, letter.id);
    return 200;
  }
}

const bodyOf = (letter: Letter): Buffer =>
  letter.octets.subarray(letter.octets.indexOf('\r\n\r\n') + 4);

async function register(phone: SipAgent, afterMs: number): Promise<void> {
  await pause(afterMs);
  await phone.register();
}
