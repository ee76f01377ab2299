// The ways in for operators: socket, bus, HTTP, and the deferred-list document for its front. Part of the composition
// root.
import { join, resolve } from 'node:path';
import { schemaChecker } from '../machines/index.js';
import { exitCodes, type Opened } from '../runtime/index.js';
import { type AdminServer, runVerb, serveAdmin, type VerbContext, verbs } from './admin/index.js';
import type { Config } from './config.js';
import type { LargeMessages } from './large.js';
import type { Log } from './log.js';
import { type MetricsServer, serveMetrics } from './metrics/index.js';
import {
  adminSubject,
  type Bus,
  type Consumer,
  type Publisher,
  refuse,
  serveRequests,
} from './nats/index.js';
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

// The same verbs as on the socket, for the operator role of the bus: `messages.list` is `messages-list` there.
function serveAdminSubjects(bus: Bus, context: VerbContext, log: Log): void {
  const anything = schemaChecker({ type: 'object' });
  for (const verb of Object.keys(verbs)) {
    serveRequests<object>(bus, {
      subject: adminSubject(verb.replaceAll('.', '-')),
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
