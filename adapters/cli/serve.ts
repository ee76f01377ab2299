// `serve`: the engine as a process. Owns signals, last-resort handlers, the watchdog and the exit
// code; what the service is made of is the business of the composition root.
import { setFlagsFromString } from 'node:v8';
import { exitCodes, RuntimeFault } from '../../runtime/index.js';
import { busFindings } from '../bus-options.js';
import { BusError, type Service, type ServiceHooks, startService } from '../compose.js';
import { type Config, flagOf, readConfig } from '../config.js';
import { createLog, type Log, type LogFields, type LogLevel } from '../log.js';
import { type Setting, settingsTable } from '../settings.js';
import type { Output } from './output.js';
import { type Call, type Flag, type Verb, VerbFailure } from './verb.js';
import { startWatchdog } from './watchdog.js';

// With a second in hand: a supervisor that insists after ten seconds finds nobody.
const drainMsMax = 9000;

/** The flags of the settings table, and the one that names the file. */
export const configFlags: Readonly<Record<string, Flag>> = {
  config: {
    value: 'FILE',
    meaning: 'JSON configuration file; default: DEFERRED_IM_CONFIG.',
  },
  ...Object.fromEntries(
    (Object.entries(settingsTable) as [string, Setting][]).map(([name, setting]) => [
      flagOf(name),
      { value: valueWord(setting), meaning: meaningOf(setting) },
    ]),
  ),
};

function valueWord({ type }: Setting): string {
  switch (type.kind) {
    case 'switch':
      return 'true|false';
    case 'choice':
      return type.values.join('|');
    case 'integer':
      return 'N';
    case 'texts':
      return 'A,B';
    default:
      return 'TEXT';
  }
}

function meaningOf(setting: Setting): string {
  const { default: preset } = setting;
  if (preset === undefined) return setting.meaning;
  const shown = Array.isArray(preset) ? preset.join(',') || 'none' : String(preset);
  return `${setting.meaning} Default: ${shown}.`;
}

/** Reads the configuration as every verb does: file, then environment, then flags. */
export function configOf(flags: Readonly<Record<string, string>>): ReturnType<typeof readConfig> {
  const file = flags['config'] ?? process.env['DEFERRED_IM_CONFIG'] ?? null;
  return readConfig({ file, environment: process.env, flags });
}

/** The same, and the files it names are looked into as well. */
export function usableConfigOf(
  flags: Readonly<Record<string, string>>,
): ReturnType<typeof readConfig> {
  const read = configOf(flags);
  if (!read.ok) return read;
  const findings = busFindings(read.config, read.sources);
  return findings.length === 0 ? read : { ok: false, findings };
}

/** One line for each finding: where, which setting, what is wrong. */
export const findingLines = (
  findings: readonly { where: string; setting: string; message: string }[],
): string[] =>
  findings.map(({ where, setting, message }) =>
    setting === '' ? `${where}: ${message}` : `${where}: ${setting} ${message}`,
  );

export const serve: Verb = {
  name: 'serve',
  purpose: 'Run the engine on a data folder, behind NATS.',
  text:
    'Makes the store when the folder is empty, checks it when it is not, and serves ' +
    'until SIGTERM or SIGINT: then nothing more is taken in, what was begun is finished, ' +
    'and the process ends within ten seconds: with code 0 when that is on disk, with 74 when ' +
    'the store did not get that far. Logs go to standard error, one JSON object a line. When everything serves, one line goes to standard output: ' +
    '`deferred-im: serving FOLDER, http ADDRESS:PORT`.\n' +
    'Every setting can stand in the configuration file, in the environment (DEFERRED_IM_ ' +
    'and its name in capitals) or on the command line; the later of these wins.',
  flags: configFlags,
  examples: [
    'deferred-im serve --folder /var/lib/deferred-im --host store.example.org',
    'deferred-im serve --config /etc/deferred-im.json --log-level debug',
    'DEFERRED_IM_NATS_SERVERS=tls://nats.example.org deferred-im serve --config dim.json',
  ],
  exits: [
    exitCodes.damaged,
    exitCodes['bus-unusable'],
    exitCodes.internal,
    exitCodes.io,
    exitCodes.locked,
    exitCodes.permissions,
    exitCodes['policy-invalid'],
  ],
  run: (call) => runServe(call),
};

// What the collector may let the old generation grow by between two sweeps. Left alone it is four times what is alive,
// of which a store-and-forward server has little: this halves the memory and costs no measurable time.
const heapGrowth = '--heap-growing-percent=40';

