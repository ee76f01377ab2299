// The stage without NATS and Kamailio: the engine of the library in a small program of its own, so that it can be
// killed, and in-process signalling between it and the phones. Invariant: what was started is ended.
import { join } from 'node:path';
import { waitFor } from '../stage/child.js';
import type { TranscriptEntry } from '../stage/sip-agent.js';
import { askEngine, engineServes } from './admin.js';
import { type EngineHost, startHost } from './host-client.js';
import type { LocalPhone } from './local-phone.js';
import { type Stage, storeHost } from './stage.js';
import { Switchboard } from './switchboard.js';

const endMs = 8000;

/** Starts the engine; `folder` is the demo's own and takes the data and the log. */
export async function openLocalStage(folder: string): Promise<Stage> {
  const stage = new LocalStage(folder);
  try {
    await stage.startEngine();
    return stage;
  } catch (cause) {
    await stage.close();
    throw cause;
  }
}

class LocalStage implements Stage {
  readonly mode = 'in-process';
  readonly middle = 'switch';
  readonly alice: LocalPhone;
  readonly bob: LocalPhone;
  readonly transcript: readonly TranscriptEntry[];
  readonly #data: string;
  readonly #logFile: string;
  readonly #switch: Switchboard;
  #engine: EngineHost | null = null;

  constructor(folder: string) {
    this.#data = join(folder, 'data');
    this.#logFile = join(folder, 'engine.log');
    this.#switch = new Switchboard((call) => {
      if (this.#engine === null) throw new TypeError('the engine was never started');
      return this.#engine.call(call);
    });
    const { alice, bob, transcript } = this.#switch;
    this.alice = alice;
    this.bob = bob;
    this.transcript = transcript;
  }

  get about(): readonly string[] {
    return [
      'switch        a few functions that do what the proxy would do',
      `deferred-im   the library in process ${this.enginePid()}, stores in ${this.#data}`,
      'Alice, Bob    user agents that hand their SIP messages to the switch',
    ];
  }

  ask(verb: string, args: object): Promise<unknown> {
    return askEngine(this.#data, verb, args);
  }

  enginePid(): number {
    return this.#engine?.pid ?? 0;
  }

  async killEngine(): Promise<void> {
    const engine = this.#engine;
    engine?.kill('SIGKILL');
    await waitFor('the end of the engine', async () => engine?.running() !== true, endMs);
  }

  async startEngine(): Promise<void> {
    const engine = startHost({
      folder: this.#data,
      host: storeHost,
      logFile: this.#logFile,
      // An effect whose engine was killed meanwhile comes again after the restart.
      onEffect: (effect) => void this.#switch.perform(effect).catch(() => undefined),
    });
    this.#engine = engine;
    await engineServes(this.#data, engine);
  }

  log(): string {
    return this.#engine?.tail().trim() ?? '';
  }

  async close(): Promise<void> {
    await this.#engine?.stop();
  }
}
