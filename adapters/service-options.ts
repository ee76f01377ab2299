// What the configuration means for the store of a service: its folder, its limits, and which notices are logged. Knows
// the runtime, and no adapter but the log and the configuration.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { defaultReportRules } from '../machines/index.js';
import {
  type ActorRow,
  dropBallast,
  type FailpointHook,
  type Notice,
  type Opened,
  openFolder,
  RuntimeFault,
  type RuntimeOptions,
  storeExists,
  volumeKind,
  writeBallast,
} from '../runtime/index.js';
import type { Config } from './config.js';
import type { Log } from './log.js';

export interface ServiceHooks {
  readonly log: Log;
  /** Ends the process; called at most once, for what cannot be mended. */
  readonly exit: (code: number, why: string) => void;
  readonly failpoint?: FailpointHook;
}

/** Makes the parent of the data folder, and refuses a volume that does not keep what it confirms (B22). */
export function prepareFolder(config: Config): void {
  const folder = resolve(config.folder);
  mkdirSync(dirname(folder), { recursive: true });
  const kind = volumeKind(existsSync(folder) ? folder : dirname(folder));
  if (kind === null || config.allowVolatileFolder) return;
  throw new RuntimeFault(
    'DEFERRED_IM_STORE_VOLATILE',
    `${folder} lies on ${kind}, which may not keep what it confirms; allowVolatileFolder accepts that`,
  );
}

/**
 * Opens the store of a service. A full disk can keep LevelDB from opening; the ballast is given back once, and the gate
 * stays closed until space is found (reliability B4).
 */
export async function openServed(
  config: Config,
  hooks: ServiceHooks,
  effects: RuntimeOptions['effects'],
): Promise<Opened> {
  const fresh = !storeExists(config.folder);
  const open = () => openFolder(location(config), { ...runtimeOptions(config, hooks), effects });
  const opened = await open().catch((cause: unknown) => {
    const io = cause instanceof RuntimeFault && cause.code === 'DEFERRED_IM_STORE_IO';
    if (!io || !dropBallast(config.folder)) throw cause;
    hooks.log('warn', 'store.ballast-dropped', { why: cause.message });
    return open();
  });
  if (fresh && config.ballastOctets > 0) writeBallast(config.folder, config.ballastOctets);
  return opened;
}

const location = (config: Config) => ({
  folder: config.folder,
  host: config.host,
  policyId: config.policy,
  ...(config.watermarkFolder === undefined ? {} : { watermarkFolder: config.watermarkFolder }),
});

function runtimeOptions(config: Config, hooks: ServiceHooks) {
  const { log } = hooks;
  return {
    settings: {
      mailboxMessagesMax: config['quota.mailboxMessages'],
      mailboxOctetsMax: config['quota.mailboxOctets'],
      pairMessagesMax: config['quota.pairMessages'],
      atLimit: config['quota.atLimit'] as 'refuse' | 'drop-oldest',
      requireImTag: config.requireImTag,
      reportRules: {
        ...defaultReportRules,
        trustedRoutes: config['report.trustedRoutes'].map((domain) => domain.toLowerCase()),
        withoutDateTime: config['report.withoutDateTime'],
      },
    },
    clockTrusted: config.clockTrusted,
    acceptRollback: config.acceptRollback,
    freeOctetsMin: config['quota.freeOctets'],
    exit: hooks.exit,
    ...(hooks.failpoint === undefined ? {} : { failpoint: hooks.failpoint }),
    listener: (notice: Notice) => logNotice(log, notice),
  };
}

function logNotice(log: Log, notice: Notice): void {
  if (notice.type === 'parked')
    log('error', 'message.parked', { local: notice.local, why: notice.error });
  if (notice.type === 'damaged') log('error', 'row.damaged', { key: notice.key });
  if (notice.type === 'activated') log('info', 'policy.activated', { hash: notice.hash });
  if (notice.type === 'counted') log('debug', notice.what, { local: notice.local });
  if (notice.type === 'stepped') logStep(log, notice.local, notice.row);
}

function logStep(log: Log, local: string, row: ActorRow): void {
  const last = row.trail.at(-1);
  log('debug', 'message.stepped', {
    local,
    cause: last?.event,
    to: last?.to,
    status: last?.status,
  });
}
