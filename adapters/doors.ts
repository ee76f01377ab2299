// The ways in for operators: socket, bus, HTTP, and the deferred-list document for its front. Part of the composition
// root.
import { join, resolve } from 'node:path';
import { exitCodes, type Opened } from '../runtime/index.js';
import { type AdminServer, serveAdmin, type VerbContext } from './admin/index.js';
import { serveAdminSubjects } from './admin-subjects.js';
import type { Config } from './config.js';
import type { LargeMessages } from './large.js';
import type { Log } from './log.js';
import { type MetricsServer, serveMetrics } from './metrics/index.js';
import type { Bus, Consumer, Publisher } from './nats/index.js';
import type { Readiness } from './readiness.js';
import type { ServiceHooks } from './service-options.js';
import { canonicalAor, deferredListType, readAccessRules, writeDeferredList } from './sip/index.js';
import { serveXcap, type XcapServer } from './xcap/index.js';
import { xcapOptions } from './xcap-options.js';

/** Where the admin socket of a data folder is. */
export const adminPath = (folder: string): string => join(resolve(folder), 'admin.sock');

/** What the doors open on. */
export interface Interior {
  readonly opened: Opened;
  readonly bus: Bus;
  readonly publisher: Publisher;
  readonly consumer: Consumer;
  /** Null while they are off. */
  readonly large: Pick<LargeMessages, 'figures'> | null;
}

/** Those that are open. */
export interface Doors {
  readonly admin: AdminServer;
  readonly metrics: MetricsServer;
  /** Null when the configuration asks for none. */
  readonly xcap: XcapServer | null;
}

/** Opens them all, or none: a port or path that is taken refuses the start. */
export async function openDoors(
  config: Config,
  { log, exit }: ServiceHooks,
  { opened, bus, publisher, consumer, large }: Interior,
  readiness: () => Readiness,
): Promise<Doors> {
  const context: VerbContext = { engine: opened.engine, canonicalAor, readAccessRules, readiness };
  const admin = await serveAdmin(adminPath(config.folder), context, (cause) =>
    exit(exitCodes.internal, String(cause)),
  );
  const open: { close(): Promise<void> }[] = [admin];
  try {
    const metrics = await serveMetrics(config['http.address'], config['http.port'], {
      stats: () => opened.engine.stats(),
      readiness,
      virtualNow: () => opened.engine.virtualNow,
      busCounters: () => consumer.counters(),
      large: () => large?.figures() ?? null,
      surroundings: () => ({
        proxies: publisher.liveNodes().length,
        storeFull: opened.engine.gate !== null,
        clockHeld: opened.engine.time.held() !== null,
      }),
    });
    open.unshift(metrics);
    const xcap = await openXcap(config, opened, log);
    if (xcap !== null) open.unshift(xcap);
    serveAdminSubjects(bus, context, log);
    return { admin, metrics, xcap };
  } catch (cause) {
    // Whatever one of them says to that: the others close, and the cause is told.
    await Promise.allSettled(open.map((door) => door.close()));
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
