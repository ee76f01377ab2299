// The composition root: the only file that knows every adapter, and the face of the package. It decides nothing.
import { join, resolve } from 'node:path';
import { type Graph, schemaChecker } from '../machines/index.js';
import {
  exitCodes,
  hostClock,
  hostEntropy,
  type Opened,
  type OutgoingDelivery,
  type OutgoingEffect,
  openFolder,
} from '../runtime/index.js';
import { type AdminServer, runVerb, serveAdmin, type VerbContext, verbs } from './admin/index.js';
import { busOptions } from './bus-options.js';
import type { DrawOptions } from './chart/index.js';
import type { Config } from './config.js';
import { type LargeMessages, openLarge } from './large.js';
import { type EngineOptions, type LocalEngine, openLocalEngine } from './local/index.js';
import type { Log } from './log.js';
import { type MetricsServer, serveMetrics } from './metrics/index.js';
import {
  adminSubject,
  type Bus,
  type Consumer,
  connectBus,
  createAuditPort,
  createPublisher,
  type Doubtful,
  type Publisher,
  refuse,
  type SipCodec,
  serveRequests,
  startConsumer,
} from './nats/index.js';
import { type Readiness, readinessOf } from './readiness.js';
import { openServed, prepareFolder, type ServiceHooks } from './service-options.js';
import {
  canonicalAor,
  deferredListType,
  deliverRequest,
  noticeRequest,
  noticeRowsMax,
  readAccessRules,
  readCommand,
  readContacts,
  readMessage,
  readPassedImdn,
  readSenderCommand,
  readSubscribe,
  reportRequest,
  resultPages,
  resultRequest,
  serviceUriOf,
  shownOctets,
  writeDeferredList,
} from './sip/index.js';
import { serveXcap, type XcapServer } from './xcap/index.js';
import { xcapOptions } from './xcap-options.js';

export { compilePolicy, shippedPolicy, shippedPolicyIds } from '../machines/index.js';
export { type AuditEvent, type Reply, RuntimeFault } from '../runtime/index.js';
export { askAdmin, type VerbAnswer } from './admin/index.js';
export { checkKamailioFile, type KamailioFinding } from './kamailio/index.js';
export type {
  DeferredActor,
  EngineOptions,
  LocalEffect as Effect,
  LocalEngine,
  RequestParts,
} from './local/index.js';
export { BusError } from './nats/index.js';
export { correlate, readImdn, type SentMessage } from './sip/index.js';

/** What an operator sets about reading and writing requests. */
interface CodecOptions {
  readonly draft00?: boolean;
  readonly serviceIdentity?: string | null;
  readonly recordRoute?: string | null;
  readonly trustedRoutes?: readonly string[];
}

const codecOf = ({
  draft00 = false,
  serviceIdentity = null,
  recordRoute = null,
  trustedRoutes = [],
}: CodecOptions): SipCodec => ({
  ...codec,
  ...(recordRoute === null
    ? {}
    : {
        readPassedImdn: (octets: Uint8Array, asserted: string | null) =>
          readPassedImdn(octets, asserted, { route: recordRoute, trusted: trustedRoutes }),
      }),
  deliverRequest: (effect) => deliverRequest(effect, { recordRoute }),
  readMessage: (octets, asserted) => readMessage(octets, asserted, { draft00 }),
  reportRequest: (effect) => reportRequest(effect, { serviceIdentity }),
});

const codec: SipCodec = {
  readMessage,
  readCommand,
  readAccessRules,
  readSenderCommand,
  readSubscribe,
  serviceUriOf,
  resultPages,
  resultRequest,
  readContacts,
  canonicalAor,
  shownOctets,
  deliverRequest,
  reportRequest,
  noticeRequest,
  noticeRowsMax,
};

/**
 * Opens the engine inside this process: the same machines, runtime and store as `deferred-im serve`, without NATS.
 * What `submit` has accepted is on disk. Rejects with a RuntimeFault that names what is wrong with the folder.
 */
