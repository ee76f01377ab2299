// A11 on a real store: what is above a limit is refused, leaves no row, and is neither copied nor kept. The limit itself is
// still accepted, octet for octet.
import { join } from 'node:path';
import t from 'tap';
import { openEngine } from '../../adapters/compose.js';
import { limits } from '../../runtime/index.js';
import { temporaryFolder } from '../adapters/cli/command.js';

const from = { asserted: 'sip:alice@example.com' };
const bob = 'sip:bob@example.org';
const mebibyte = 1024 * 1024;

/** A MESSAGE with a body of so many octets, and a header block made longer by so many. */
function message(bodyOctets: number, more = 0): Buffer {
  const head = [
    `MESSAGE ${bob} SIP/2.0`,
    'Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776sgdkse',
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=49583',
    `To: <${bob}>`,
    `Call-ID: ${bodyOctets}-${more}@pc33.example.com`,
    'CSeq: 1 MESSAGE',
    ...(more === 0 ? [] : [`X-Long: ${'h'.repeat(more)}`]),
    'Content-Type: text/plain',
    `Content-Length: ${bodyOctets}`,
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bodyOctets, 'x')]);
}

t.test('A11 what is too large is refused, stores nothing and costs no memory', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const engine = await openEngine({ folder, onEffect: () => {} });
  const commits = engine.runtime.stats().commits;
  const sizes: readonly (readonly [number, number])[] = [
    [limits.bodyOctetsMax + 1, 0],
    [10, limits.headerOctetsMax],
    [16 * mebibyte, 0],
    [10, 16 * mebibyte],
  ];
  const { rss } = process.memoryUsage();
  let peak = 0;
  for (const [body, more] of sizes) {
    const octets = message(body, more);
    // All at once: whoever copied or queued them would need 800 MiB for the large ones.
    const replies = Array.from({ length: 50 }, () => {
      const reply = engine.submit(octets, from);
      peak = Math.max(peak, process.memoryUsage().rss);
      return reply;
    });
    for (const reply of await Promise.all(replies))
      if (reply.kind !== 'refused' || reply.status !== 413) t.fail(JSON.stringify(reply));
  }
  t.ok(peak - rss < 256 * mebibyte, `${Math.round((peak - rss) / mebibyte)} MiB more at most`);
  t.same((await engine.list(bob)).messages, []);
  t.equal(engine.runtime.stats().commits, commits, 'nothing was written');

  const largest = message(limits.bodyOctetsMax);
  const reply = await engine.submit(largest, from);
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
  t.same(engine.retrieve(bob, reply.deferredId)?.octets, largest, 'the limit itself passes');
  await engine.close();
});
