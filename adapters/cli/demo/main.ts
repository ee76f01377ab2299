// `deferred-im demo`: chooses the stage, has the story told on it, and cleans up whatever happens: a failure, Ctrl-C,
// a reader that went away. Owns the temporary folder, the signals, the last line and the exit code.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes } from '../../../runtime/index.js';
import { delivered, forged, resent, stored, survivesKill } from './acts-delivery.js';
import { deletedReported, expiredReported, expiredSilently } from './acts-ending.js';
import { chart, swapped } from './acts-policy.js';
import { demoFlags } from './flags.js';
import { openLocalStage } from './local-stage.js';
import { openRealStage } from './real-stage.js';
import { type Act, Interrupted, type Verdict } from './scene.js';
import type { Stage } from './stage.js';
import { tellStory } from './story.js';
import { type Out, Teller } from './teller.js';
import { borrowEnvironment, missingTools } from './tools.js';

/** The whole story, in order. */
export const acts: readonly Act[] = [
  stored,
  delivered,
  expiredReported,
  deletedReported,
  expiredSilently,
  swapped,
  survivesKill,
  resent,
  forged,
  chart,
];

const usage = 'deferred-im demo --help explains its flags\n';

type Flags = Readonly<Record<keyof typeof demoFlags | 'json', boolean>>;

const interruptedExit = 130;

/** Tells the story; resolves with the exit code: 0 when every claim held, 1 when one did not, 130 when interrupted. */
export async function runDemo(
  argv: readonly string[],
  out: Out & { readonly isTTY?: boolean } = process.stdout,
): Promise<number> {
  const flags = readFlags(argv);
  if (typeof flags === 'string') {
    process.stderr.write(flags);
    return exitCodes.usage;
  }
  const color = out.isTTY === true && !flags['no-color'] && !process.env['NO_COLOR'];
  const teller = new Teller(flags.json ? { write: () => undefined } : out, color);
  const run = new Run(flags, teller);
  try {
    const verdicts = await run.play();
    await run.close();
    return conclude(verdicts, run, out);
  } catch (cause) {
    await run.close();
    if (cause instanceof Interrupted) {
      process.stderr.write('demo: interrupted, cleaned up\n');
      return interruptedExit;
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    process.stderr.write(`demo: ${why}\n`);
    return conclude(allBroken(why), run, out);
  }
}

/** The flags, or what is wrong with them. */
function readFlags(argv: readonly string[]): Flags | string {
  const plain = { type: 'boolean', default: false } as const;
  const names = [...Object.keys(demoFlags), 'json'];
  const options = Object.fromEntries(names.map((name) => [name, plain]));
  try {
    return parseArgs({ args: [...argv], options }).values as Flags;
  } catch (cause) {
    return `demo: ${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`;
  }
}

// The stage never stood: no claim could be looked at.
const allBroken = (why: string): readonly Verdict[] =>
  acts.flatMap(({ claims }, index) =>
    Object.values(claims).map((claim) => ({ act: index + 1, claim, why })),
  );

function conclude(verdicts: readonly Verdict[], run: Run, out: Out): number {
  const held = verdicts.filter(({ why }) => why === null).length;
  const of = verdicts.length;
  const good = held === of;
  if (run.flags.json) {
    const claims = verdicts.map(({ act, claim, why }) => ({ act, claim, held: why === null, why }));
    const { mode } = run;
    const seconds = Number(run.teller.seconds());
    out.write(`${JSON.stringify({ mode, seconds, held, of, claims })}\n`);
  } else {
    out.write(`demo: ${held} of ${of} claims held\n`);
  }
  return good ? exitCodes.ok : 1;
}

/** One telling: what it opened, and how that ends. */
class Run {
  mode: Stage['mode'] | null = null;
  readonly #folder = mkdtempSync(join(tmpdir(), 'deferred-im-demo-'));
  readonly #abort = new AbortController();
  readonly #interrupted: Promise<never>;
  readonly #onSignal: () => void;
  readonly #onExit = () => this.#removeFolder();
  readonly #restore = borrowEnvironment(this.#folder);
  #opening: Promise<Stage> | null = null;

  constructor(
    readonly flags: Flags,
    readonly teller: Teller,
  ) {
    let interrupt: (cause: Error) => void = () => undefined;
    this.#interrupted = new Promise((_resolve, reject) => {
      interrupt = reject;
    });
    this.#interrupted.catch(() => undefined);
    this.#onSignal = () => {
      // A second wish ends it at once; the handlers of `exit` still end every child.
      if (this.#abort.signal.aborted) process.exit(interruptedExit);
      this.#abort.abort();
      interrupt(new Interrupted('interrupted'));
    };
    for (const signal of signals) process.on(signal, this.#onSignal);
    process.once('exit', this.#onExit);
  }

  async play(): Promise<readonly Verdict[]> {
    this.teller.title('deferred-im: Alice writes to Bob, who is away');
    this.teller.line();
    this.#opening = this.#open();
    const stage = await Promise.race([this.#opening, this.#interrupted]);
    this.mode = stage.mode;
    for (const line of stage.about) this.teller.say(line);
    await this.#aliceRegisters(stage);
    this.teller.line();
    this.teller.say('Everything below happens now. Via, tags and the like are left out.');
    const told = tellStory(acts, stage, this.teller, this.#abort.signal);
    return Promise.race([told, this.#interrupted]);
  }

  /** Ends and removes everything; never rejects. */
  async close(): Promise<void> {
    const stage = await this.#opening?.catch(() => null);
    await stage?.close().catch(() => undefined);
    for (const signal of signals) process.removeListener(signal, this.#onSignal);
    process.removeListener('exit', this.#onExit);
    this.#restore();
    this.#removeFolder();
    this.teller.line();
    const folder = this.flags.keep ? `kept ${this.#folder}` : 'folder removed';
    this.teller.line(`${this.teller.seconds()} s; everything ended, ${folder}`);
  }

  #open(): Promise<Stage> {
    if (this.flags['in-process']) return openLocalStage(this.#folder);
    const missing = missingTools(this.#folder);
    if (missing.length === 0) return openRealStage(this.#folder);
    this.teller.say(`Not installed: ${missing.join(', ')}. The story is told without a proxy.`);
    return openLocalStage(this.#folder);
  }

  // Alice stays reachable: reports come to her while the story goes on.
  async #aliceRegisters(stage: Stage): Promise<void> {
    const { status } = await stage.alice.register();
    if (status !== 200) throw new Error(`Alice could not register: ${status}\n${stage.log()}`);
  }

  #removeFolder(): void {
    if (!this.flags.keep) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
