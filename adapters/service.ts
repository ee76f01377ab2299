// The service put together: bus, store, large messages, publisher, consumer and the doors, opened in that order and
// closed in the other. Part of the composition root; it decides nothing.
import type { Opened, OutgoingDelivery, OutgoingEffect, RuntimeOptions } from '../runtime/index.js';
import { busOptions } from './bus-options.js';
import type { Config } from './config.js';
import { type Doors, openDoors } from './doors.js';
import { type LargeMessages, largeHooks, openLarge, pushingLarge } from './large.js';
import type { Log } from './log.js';
import {
  type Consumer,
  connectBus,
  createAuditPort,
  type Publisher,
  type Requester,
  type SipCodec,
  startConsumer,
} from './nats/index.js';
import { answering, consumerOptions, startPublisher } from './publishing.js';
import { type Readiness, readinessOf } from './readiness.js';
import { openServed, prepareFolder, type ServiceHooks } from './service-options.js';
import { codecOf } from './sip-codec.js';

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
  const core = await openCore(config, hooks);
  const state = { closing: false, stored: false };
  const readiness = readinessOf({
    closing: () => state.closing,
    progress: () => core.opened.progress(),
    gate: () => core.opened.engine.gate,
    bus: () => core.bus.reason(),
    proxyHeard: () => core.publisher.ready(),
  });
  try {
    const doors = await openDoors(config, hooks, core, readiness);
    const close = () => {
      state.closing = true;
      const stored = () => {
        state.stored = true;
      };
      return closeService({ ...core, ...doors }, hooks.log, stored);
    };
    const stored = () => state.stored;
    const xcapPort = doors.xcap?.port ?? null;
    const { ready } = core;
    return { httpPort: doors.metrics.port, xcapPort, readiness, ready, close, stored };
  } catch (cause) {
    await closeCore(core);
    throw cause;
  }
}

// Everything but the doors: bus, large messages, store, then what joins them.
async function openCore(config: Config, hooks: ServiceHooks): Promise<Core> {
  const { log } = hooks;
  prepareFolder(config);
  const codec = configuredCodec(config);
  const bus = await openBus(config, log);
  let large: LargeMessages | null = null;
  const closeEarly = async (cause: unknown): Promise<never> => {
    await large?.close();
    await bus.close();
    throw cause;
  };
  large = await openLarge(config, log).catch(closeEarly);
  const ways: Ways = { publisher: null, pushLarge: () => {} };
  const audits = config['audit.publish'] ? { audits: createAuditPort(bus) } : {};
  const ports = { effects: effectsOver(ways), ...audits };
  const opened = await openServed(config, hooks, ports).catch(closeEarly);
  const answered = answering(opened, log);
  ways.pushLarge = pushingLarge(large, answered);
  // Damage may be found while the rest is still being started: it waits here to be told, and is never unhandled.
  const ready = opened.ready.then(() =>
    log('info', 'store.ready', { waiting: opened.engine.stats().waiting }),
  );
  ready.catch(() => {});
  const publisher = startPublisher(bus, opened, { codec, answered, log, leg: large?.leg });
  ways.publisher = publisher;
  large?.start(largeHooks(opened, publisher, answered, hooks));
  const consumer = startConsumer(bus, opened.engine, codec, {
    ...consumerOptions(publisher, hooks),
    engineNow: () => opened.engine.time.now(),
  });
  bus.onReady(() => opened.engine.wakeAudits());
  return { opened, bus, publisher, consumer, large, ready, watch: watchClock(opened, log) };
}

const configuredCodec = (config: Config): SipCodec =>
  codecOf({
    draft00: config['report.draft00'],
    serviceIdentity: config['report.serviceIdentity'] ?? null,
    displayNames: config['report.displayNames'],
    recordRoute: config['report.recordRoute'] ?? null,
    trustedRoutes: config['report.trustedRoutes'].map((domain) => domain.toLowerCase()),
  });

const openBus = (config: Config, log: Log): Promise<Requester> =>
  connectBus(busOptions(config), {
    onStatus: (ready, reason, detail) =>
      log(ready ? 'info' : 'warn', 'bus.status', {
        ready,
        reason,
        ...(detail === null ? {} : { detail }),
      }),
    onAlarm: (code, detail) => log('error', 'bus.alarm', { code, detail }),
  });

/** The ways out, which are there only after the store that uses them. */
interface Ways {
  publisher: Publisher | null;
  pushLarge: (effect: OutgoingDelivery) => void;
}

const effectsOver = (ways: Ways): RuntimeOptions['effects'] => ({
  ready: () => ways.publisher?.ready() ?? false,
  send: (effect: OutgoingEffect) => {
    if (effect.type === 'deliver' && effect.message.kind === 'large') ways.pushLarge(effect);
    else ways.publisher?.send(effect);
  },
  queue: (aor: string, forMs: number) => ways.publisher?.queue(aor, forMs),
});

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
  readonly bus: Requester;
  readonly publisher: Publisher;
  readonly consumer: Consumer;
  readonly large: LargeMessages | null;
  readonly ready: Promise<void>;
  readonly watch: NodeJS.Timeout;
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
