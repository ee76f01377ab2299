// The parent's side of engine-host.ts: starts that program, carries calls and effects through the pipe, and ends it.
// Invariant: a call to a program that is gone rejects, it never waits for ever. Knows nothing of what the calls mean.
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Child } from '../stage/child.js';
import type { HostCall, HostNotice } from './engine-host.js';

const program = fileURLToPath(new URL('./engine-host.js', import.meta.url));
const stopMs = 4000;
const tailChars = 4000;

export type HostEffect = Extract<HostNotice, { readonly effect: unknown }>['effect'];

export interface EngineHost extends Child {
  call(call: HostCall): Promise<unknown>;
}

export interface HostOptions {
  readonly folder: string;
  readonly host: string;
  readonly logFile: string;
  readonly onEffect: (effect: HostEffect) => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: Error) => void;
}

/** Starts the program; it serves when its admin socket says so. */
export function startHost(options: HostOptions): EngineHost {
  const log = openSync(options.logFile, 'a');
  const child = fork(program, [options.folder, options.host], {
    execArgv: [],
    // Octets travel as octets.
    serialization: 'advanced',
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const waiting = new Map<number, Waiting>();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let over = false;
  // Where this program ends early nobody may write into a folder that is being removed.
  const onExit = (): void => void child.kill('SIGKILL');
  process.prependOnceListener('exit', onExit);
  void ended.then(() => {
    over = true;
    process.removeListener('exit', onExit);
    for (const { reject } of waiting.values()) reject(new Error('the engine is gone'));
    waiting.clear();
  });
  child.on('message', (notice: HostNotice) => {
    if ('effect' in notice) options.onEffect(notice.effect);
    else settle(waiting, notice);
  });
  const stop = () => stopChild(child, ended, () => over);
  return {
    pid: child.pid ?? 0,
    logFile: options.logFile,
    tail: () => readFileSync(options.logFile, 'utf8').slice(-tailChars),
    running: () => !over,
    kill: (signal) => void child.kill(signal),
    stop,
    call: callerOf(child, waiting, () => over),
  };
}

function callerOf(
  child: ChildProcess,
  waiting: Map<number, Waiting>,
  over: () => boolean,
): EngineHost['call'] {
  let calls = 0;
  return (call) =>
    new Promise((resolve, reject) => {
      if (over() || !child.connected) {
        reject(new Error('the engine is not running'));
        return;
      }
      calls += 1;
      const id = calls;
      waiting.set(id, { resolve, reject });
      child.send({ id, call }, (cause) => {
        if (cause !== null && waiting.delete(id)) reject(cause);
      });
    });
}

function settle(
  waiting: Map<number, Waiting>,
  notice: Exclude<HostNotice, { readonly effect: unknown }>,
): void {
  const one = waiting.get(notice.id);
  waiting.delete(notice.id);
  if ('error' in notice) one?.reject(new Error(notice.error));
  else one?.resolve(notice.value);
}

// Without its pipe the program closes the store and ends.
async function stopChild(
  child: ChildProcess,
  ended: Promise<void>,
  over: () => boolean,
): Promise<void> {
  if (over()) return;
  if (child.connected) child.disconnect();
  const insist = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(insist);
}
