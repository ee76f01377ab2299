// A process that plays the proxy on the bus: publishes store lines with a bounded number without an answer, counts the
// answer lines by code, and measures from the first line to the last answer. Stores nothing, waits for nobody else.
import { connect, type NatsConnection } from 'nats';
import { givenOptions, tellResult, tellStep } from './stage.js';
import { answerSubject, storeLine, storeSubject } from './wire.js';

export interface FeederOptions {
  readonly url: string;
  readonly window: number;
  readonly users: number;
  /** Messages sent before the clock starts. */
  readonly warm: number;
  readonly messages: number;
  /** Makes the messages of this feeder different from another's. */
  readonly name: string;
}

export interface Fed {
  /** Answered 202, warm-up included. */
  readonly accepted: number;
  readonly otherwise: Readonly<Record<string, number>>;
  readonly unanswered: number;
  /** 202 of the measured part, per second. */
  readonly perSecond: number;
}

const silenceMs = 15_000;

/** Sends `count` lines from number `first` on; resolves when all are answered, or after a long silence. */
class Feeder {
  accepted = 0;
  readonly otherwise: Record<string, number> = {};
  answered = 0;
  private sent = 0;
  private goal = 0;
  private heardAt = 0;
  private done: () => void = () => {};

  constructor(
    private readonly bus: NatsConnection,
    private readonly options: FeederOptions,
  ) {
    bus.subscribe(answerSubject, { callback: (_error, message) => this.hear(message.data) });
  }

  async send(count: number): Promise<void> {
    this.goal += count;
    this.heardAt = performance.now();
    const all = new Promise<void>((resolve) => {
      this.done = resolve;
    });
    const watch = setInterval(() => {
      if (this.goal > 50_000) tellStep(`${this.answered} of ${this.goal} answered`);
      if (performance.now() - this.heardAt > silenceMs) this.done();
    }, 2000);
    this.fill();
    await all;
    clearInterval(watch);
  }

  private fill(): void {
    const { window, users, name } = this.options;
    while (this.sent < this.goal && this.sent - this.answered < window) {
      const letter = { recipient: this.sent % users, id: `${name}-${this.sent}`, port: 5080 };
      this.bus.publish(storeSubject, storeLine(this.sent, letter));
      this.sent += 1;
    }
  }

  // v1 NODE INDEX LABEL CODE …
  private hear(line: Uint8Array): void {
    const code = Buffer.from(line).toString('latin1').split(' ', 5)[4] ?? 'malformed';
    this.heardAt = performance.now();
    this.answered += 1;
    if (code === '202') this.accepted += 1;
    else this.otherwise[code] = (this.otherwise[code] ?? 0) + 1;
    if (this.answered === this.goal) this.done();
    else this.fill();
  }
}

const options = givenOptions<FeederOptions>();
const bus = await connect({ servers: options.url, name: 'bench-feeder', noAsyncTraces: true });
const feeder = new Feeder(bus, options);
await bus.flush();
await feeder.send(options.warm);
const before = feeder.accepted;
const begun = performance.now();
await feeder.send(options.messages);
const seconds = (performance.now() - begun) / 1000;
const result: Fed = {
  accepted: feeder.accepted,
  otherwise: feeder.otherwise,
  unanswered: options.warm + options.messages - feeder.answered,
  perSecond: (feeder.accepted - before) / seconds,
};
tellResult(result);
await bus.close();
