// F13: every request of the corpus, torture of each kind that RFC 4475 lists among them, goes as a datagram through a
// real Kamailio to the engine. Nobody crashes, every transaction ends, each sender hears what the file beside says, and
// the engine holds as many messages as were answered 202.
import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import { startChain } from '../../support/chain.js';
import { type Sample, samplesOf } from '../../support/corpus.js';

const folder = mkdtempSync(join(tmpdir(), 'deferred-im-torture-'));
const socketPath = join(folder, 'ctl');
const httpPort = String(await freePort());
const chain = await startChain({
  trustLoopback: true,
  settings: { 'http.port': httpPort },
  proxyLines: `loadmodule "ctl.so"\nmodparam("ctl", "binrpc", "unix:${socketPath}")\n`,
});
t.teardown(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What Kamailio says to an order of its control socket. */
async function ask(...order: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('kamcmd', ['-s', `unix:${socketPath}`, ...order]);
  return stdout;
}

/** Numbers of a counter of tm, for instance `current`, the transactions in its memory. */
const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1] ?? Number.NaN);

const repeatMs = 500;

/** Sends one datagram from a port of its own; hears the final answer, or null until it is closed. */
class Sender {
  status: number | null = null;
  readonly #socket = dgram.createSocket('udp4');
  #sentMs = Number.NEGATIVE_INFINITY;

  constructor(readonly sample: Sample) {
    this.#socket.on('message', (octets) => {
      const status = Number(octets.toString('latin1').slice(8, 11));
      if (octets.toString('latin1', 0, 8) === 'SIP/2.0 ' && status >= 200) this.status = status;
    });
  }

  /** Sends it, and again when it was sent half a second ago: where so many come at once a datagram may be lost. */
  send(): void {
    if (performance.now() - this.#sentMs < repeatMs) return;
    this.#sentMs = performance.now();
    this.#socket.send(this.sample.octets, chain.kamailio.port, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }
}

const metric = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`deferred_im_${name} `))
      ?.split(' ')[1],
  );

t.test(
  'F13 C86 torture through Kamailio: no crash, no stuck transaction, counters right',
  async (t) => {
    const before = await ask('core.psx');
    const senders = samplesOf('sip').map((sample) => new Sender(sample));
    t.teardown(() => {
      for (const sender of senders) sender.close();
    });
    const owed = senders.filter(({ sample }) => sample.wire !== null);
    for (const sender of senders) sender.send();
    await chain.waitUntil('every answer', () => {
      const missing = owed.filter((sender) => sender.status === null);
      for (const sender of missing) sender.send();
      return missing.length === 0;
    });
    // What an answer is never owed to has had as long.
    const bob = await chain.bob();
    const last = await (await chain.alice()).message({ to: bob.uri, body: 'after all that' });
    t.equal(last.status, 202, 'the proxy and the engine go on');
    t.strictSame(
      senders.map(({ sample, status }) => `${sample.name}: ${status}`),
      senders.map(({ sample }) => `${sample.name}: ${sample.wire}`),
    );
    const accepted = senders.filter(({ status }) => status === 202).length + 1;
    const metrics = await chain.http('/metrics');
    t.equal(metric(metrics, 'waiting_messages'), accepted);
    t.equal(metric(metrics, 'commands_total{type="message.received"}'), accepted);
    t.notMatch(metrics, 'bus_total{what="failed"}');
    t.equal(metric(metrics, 'parked_messages'), 0);
    t.equal(await ask('core.psx'), before, 'the processes of the proxy are those it began with');
    await chain.waitUntil('the end of every transaction', async () => {
      return numberIn(await ask('tm.stats'), 'current') === 0;
    });
  },
);
