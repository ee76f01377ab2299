// /metrics in the Prometheus text format, /healthz (the process lives) and /readyz (it serves, or
// why not), on a loopback port. Nothing here names a user or a message.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RuntimeStats } from '../../runtime/index.js';

export interface MetricsSource {
  readonly stats: () => RuntimeStats;
  readonly readiness: () => { readonly ready: boolean; readonly reason: string | null };
  /** What lies outside the store and makes service worse, or impossible. */
  readonly surroundings: () => {
    /** Proxies that answered one of the last beats. */
    readonly proxies: number;
    readonly storeFull: boolean;
    readonly clockHeld: boolean;
  };
  /** Where a virtual clock stands, epoch milliseconds; null with the host's. */
  readonly virtualNow?: () => number | null;
  /** Large messages; null while they are off. */
  readonly large?: () => LargeFigures | null;
  /** Counters of the bus adapter, by name. */
  readonly busCounters: () => Readonly<Record<string, number>>;
}

/** Large messages in numbers. */
export interface LargeFigures {
  /** Sessions under way, in both directions. */
  readonly sessions: number;
  /** Octets over MSRP, by direction. */
  readonly octets: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a loopback address. Rejects when the port is taken. */
export async function serveMetrics(
  address: string,
  port: number,
  source: MetricsSource,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const [path = '/'] = (request.url ?? '/').split('?');
    const [status, type, body] = reading ? answer(path, source) : onlyReading;
    response.writeHead(status, { 'content-type': type, connection: 'close' }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const plain = 'text/plain; charset=utf-8';
const onlyReading = [405, plain, 'only GET and HEAD\n'] as const;

function answer(path: string, source: MetricsSource): readonly [number, string, string] {
  if (path === '/healthz') return [200, plain, 'ok\n'];
  if (path === '/metrics')
    return [200, 'text/plain; version=0.0.4; charset=utf-8', metricsText(source)];
  if (path !== '/readyz') return [404, plain, 'known: /metrics /healthz /readyz\n'];
  const { ready, reason } = source.readiness();
  const clock = clockText(source.virtualNow?.() ?? null);
  return ready
    ? [200, plain, `ready${clock}\n`]
    : [503, plain, `not ready: ${reason ?? 'unknown'}${clock}\n`];
}

const clockText = (atMs: number | null): string =>
  atMs === null ? '' : `, virtual clock at ${new Date(atMs).toISOString()}`;

type Labelled = Readonly<Record<string, number>>;

/** The whole exposition. */
export function metricsText(source: MetricsSource): string {
  const stats = source.stats();
  const { proxies, storeFull, clockHeld } = source.surroundings();
  return [
    gauge('ready', 'Whether the engine serves.', source.readiness().ready ? 1 : 0),
    gauge('proxies', 'Proxies heard in the last ten seconds.', proxies),
    gauge(
      'store_full',
      'Whether the volume is short of space and nothing new is stored.',
      +storeFull,
    ),
    gauge('clock_held', 'Whether expiries wait for somebody to confirm the clock.', +clockHeld),
    ...virtualClock(source.virtualNow?.() ?? null),
    gauge('waiting_messages', 'Messages in mailboxes.', stats.waiting),
    gauge('parked_messages', 'Messages in quarantine.', stats.parked),
    gauge('outbox_effects', 'Effects without an outcome, in memory.', stats.outbox),
    gauge('audit_backlog', 'Audit events that nobody has taken.', stats.auditBacklog ?? 0),
    gauge('timer_lag_seconds', 'How late the last timer fired.', stats.timerLagMs / 1000),
    gauge('group_commands', 'Commands in the last group.', stats.lastGroupSize),
    gauge('sync_seconds', 'Duration of the last synced commit.', stats.lastSyncMs / 1000),
    counter('commits_total', 'Groups written.', stats.commits),
    family('commands_total', 'Commands submitted.', 'type', stats.commands),
    family('effects_total', 'Effects handed to the bus.', 'type', stats.effectsSent),
    family('outcomes_total', 'Messages that came to an end.', 'outcome', stats.outcomes),
    family('events_total', 'Curiosities worth a look.', 'event', stats.events),
    family(
      'audit_events_total',
      'Audit events, by what became of them.',
      'what',
      stats.audits ?? {},
    ),
    family('bus_total', 'What was heard on the bus and thrown away.', 'what', source.busCounters()),
    ...largeMessages(source.large?.() ?? null),
  ].join('');
}

const virtualClock = (atMs: number | null): readonly string[] =>
  atMs === null
    ? []
    : [gauge('virtual_clock_seconds', 'Where the virtual clock of a test stands.', atMs / 1000)];

const largeMessages = (figures: LargeFigures | null): readonly string[] =>
  figures === null
    ? []
    : [
        gauge('large_sessions', 'Sessions of large messages under way.', figures.sessions),
        family('large_octets_total', 'Octets over MSRP.', 'direction', figures.octets),
        family('large_total', 'What came of large messages.', 'what', figures.events),
      ];

const head = (name: string, help: string, type: string): string =>
  `# HELP deferred_im_${name} ${help}\n# TYPE deferred_im_${name} ${type}\n`;

const gauge = (name: string, help: string, value: number): string =>
  `${head(name, help, 'gauge')}deferred_im_${name} ${value}\n`;

const counter = (name: string, help: string, value: number): string =>
  `${head(name, help, 'counter')}deferred_im_${name} ${value}\n`;

function family(name: string, help: string, label: string, values: Labelled): string {
  const lines = Object.entries(values).map(
    ([key, value]) => `deferred_im_${name}{${label}="${key}"} ${value}\n`,
  );
  return head(name, help, 'counter') + lines.join('');
}
