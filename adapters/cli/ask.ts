// How a verb reaches a store: through the admin socket of the engine that serves it; where nobody
// serves it, reading verbs open it themselves under its lock, and all others say that it is not
// running.
import { existsSync, readFileSync } from 'node:fs';
import { exitCodes } from '../../runtime/index.js';
import { adminPath, askAdmin, askStore, type VerbAnswer } from '../compose.js';
import { type Call, type Flag, refusedExit, VerbFailure } from './verb.js';

/** Flags of every verb that needs a store. */
export const storeFlags: Readonly<Record<string, Flag>> = {
  folder: { value: 'DIR', meaning: 'Data folder of the store.' },
  config: {
    value: 'FILE',
    meaning: 'Configuration file that names the folder.',
  },
};

/** Exit codes any of these verbs may end with. */
export const storeExits: readonly number[] = [
  refusedExit,
  exitCodes.damaged,
  exitCodes['bus-unusable'],
  exitCodes.io,
  exitCodes.locked,
  exitCodes.permissions,
];

/** Where a store is: flag, environment, configuration file, in this order. */
export function locationOf(flags: Readonly<Record<string, string>>): {
  readonly folder: string;
  readonly watermarkFolder?: string;
} {
  const file = flags['config'] ?? process.env['DEFERRED_IM_CONFIG'];
  const inFile = file === undefined ? {} : readFields(file);
  const folder = flags['folder'] ?? process.env['DEFERRED_IM_FOLDER'] ?? inFile.folder;
  if (typeof folder !== 'string' || folder === '')
    throw new VerbFailure(
      exitCodes.usage,
      'usage',
      'which store? Give --folder DIR, DEFERRED_IM_FOLDER or a configuration file',
    );
  const mark = process.env['DEFERRED_IM_WATERMARK_FOLDER'] ?? inFile.watermarkFolder;
  // The file's watermark belongs to the file's folder.
  const same = flags['folder'] === undefined || flags['folder'] === inFile.folder;
  return {
    folder,
    ...(typeof mark === 'string' && same ? { watermarkFolder: mark } : {}),
  };
}

function readFields(file: string): {
  folder?: unknown;
  watermarkFolder?: unknown;
} {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return parsed !== null && typeof parsed === 'object' ? parsed : {};
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new VerbFailure(exitCodes.usage, 'config-invalid', `${file}: ${why}`);
  }
}

/** A verb that changes something: the running engine's answer. */
export const askRunning = (call: Call, verb: string, args: object): Promise<unknown> =>
  ask(call, verb, args, false);

/** A verb that only reads: the running engine's answer, or the store's own. */
export const askReading = (call: Call, verb: string, args: object): Promise<unknown> =>
  ask(call, verb, args, true);

async function ask(call: Call, verb: string, args: object, reads: boolean): Promise<unknown> {
  const location = locationOf(call.flags);
  const answer =
    (await askSocket(location.folder, verb, args)) ??
    (reads ? await askStore(location.folder, verb, args, location.watermarkFolder) : null);
  if (answer === null) throw notRunning(location.folder);
  if (answer.ok) return answer.result;
  throw new VerbFailure(exitOf(answer.code), answer.code, answer.message);
}

function notRunning(folder: string): VerbFailure {
  const hint = existsSync(folder) ? '' : ' (there is no such folder)';
  return new VerbFailure(
    exitCodes['bus-unusable'],
    'not-running',
    `not running: nobody serves ${folder}${hint}`,
  );
}

// Null when nobody listens: no socket, or one that a dead process left behind.
async function askSocket(folder: string, verb: string, args: object): Promise<VerbAnswer | null> {
  try {
    return await askAdmin(adminPath(folder), verb, args);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return null;
    if (code === 'EACCES' || code === 'EPERM')
      throw new VerbFailure(
        exitCodes.permissions,
        'permissions',
        `${adminPath(folder)}: ${message}`,
      );
    throw new VerbFailure(exitCodes.io, 'admin-socket', `${adminPath(folder)}: ${message}`);
  }
}

function exitOf(code: string): number {
  if (code === 'bad-request' || code === 'bad-aor' || code === 'bad-document')
    return exitCodes.usage;
  return code === 'policy-refused' || code === 'rules-refused'
    ? exitCodes['policy-invalid']
    : refusedExit;
}
