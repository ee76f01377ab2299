// The parent's side of the judging process: one case at a time, and a new process where a damaged store ended the last.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Case, Finding } from './judge.js';

/** What became of a case; `died`: the store ended the process that opened it, or hung it. */
export type Verdict = Finding | { readonly kind: 'died'; readonly how: string };

const patienceMs = 60_000;

export class Court {
  private child: ChildProcess | null = null;
  private readonly program: string;

  /** Judges with the engine of a build. */
  constructor(build: string) {
    this.program = join(build, 'test/crash-images/judge.js');
  }

  judge(one: Case): Promise<Verdict> {
    this.child ??= fork(this.program, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const { child } = this;
    return new Promise((resolve) => {
      let said = '';
      const hear = (chunk: Buffer) => {
        said += chunk;
      };
      const over = (verdict: Verdict) => {
        clearTimeout(timer);
        child.removeAllListeners('message').removeAllListeners('exit');
        child.stderr?.off('data', hear);
        resolve(verdict);
      };
      const ended = (how: string) => {
        this.child = null;
        over({ kind: 'died', how: `${how} ${said.split('\n')[0]}` });
      };
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      child.stderr?.on('data', hear);
      child.once('message', (finding) => over(finding as Finding));
      child.once('exit', (code, signal) => ended(String(signal ?? code)));
      child.send(one, (cause) => {
        if (cause !== null) ended(cause.message);
      });
    });
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await ended;
  }
}