/** Runs the service until it is told to end. Only the kill tests hand in a failpoint. */
export async function runServe(
  { flags, output }: Pick<Call, 'flags' | 'output'>,
  failpoint?: ServiceHooks['failpoint'],
): Promise<number> {
  setFlagsFromString(heapGrowth);
  const read = usableConfigOf(flags);
  if (!read.ok)
    throw new VerbFailure(
      exitCodes.usage,
      'config-invalid',
      'the configuration cannot be used',
      findingLines(read.findings),
    );
  const { config } = read;
  const log = createLog(config.logLevel as LogLevel, undefined, undefined, marks(config));
  const exit = exiter(log);
  lastResort(exit);
  startWatchdog((blockedMs) =>
    exit(exitCodes.internal, `the event loop stood still for ${blockedMs} ms`),
  );
  const asked = stopAsked(log);
  const hooks = { log, exit, ...(failpoint === undefined ? {} : { failpoint }) };
  const service = await Promise.race([begin(config, hooks), asked]);
  if (service === null) return end(exitCodes.ok);
  const first = await Promise.race([
    service.ready.then(() => 'ready' as const, refused(log)),
    asked,
  ]);
  if (typeof first === 'number') return end(first);
  if (first === 'ready') {
    announce(output, config, service);
    await asked;
  }
  // A shutdown that fails would leave a process that serves nobody and never ends.
  const cut = await drain(service, log).catch((cause: unknown) => {
    const { exitCode, why } = reasonOf(cause);
    return exit(exitCode, why);
  });
  return end(cut ? exitCodes.io : exitCodes.ok);
}

// Nobody shall take a line of a test for one of the real thing.
const marks = ({ clock }: Config): LogFields => (clock === 'virtual' ? { clock } : {});

const begin = (config: Config, hooks: ServiceHooks): Promise<Service> =>
  startService(config, hooks).catch((cause: unknown) =>
    process.exit(startFailed(hooks.log, cause)),
  );

/** Says in one line why the service cannot start; returns the exit code. */
function startFailed(log: Log, cause: unknown): number {
  const { code, why, exitCode, details } = reasonOf(cause);
  log('error', 'service.refused', { code, why, exitCode, ...details });
  return exitCode;
}

const refused = (log: Log) => (cause: unknown) => startFailed(log, cause);

interface Reason {
  readonly code: string;
  readonly why: string;
  readonly exitCode: number;
  readonly details: Readonly<Record<string, string>>;
}

function reasonOf(cause: unknown): Reason {
  if (cause instanceof RuntimeFault) {
    const { code, message, exitCode, details } = cause;
    const shown = details.length === 0 ? {} : { details: details.slice(0, 5).join('; ') };
    return { code, why: message, exitCode, details: shown };
  }
  if (cause instanceof BusError) {
    const { code, message } = cause;
    const exitCode = code === 'bus-options' ? exitCodes.usage : exitCodes['bus-unusable'];
    return { code, why: message, exitCode, details: {} };
  }
  const error = cause as NodeJS.ErrnoException;
  const why = error instanceof Error ? error.message : String(cause);
  const exitCode = systemExits[error?.code ?? ''] ?? exitCodes.internal;
  return { code: error?.code ?? 'internal', why, exitCode, details: {} };
}

// What the operating system says about ports, sockets and files named in the configuration.
const systemExits: Readonly<Record<string, number>> = {
  EADDRINUSE: exitCodes.usage,
  EADDRNOTAVAIL: exitCodes.usage,
  ENAMETOOLONG: exitCodes.usage,
  ENOENT: exitCodes.usage,
  ENOTDIR: exitCodes.usage,
  EACCES: exitCodes.permissions,
  EPERM: exitCodes.permissions,
  ENOSPC: exitCodes.io,
  EROFS: exitCodes.io,
  EIO: exitCodes.io,
};

function announce(output: Output, config: Config, service: Service): void {
  const address = config['http.address'];
  const http = `${address.includes(':') ? `[${address}]` : address}:${service.httpPort}`;
  output.result(
    { serving: config.folder, http },
    () => `deferred-im: serving ${config.folder}, http ${http}${clockWord(config)}\n`,
  );
}

const clockWord = ({ clock }: Config): string => (clock === 'virtual' ? ', virtual clock' : '');

/** Resolves with null when somebody asks the process to end; a second wish ends it at once. */
function stopAsked(log: Log): Promise<null> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGTERM' ? 143 : 130);
        asked = true;
        log('info', 'service.stopping', { signal });
        resolve(null);
      });
    }
  });
}

// What was confirmed is on disk already: when the drain takes too long, leaving is the safe thing. True: the store was not
// closed by then, so the last group is unknown and the watermark may lie behind.
async function drain(service: Service, log: Log): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), drainMsMax);
  });
  const how = await Promise.race([service.close().then(() => 'closed' as const), late]);
  clearTimeout(timer);
  const cut = !service.stored();
  if (how === 'late')
    log(cut ? 'error' : 'warn', 'service.drain-cut', { afterMs: drainMsMax, cut });
  return cut;
}

// Handles that some library left open must not keep the process.
function end(code: number): never {
  process.exit(code);
}

function exiter(log: Log): (code: number, why: string) => void {
  return (code, why) => {
    log('error', 'service.failed', { exitCode: code, why });
    process.exit(code);
  };
}

// A failed assertion or a forgotten rejection is a bug: the process stops and recovers from disk
// (reliability R14).
function lastResort(exit: (code: number, why: string) => void): void {
  const bug = (cause: unknown) =>
    exit(
      exitCodes.internal,
      cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    );
  // Without its reader the log is lost, the messages are not.
  process.stderr.on('error', () => {});
  process.on('uncaughtException', bug);
  process.on('unhandledRejection', bug);
}