export async function openEngine(
  options: EngineOptions & { readonly admin?: boolean; readonly sip?: CodecOptions },
): Promise<LocalEngine> {
  const engine = await openLocalEngine(options, codecOf(options.sip ?? {}));
  if (options.admin !== true) return engine;
  const readiness = () => ({ ready: true, reason: null });
  const context: VerbContext = { engine: engine.runtime, canonicalAor, readAccessRules, readiness };
  const admin = await serveAdmin(adminPath(options.folder), context, rethrow);
  return { ...engine, close: () => admin.close().then(() => engine.close()) };
}

/** The chart of a policy as an SVG document; the layout engine is large and is loaded only now. */
export async function drawChart(graph: Graph, options: DrawOptions = {}): Promise<string> {
  const { drawSvg } = await import('./chart/index.js');
  return drawSvg(graph, options);
}

/** Where the admin socket of a data folder is. */
export const adminPath = (folder: string): string => join(resolve(folder), 'admin.sock');

/** Runs one reading verb on a store that nobody serves, under its lock. */
export async function askStore(
  folder: string,
  verb: string,
  args: object,
  watermarkFolder?: string,
): ReturnType<typeof runVerb> {
  const effects = { ready: () => false, send: () => {} };
  const location = watermarkFolder === undefined ? { folder } : { folder, watermarkFolder };
  const opened = await openFolder(location, { effects, readOnly: true });
  try {
    await opened.ready;
    const readiness = () => ({ ready: false, reason: 'not running' });
    return await runVerb(
      { engine: opened.engine, canonicalAor, readAccessRules, readiness },
      verb,
      args,
    );
  } finally {
    await opened.close();
  }
}

function rethrow(cause: unknown): never {
  throw cause;
}

// ---- the service ----

export type { ServiceHooks } from './service-options.js';

/** `deferred-im serve`, as a program can run it. */
export interface Service {
  readonly httpPort: number;
  /** Port of the deferred-list document, or null when there is none. */
  readonly xcapPort: number | null;
  readonly readiness: () => Readiness;
  /** Resolves when the store is checked and all partitions serve; rejects with what is wrong. */
  readonly ready: Promise<void>;
  /** Takes nothing more in, finishes what was begun, closes. Takes as long as the store does. */
  close(): Promise<void>;
  /** The store is closed in good order: what was begun is finished and on disk, and the watermark says so. */
  readonly stored: () => boolean;
}

