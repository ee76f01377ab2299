// The engine under test as a real process: started on a folder, stopped at failpoints, killed, asked over its admin
// socket. Knows nothing of traffic.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { askAdmin } from '../../adapters/admin/index.js';
import { adminPath } from '../../adapters/compose.js';
import { formatStop, parseStop, type Stop } from './failpoint.js';

export const servicePath = fileURLToPath(new URL('./service.js', import.meta.url));

export interface EngineOptions {
  /** Holds the store, its watermark and the log. */
  readonly root: string;
  readonly natsUrl: string;
  /** The built program to run; another one for a broken build. */
  readonly program: string;
  /** Armed from the first moment. */
  readonly stop?: Stop;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const host = 'store.example.org';

export class EngineProcess {
  /** Resolves when it is gone. */
  readonly ended: Promise<Ended>;
  /** Resolves when everything serves; false when it ended before. */
  readonly serving: Promise<boolean>;
  /** Stops that were reached. */
  readonly hits: Stop[] = [];
  private readonly child: ChildProcess;
  private readonly folder: string;
  private over: Ended | null = null;
  private opened = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(options: EngineOptions) {
    const { root, natsUrl, stop } = options;
    this.folder = join(root, 'store');
    const flags = {
      ...{ folder: this.folder, host, 'nats-servers': natsUrl, 'http-port': '0' },
      ...{ 'allow-volatile-folder': 'true', 'ballast-octets': '0', 'log-level': 'info' },
      ...{ 'audit-publish': 'true' },
    };
    this.child = spawn(process.execPath, [options.program, JSON.stringify(flags)], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(stop === undefined ? {} : { DEFERRED_IM_FAILPOINT: formatStop(stop) }),
      },
    });
    this.child.stdin?.on('error', () => {});
    this.child.stderr?.on('data', (text) => appendFileSync(join(root, 'engine.log'), text));
    this.listen();
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.over = { code, signal };
        resolve(this.over);
        this.wake();
      });
    });
    this.serving = Promise.race([
      new Promise<boolean>((resolve) => this.child.stdout?.once('data', () => resolve(true))),
      this.ended.then(() => false),
    ]);
  }

  private listen(): void {
    const pipe = this.child.stdio[3] as NodeJS.ReadableStream;
    createInterface({ input: pipe }).on('line', (line) => {
      const [what, text = ''] = line.split(' ');
      const stop = parseStop(text);
      if (what === 'hit' && stop !== null) this.hits.push(stop);
      if (what === 'opened') this.opened += 1;
      this.wake();
    });
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.over === null;
  }

  /** Arms a stop in the running process; takes effect a moment later. */
  arm(stop: Stop): void {
    this.child.stdin?.write(`${formatStop(stop)}\n`);
  }

  /** Has the process itself open a file and close it; resolves when that is done. */
  async openInside(path: string): Promise<void> {
    const before = this.opened;
    this.child.stdin?.write(`open ${path}\n`);
    while (this.running && this.opened === before) await this.anything(1000);
  }

  /** Resolves when a stop was reached or the process is gone, or after `patienceMs`. */
  async stopped(patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs;
    while (this.running && this.hits.length === 0) {
      const left = until - performance.now();
      if (left <= 0) return;
      await this.anything(left);
    }
  }

  private anything(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, forMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Runs an admin verb; null when nobody answered or it was refused. */
  async ask<T>(verb: string, args: object = {}): Promise<T | null> {
    const answer = await askAdmin(adminPath(this.folder), verb, args).catch(() => null);
    return answer?.ok === true ? (answer.result as T) : null;
  }
}
