// One engine under traffic until it is told to stop, or its parent is gone: messages that are delivered, fail and come
// again, are deleted, fetched, or expire and are reported. Once a second it tells its memory. At the end nothing may be
// under way, and every message must have its end; else it says so and ends with 1.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Effect, openEngine } from '../../adapters/compose.js';
import { aliceWrites } from '../adapters/cli/command.js';
import type { Sample } from './memory.js';

const folder = mkdtempSync(join(tmpdir(), 'deferred-im-soak-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const bob = 'sip:bob@example.org';
const expiresSeconds = 1;
// One sender alone would get a report a second, and the others would wait in the outbox.
const senders = 500;

// Every third push of a message finds nobody at first.
async function answer(effect: Effect): Promise<void> {
  const busy = effect.type === 'deliver' && effect.cseq === 1 && accepted % 3 === 0;
  await engine.outcome(effect.effectId, effect.token, busy ? 480 : 200);
}

const engine = await openEngine({
  folder: join(folder, 'store'),
  host: 'store.example.org',
  onEffect: (effect) => void answer(effect).catch(() => {}),
});

let written = 0;
let accepted = 0;
let stopping = false;
const stop = () => {
  stopping = true;
};
process.on('message', stop);
process.on('disconnect', stop);

async function write(): Promise<string> {
  written += 1;
  const sender = `sip:alice${written % senders}@example.com`;
  const letter = aliceWrites(`soak-${written}`, 'x'.repeat(500), expiresSeconds, sender);
  const reply = await engine.submit(letter, { asserted: sender });
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
  accepted += 1;
  return reply.deferredId;
}

/** One round of everything that becomes of messages. */
async function round(): Promise<void> {
  const ids = await Promise.all(Array.from({ length: 8 }, write));
  await engine.remove(bob, ids.slice(0, 2));
  await engine.retrieve(bob, ids[2] as string)?.confirm();
  const contact = { contact: 'sip:bob@192.0.2.4', expiresAtMs: Date.now() + 60_000, features: [] };
  if (accepted % 16 === 0) await engine.registered(bob, [contact]);
  else await engine.unregistered(bob);
}

function tell(): void {
  const sample: Sample = { atMs: Date.now(), rssOctets: process.memoryUsage().rss, accepted };
  if (process.connected) process.send?.(sample);
}

const telling = setInterval(tell, 1000);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
do {
  await round();
  await pause(100);
} while (!stopping);
clearInterval(telling);
tell();

// What still waits expires, is reported, and is answered.
for (let turn = 0; turn < 100 && unfinished() > 0; turn += 1) await pause(100);
const left = unfinished();
await engine.close();
if (left > 0) process.stderr.write(`${left} messages or effects have no end\n`);
process.exit(left > 0 ? 1 : 0);

function unfinished(): number {
  const { waiting, parked, outbox } = engine.runtime.stats();
  return waiting + parked + outbox;
}