/** Starts the service. Rejects with a RuntimeFault or a BusError when it cannot run. */
export async function startService(config: Config, hooks: ServiceHooks): Promise<Service> {
  const { log } = hooks;
  const codec = codecOf({
    draft00: config['report.draft00'],
    serviceIdentity: config['report.serviceIdentity'] ?? null,
    recordRoute: config['report.recordRoute'] ?? null,
    trustedRoutes: config['report.trustedRoutes'].map((domain) => domain.toLowerCase()),
  });
  prepareFolder(config);
  let publisher: Publisher | null = null;
  const bus = await connectBus(busOptions(config), {
    onStatus: (ready, reason, detail) =>
      log(ready ? 'info' : 'warn', 'bus.status', {
        ready,
        reason,
        ...(detail === null ? {} : { detail }),
      }),
    onAlarm: (code, detail) => log('error', 'bus.alarm', { code, detail }),
  });
  const effects = {
    ready: () => publisher?.ready() ?? false,
    send: (effect: OutgoingEffect) => {
      if (effect.type === 'deliver' && effect.message.kind === 'large') pushLarge(effect);
      else publisher?.send(effect);
    },
    queue: (aor: string, forMs: number) => publisher?.queue(aor, forMs),
  };
  const audits = config['audit.publish'] ? { audits: createAuditPort(bus) } : {};
  const closeEarly = async (cause: unknown): Promise<never> => {
    await large?.close();
    await bus.close();
    throw cause;
  };
  let large: LargeMessages | null = null;
  large = await openLarge(config, log).catch(closeEarly);
  const opened = await openServed(config, hooks, { effects, ...audits }).catch(closeEarly);
  const answered = answering(opened, log);
  const pushLarge = (effect: OutgoingDelivery): void => {
    // Stored while large messages were on: they wait for that to be so again.
    if (large === null) answered(effect.effectId, effect.token, 501);
    else large.send(effect);
  };
  // Damage may be found while the rest is still being started: it waits here to be told, and is never unhandled.
  const ready = opened.ready.then(() =>
    log('info', 'store.ready', { waiting: opened.engine.stats().waiting }),
  );
  ready.catch(() => {});
  publisher = startPublisher(bus, opened, { codec, answered, log, leg: large?.leg });
  large?.start(largeHooks(opened, publisher, answered, hooks));
  const consumer = startConsumer(bus, opened.engine, codec, {
    ...consumerOptions(publisher, hooks),
    engineNow: () => opened.engine.time.now(),
  });
  bus.onReady(() => opened.engine.wakeAudits());
  const state = { closing: false, stored: false };
  const readiness = readinessOf({
    closing: () => state.closing,
    progress: () => opened.progress(),
    gate: () => opened.engine.gate,
    bus: () => bus.reason(),
    proxyHeard: () => publisher?.ready() ?? false,
  });
  const core = { opened, bus, publisher, consumer, large, watch: watchClock(opened, log) };
  try {
    const doors = await openDoors(config, hooks, core, readiness);
    const close = () => {
      state.closing = true;
      const stored = () => {
        state.stored = true;
      };
      return closeService({ ...core, ...doors }, log, stored);
    };
    const stored = () => state.stored;
    const xcapPort = doors.xcap?.port ?? null;
    return { httpPort: doors.metrics.port, xcapPort, readiness, ready, close, stored };
  } catch (cause) {
    await closeCore(core);
    throw cause;
  }
}

// The ways in for operators: socket, bus, HTTP. A port or path that is taken refuses the start.
async function openDoors(
  config: Config,
  { log, exit }: ServiceHooks,
  { opened, bus, publisher, consumer }: Core,
  readiness: Service['readiness'],
): Promise<Doors> {
  const context: VerbContext = { engine: opened.engine, canonicalAor, readAccessRules, readiness };
  const admin = await serveAdmin(adminPath(config.folder), context, (cause) =>
    exit(exitCodes.internal, String(cause)),
  );
  try {
    const metrics = await serveMetrics(config['http.address'], config['http.port'], {
      stats: () => opened.engine.stats(),
      readiness,
      virtualNow: () => opened.engine.virtualNow,
      busCounters: () => consumer.counters(),
      surroundings: () => ({
        proxies: publisher.liveNodes().length,
        storeFull: opened.engine.gate !== null,
        clockHeld: opened.engine.time.held() !== null,
      }),
    });
    const xcap = await openXcap(config, opened, log).catch(async (cause: unknown) => {
      await metrics.close();
      throw cause;
    });
    serveAdminSubjects(bus, context, log);
    return { admin, metrics, xcap };
  } catch (cause) {
    await admin.close();
    throw cause;
  }
}

async function openXcap(config: Config, opened: Opened, log: Log): Promise<XcapServer | null> {
  const options = xcapOptions(config);
  if (options === null) return null;
  const server = await serveXcap(options, {
    runtime: opened.engine,
    canonicalAor,
    writeList: writeDeferredList,
    listType: deferredListType,
    onFailure: (error) => log('error', 'xcap.failed', { why: String(error) }),
  });
  log('info', 'xcap.open', { address: options.address, port: server.port, root: options.root });
  return server;
}

type Answered = (effectId: string, token: string, status: number) => void;

const answering =
  ({ engine }: Opened, log: Log): Answered =>
  (effectId, token, status) => {
    engine.submit({ type: 'effect.answered', effectId, token, status }).catch((cause: unknown) => {
      log('warn', 'effect.unanswered', { effectId, why: String(cause) });
    });
  };

