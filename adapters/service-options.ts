// What the configuration means for the store of a service: its folder, its limits, and which notices are logged. Knows
// the runtime, and no adapter but the log and the configuration.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  canonicalSenders,
  defaultPreferenceRules,
  defaultReportRules,
  type PreferenceRules,
  type ReportConsent,
} from '../machines/index.js';
import {
  type ActorRow,
  dropBallast,
  type FailpointHook,
  freeOctetsAt,
  hasBallast,
  limits,
  type Notice,
  type Opened,
  openFolder,
  RuntimeFault,
  type RuntimeOptions,
  type SenderStatus,
  virtualClock,
  volumeKind,
  writeBallast,
} from '../runtime/index.js';
import type { Config } from './config.js';
import type { Log } from './log.js';
import { canonicalAor } from './sip/index.js';

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
 * Opens the store of a service. A full disk can keep LevelDB from opening, or the first commit from landing: then the
 * ballast is given back, once, and until there is room for it again nothing new is taken: the store drains
 * (reliability R13, B4).
 */
export async function openServed(
  config: Config,
  { log, ...hooks }: ServiceHooks,
  ports: Pick<RuntimeOptions, 'effects' | 'audits'>,
): Promise<Opened> {
  const { folder, ballastOctets } = config;
  const state = { ballast: false, given: false };
  const freeOctetsMin = () => config['quota.freeOctets'] + (state.ballast ? 0 : ballastOctets);
  const options = { ...runtimeOptions(config, { log, ...hooks }), ...ports, freeOctetsMin };
  const open = () => openFolder(location(config), options);
  const giveBack = (why: string): boolean => {
    const given = dropBallast(folder);
    if (given) log('warn', 'store.ballast-dropped', { why });
    state.given ||= given;
    return given;
  };
  const opened = await open().catch((cause: unknown) => {
    const io = cause instanceof RuntimeFault && cause.code === 'DEFERRED_IM_STORE_IO';
    if (!io || !giveBack(cause.message)) throw cause;
    return open();
  });
  if (freeOctetsAt(folder) < limits.bootOctetsMin)
    giveBack(`less than ${limits.bootOctetsMin} octets are free`);
  state.ballast = !state.given && keepBallast(folder, ballastOctets, freeOctetsMin());
  if (!state.ballast) log('warn', 'store.draining', { freeOctetsMin: freeOctetsMin() });
  return opened;
}

// The ballast comes back at the first start that finds room for it; without it the store is served all the same.
function keepBallast(folder: string, octets: number, freeOctetsMin: number): boolean {
  if (octets === 0 || hasBallast(folder)) return true;
  if (freeOctetsAt(folder) < freeOctetsMin) return false;
  try {
    writeBallast(folder, octets);
    return true;
  } catch {
    return false;
  }
}

const location = (config: Config) => ({
  folder: config.folder,
  host: config.host,
  policyId: config.policy,
  test: config.test,
  ...(config.watermarkFolder === undefined ? {} : { watermarkFolder: config.watermarkFolder }),
});

function runtimeOptions(config: Config, hooks: ServiceHooks) {
  const { log } = hooks;
  return {
    settings: {
      mailboxMessagesMax: config['quota.mailboxMessages'],
      mailboxOctetsMax: config['quota.mailboxOctets'],
      pairMessagesMax: config['quota.pairMessages'],
      strangersPercent: config['quota.strangersPercent'],
      atLimit: config['quota.atLimit'] as 'refuse' | 'drop-oldest',
      requireImTag: config.requireImTag,
      servedDomains: config['storage.domains'].map((domain) => domain.toLowerCase()),
      mediaTypes: config['storage.mediaTypes'],
      ...messageOctetsMax(config),
      preferences: preferenceRules(config),
      senderStatus: config.senderStatus as SenderStatus,
      refusedStatus: config['preferences.refusedStatus'],
      auditBacklogMax: config['audit.backlog'],
      reportRules: {
        ...defaultReportRules,
        trustedRoutes: config['report.trustedRoutes'].map((domain) => domain.toLowerCase()),
        withoutDateTime: config['report.withoutDateTime'],
        anonymousDomains: config['report.anonymousDomains'].map((domain) => domain.toLowerCase()),
        consent: config['report.consent'] as ReportConsent,
        stored: config['report.stored'],
      },
    },
    clockTrusted: config.clockTrusted,
    ...(config.clock === 'virtual' ? { clock: virtualClock() } : {}),
    acceptRollback: config.acceptRollback,
    exit: hooks.exit,
    ...(hooks.failpoint === undefined ? {} : { failpoint: hooks.failpoint }),
    listener: listenerOf(log),
  };
}

function listenerOf(log: Log): (notice: Notice) => void {
  let dropping = false;
  return (notice) => {
    // Told when it begins and when it is over: a line for each event would drown the others.
    if (notice.type === 'audit-dropped' && !dropping) {
      dropping = true;
      log('error', 'audit.backlog-full', { local: notice.local, number: notice.number });
    } else if (notice.type === 'audited' && dropping) {
      dropping = false;
      log('warn', 'audit.backlog-eased', { local: notice.local, number: notice.number });
    }
    logNotice(log, notice);
  };
}

const messageOctetsMax = (config: Config) => {
  const octets = config['quota.messageOctets'];
  return octets === undefined ? {} : { messageOctetsMax: octets };
};

// The choices were checked with the configuration.
function preferenceRules(config: Config): PreferenceRules {
  const { defaults } = defaultPreferenceRules;
  return {
    defaults: {
      deferral: config['preferences.deferral'] as typeof defaults.deferral,
      delivery: config['preferences.delivery'] as typeof defaults.delivery,
      notices: config['preferences.notices'] as typeof defaults.notices,
      expired: null,
    },
    permitted: config['storage.permitted'],
    permittedExcept: config['storage.exceptFor'].map(
      (one) => canonicalSenders(one, canonicalAor) ?? one,
    ),
    expiredChoices: config['preferences.expiredChoices'],
    blockedAtDelivery: config['preferences.blockedAtDelivery'] as 'deliver' | 'hold',
  };
}

function logNotice(log: Log, notice: Notice): void {
  if (notice.type === 'parked')
    log('error', 'message.parked', { local: notice.local, why: notice.error });
  if (notice.type === 'damaged') log('error', 'row.damaged', { key: notice.key });
  if (notice.type === 'preferences')
    log('info', 'preferences.changed', { aor: notice.aor, by: notice.by });
  if (notice.type === 'activated') log('info', 'policy.activated', { hash: notice.hash });
  if (notice.type === 'counted') {
    // Requests for reports that are not met are worth knowing of (RFC 5438 section 14).
    const level = notice.what.startsWith('no-report-') ? 'info' : 'debug';
    log(level, notice.what, { local: notice.local });
  }
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
