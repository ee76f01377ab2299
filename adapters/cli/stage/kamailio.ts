// Starts a real Kamailio with adapters/kamailio/proxy.cfg on free loopback ports, from a generated main file that
// holds ports, node, domain and accounts. Invariant: only hashes of passwords reach the file.
// Knows the parameters of proxy.cfg, nothing about messages.
import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, freePort, startAgain, startChild, waitFor } from './child.js';

export interface KamailioOptions {
  readonly natsUrl: string;
  /** User name → password. */
  readonly users: Readonly<Record<string, string>>;
  /** Name of this node on the bus; `n1` by default. */
  readonly node?: string;
  /** `example.org` by default. */
  readonly domain?: string;
  readonly port?: number;
  /** How long a sender is held for the engine's answer; 3000 by default. */
  readonly holdMs?: number;
  /** How long a phone may be silent; 3000 by default. */
  readonly phoneMs?: number;
  /** Benchmarks: senders on loopback are believed without a digest. */
  readonly trustLoopback?: boolean;
  /** Benchmarks: answers 202 without storing. */
  readonly noStore?: boolean;
  /** 256 by default. */
  readonly sharedMemoryMib?: number;
  /** Tests: lines of configuration for the end of the main file. */
  readonly moreLines?: string;
  /** Another main file than proxy.cfg, for tests of the include file. */
  readonly mainFile?: (values: KamailioValues) => string;
}

/** What a main file needs to know. */
export interface KamailioValues {
  readonly port: number;
  readonly innerPort: number;
  readonly node: string;
  readonly domain: string;
  readonly natsUrl: string;
  /** `#!substdef` lines for all of these. */
  readonly defines: string;
  /** `event_route[htable:mod-init]` with the accounts, for the end of the file. */
  readonly accounts: string;
  /** Absolute path of deferred-im.cfg. */
  readonly include: string;
}

export interface Kamailio {
  readonly port: number;
  readonly innerPort: number;
  readonly node: string;
  readonly domain: string;
  readonly pid: number;
  /** Resolves when the proxy hears the engine's beat and would store. */
  storeReady(timeoutMs?: number): Promise<void>;
  log(): string;
  /** Sends a signal to all processes of this Kamailio. */
  kill(signal: NodeJS.Signals): void;
  /** Ends it; the segmentation fault of 5.6.3 at this moment is expected. */
  stop(): Promise<void>;
}

const here = (name: string): string =>
  fileURLToPath(new URL(`../../kamailio/${name}`, import.meta.url));

/** Starts Kamailio and resolves when it answers OPTIONS. */
export function startKamailio(options: KamailioOptions): Promise<Kamailio> {
  return startAgain(() => startOnce(options));
}

async function startOnce(options: KamailioOptions): Promise<Kamailio> {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-kamailio-'));
  try {
    return await startIn(folder, options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: string, options: KamailioOptions): Promise<Kamailio> {
  const values = await valuesOf(options);
  const file = join(folder, 'kamailio.cfg');
  writeFileSync(file, (options.mainFile ?? proxyFile(options))(values));
  const memory = String(options.sharedMemoryMib ?? 256);
  const args = ['-f', file, '-DD', '-E', '-m', memory, '-M', '16', '-w', folder, '-Y', folder];
  const child = startChild('kamailio', args, join(folder, 'kamailio.log'));
  await waitFor('kamailio', () => answers(values.port, 'ping', 200), 8000, child).catch(
    async (error) => {
      await child.stop();
      throw error;
    },
  );
  return proxyOf(child, values, folder);
}

function proxyOf(child: Child, values: KamailioValues, folder: string): Kamailio {
  const { port, innerPort, node, domain } = values;
  return {
    port,
    innerPort,
    node,
    domain,
    pid: child.pid,
    storeReady: (timeoutMs = 8000) =>
      waitFor('the store behind kamailio', () => answers(port, 'deferred', 200), timeoutMs, child),
    log: () => child.tail(),
    kill: (signal) => child.kill(signal),
    stop: async () => {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function valuesOf(options: KamailioOptions): Promise<KamailioValues> {
  const domain = options.domain ?? 'example.org';
  const node = options.node ?? 'n1';
  const port = options.port ?? (await freePort());
  const innerPort = await freePort();
  const { natsUrl } = options;
  const pairs: readonly (readonly [string, string | number | undefined])[] = [
    ['PROXY_PORT', port],
    ['DEFERRED_IM_INNER_PORT', innerPort],
    ['DEFERRED_IM_NODE', node],
    ['DEFERRED_IM_DOMAIN', domain],
    ['DEFERRED_IM_NATS_URL', natsUrl],
    ['DEFERRED_IM_HOLD_MS', options.holdMs],
    ['DEFERRED_IM_PHONE_MS', options.phoneMs],
  ];
  const defines = pairs
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `#!substdef "!${name}!${value}!g"\n`)
    .join('');
  const accounts = accountsOf(options.users, domain);
  const include = here('deferred-im.cfg');
  return { port, innerPort, node, domain, natsUrl, defines, accounts, include };
}

function proxyFile(options: KamailioOptions): (values: KamailioValues) => string {
  const switches = [
    options.trustLoopback === true ? '#!define PROXY_TRUST_LOOPBACK\n' : '',
    options.noStore === true ? '#!define PROXY_NO_STORE\n' : '',
  ].join('');
  return ({ defines, accounts }) =>
    `#!KAMAILIO\n${defines}${switches}include_file "${here('proxy.cfg')}"\n${options.moreLines ?? ''}${accounts}`;
}

function accountsOf(users: Readonly<Record<string, string>>, domain: string): string {
  const lines = Object.entries(users).map(([name, password]) => {
    // The name becomes a key in a configuration file: nothing that could end the key may stand in it.
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw new TypeError(`unusable user name: ${name}`);
    const hash = createHash('md5').update(`${name}:${domain}:${password}`).digest('hex');
    return `    $sht(users=>${name}) = "${hash}";\n`;
  });
  return `event_route[htable:mod-init] {\n${lines.join('')}}\n`;
}

/** One OPTIONS over UDP; true when this status comes back within 300 ms. */
function answers(port: number, user: string, status: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const done = (result: boolean): void => {
      clearTimeout(patience);
      socket.close(() => resolve(result));
    };
    const patience = setTimeout(() => done(false), 300);
    socket.on('error', () => undefined);
    socket.once('message', (octets) => {
      done(octets.toString('latin1').startsWith(`SIP/2.0 ${status} `));
    });
    socket.bind(0, '127.0.0.1', () => {
      const text = optionsRequest(port, user, socket.address().port);
      socket.send(text, port, '127.0.0.1');
    });
  });
}

function optionsRequest(port: number, user: string, own: number): string {
  const id = `${own}-${performance.now()}`;
  return [
    `OPTIONS sip:${user}@127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK-${id};rport`,
    `From: <sip:stage@127.0.0.1>;tag=${own}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${id}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 5',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