const largeHooks = (
  { engine: runtime }: Opened,
  publisher: Publisher,
  answered: Answered,
  { failpoint }: ServiceHooks,
) => ({
  ...{ runtime, answered },
  innerOf: (node: string | null) => publisher.innerOf(node),
  ...(failpoint === undefined ? {} : { failpoint }),
});

interface Publishing {
  readonly codec: SipCodec;
  readonly answered: Answered;
  readonly log: Log;
  readonly leg: LargeMessages['leg'] | undefined;
}

function startPublisher(
  bus: Bus,
  opened: Opened,
  { codec, answered, log, leg }: Publishing,
): Publisher {
  const { engine } = opened;
  const publisher = createPublisher(bus, codec, {
    clock: hostClock,
    storeId: () => engine.stats().storeId,
    canStore: () => opened.progress().admitted > 1,
    answered,
    ...(leg === undefined ? {} : { leg }),
    onFailure: (where, error) => log('error', 'publisher.failed', { where, why: String(error) }),
  });
  publisher.onReady(() => engine.wake());
  publisher.start();
  return publisher;
}

const consumerOptions = (publisher: Publisher, { log, failpoint }: ServiceHooks) => ({
  clock: hostClock,
  entropy: hostEntropy,
  ...(failpoint === undefined ? {} : { failpoint }),
  onNode: (node: string, inner?: string) => publisher.heard(node, inner),
  onMalformed: ({ where, code, message }: { where: string; code: string; message: string }) =>
    log('warn', 'payload.malformed', { where, code, message }),
  onDoubtful: ({ event, ...what }: Doubtful) => log('warn', event, { ...what }),
  onFailure: (where: string, error: unknown) =>
    log('error', 'consumer.failed', { where, why: String(error) }),
});

// The same verbs as on the socket, for the operator role of the bus: `messages.list` is `messages-list` there.
function serveAdminSubjects(bus: Bus, context: VerbContext, log: Log): void {
  const anything = schemaChecker({ type: 'object' });
  for (const verb of Object.keys(verbs)) {
    serveRequests<object>(bus, {
      subject: adminSubject(verb.replace('.', '-')),
      request: anything,
      reply: anything,
      handle: async (request) => {
        // The contract's version is the bus's, not the verb's.
        const { v: _version, ...args } = request as { v?: unknown };
        const answer = await runVerb(context, verb, args);
        return answer.ok
          ? { v: 1, ok: true, result: answer.result }
          : refuse(400, answer.code, answer.message);
      },
      onMalformed: ({ where, code, message }) =>
        log('warn', 'payload.malformed', { where, code, message }),
      onFailure: (where, error) => log('error', 'admin.failed', { where, why: String(error) }),
    });
  }
}

function watchClock(opened: Opened, log: Log): NodeJS.Timeout {
  let told: string | null = null;
  const timer = setInterval(() => {
    const held = opened.engine.time.held();
    if (held !== null && held !== told)
      log('error', 'clock.held', { why: held, mend: 'deferred-im clock confirm' });
    told = held;
  }, 1000);
  timer.unref();
  return timer;
}

interface Core {
  readonly opened: Opened;
  readonly bus: Bus;
  readonly publisher: Publisher;
  readonly consumer: Consumer;
  readonly large: LargeMessages | null;
  readonly watch: NodeJS.Timeout;
}

interface Doors {
  readonly admin: AdminServer;
  readonly metrics: MetricsServer;
  /** Null when the configuration asks for none. */
  readonly xcap: XcapServer | null;
}

async function closeService(parts: Core & Doors, log: Log, stored: () => void): Promise<void> {
  await parts.admin.close();
  await parts.xcap?.close();
  await closeCore(parts, () => {
    stored();
    return parts.metrics.close();
  });
  log('info', 'service.closed');
}

async function closeCore(
  core: Core,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  clearInterval(core.watch);
  core.publisher.stop();
  await core.consumer.stop();
  await core.large?.close();
  await core.opened.close();
  await meanwhile();
  await core.bus.close();
}
