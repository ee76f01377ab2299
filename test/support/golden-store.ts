// A store of the present format that holds every kind of snapshot an engine leaves behind: each state of the shipped
// policies in which a message rests, a step that failed, and snapshots with regions and with a remembered state. Run as a
// program it writes it to test/fixtures (format-1.json was the first), once for each format: what a released engine wrote is never written anew.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OutgoingEffect, Reply } from '../../runtime/index.js';
import { EngineUnderTest, foundedStore } from './engine.js';
import { cpim, deleted, type MessageChanges, numbered, received, writtenAtMs } from './messages.js';
import { parallel, remembering, unjudged } from './policies.js';
import { repositoryRoot } from './repository.js';
import { MemoryStore, SimulatedClock } from './world.js';

/** A store as it is kept: each row as key, head in hexadecimal digits, payload as text. */
export interface GoldenStore {
  readonly format: number;
  /** The instant at which it was left. */
  readonly nowMs: number;
  readonly messages: readonly GoldenMessage[];
  /** What was on its way, with the identity it must keep. */
  readonly sent: readonly GoldenEffect[];
  readonly rows: readonly (readonly [key: string, head: string, payload: string])[];
}

export interface GoldenMessage {
  readonly name: string;
  readonly deferredId: string;
  readonly aor: string;
  readonly state: string;
  readonly parked: boolean;
}

export type GoldenEffect = Pick<
  OutgoingEffect,
  'effectId' | 'token' | 'callId' | 'fromTag' | 'cseq' | 'type'
> & { readonly imdnMessageId: string | null };

const headOctets = 9;

export const goldenPath = (format: number): string => `test/fixtures/format-${format}.json`;

/** The rows of a kept store, as a store that can be opened. */
export function storeOf(golden: GoldenStore): MemoryStore {
  return new MemoryStore(
    golden.rows.map(([key, head, payload]) => [
      key,
      Buffer.concat([Buffer.from(head, 'hex'), Buffer.from(payload)]),
    ]),
  );
}

export const goldenEffect = (effect: OutgoingEffect): GoldenEffect => {
  const { effectId, token, callId, fromTag, cseq, type } = effect;
  const imdnMessageId = effect.type === 'report' ? effect.imdnMessageId : null;
  return { effectId, token, callId, fromTag, cseq, type, imdnMessageId };
};

/** Drives an engine to every kind of stored snapshot and keeps what it wrote. */
export async function goldenStore(): Promise<GoldenStore> {
  const clock = new SimulatedClock(writtenAtMs);
  const settings = { mailboxMessagesMax: 1, atLimit: 'drop-oldest' } as const;
  const test = await EngineUnderTest.on(foundedStore(), clock, { settings, judge: unjudged });
  const story = new Story(test);
  for (const policy of test.engine.policies()) {
    await activate(test, policy.hash);
    await story.shippedStates(policy.id);
  }
  for (const [name, source] of [
    ['parallel', parallel] as const,
    ['remembering', remembering] as const,
  ])
    await story.ownMachine(name, source);
  const messages = story.messages.map((one) => {
    const life = test.life(one.deferredId);
    return { ...one, state: life.state, parked: life.parked !== null };
  });
  await test.close();
  const { store } = test;
  const format = JSON.parse(textOf(store, '40!S!identity').payload).version as number;
  const rows = store.keys().map((key) => {
    const { head, payload } = textOf(store, key);
    return [key, head, payload] as const;
  });
  const pending = new Set(store.family('o').map((key) => key.split('!').at(-1)));
  const sent = test.effects.distinct.filter((one) => pending.has(one.effectId)).map(goldenEffect);
  return { format, nowMs: clock.now(), messages, sent, rows };
}

function textOf(store: MemoryStore, key: string): { head: string; payload: string } {
  const value = Buffer.from(store.get(key) ?? []);
  const payload = value.subarray(headOctets).toString();
  if (!Buffer.from(payload).equals(value.subarray(headOctets)))
    throw new Error(`${key} does not hold text`);
  return { head: value.subarray(0, headOctets).toString('hex'), payload };
}

const activate = (test: EngineUnderTest, hash: string): Promise<Reply> =>
  test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'test', reason: '' });

type Named = Pick<GoldenMessage, 'name' | 'deferredId' | 'aor'>;

/** One user and one message for each kind of snapshot, so that none waits behind another. */
class Story {
  readonly messages: Named[] = [];

  constructor(private readonly test: EngineUnderTest) {}

  async shippedStates(policy: string): Promise<void> {
    await this.message(`${policy}: stored`);
    await this.message(`${policy}: stored for a day`, { expiresSeconds: 86_400 });
    await this.delivering(`${policy}: delivering`);
    const settled = await this.delivering(`${policy}: a push failed`);
    await this.answer(settled, 'deliver', 480);
    const meanwhile = await this.delivering(`${policy}: deleted while delivering`);
    await this.remove(meanwhile);
    await this.message(`${policy}: dead on arrival`, { expiresSeconds: 0 });
    await this.delivering(`${policy}: registered after expiry`, { expiresSeconds: 0 });
    await this.othersOf(policy);
    await this.reporting(`${policy}: reporting`, null);
    await this.reporting(`${policy}: backing off`, 503);
    await this.reporting(`${policy}: reported`, 200);
    await this.reporting(`${policy}: report refused`, 404);
    await this.answer(await this.delivering(`${policy}: delivered`), 'deliver', 200);
    const quiet = cpim({ dispositions: [], imdnMessageId: `quiet-${policy}` });
    await this.remove(await this.message(`${policy}: dropped`, { cpim: quiet }));
    await this.parked(`${policy}: parked`);
  }

  // States that one policy alone has.
  private async othersOf(policy: string): Promise<void> {
    if (policy !== 'hold-for-operator') return;
    await this.release(await this.message(`${policy}: released`, { expiresSeconds: 0 }));
    const pushed = await this.message(`${policy}: released and pushed`, { expiresSeconds: 0 });
    await this.release(pushed);
    await this.test.register(1, 'sip:user@192.0.2.7', pushed.aor);
    const more = await this.message(`${policy}: extended`, { expiresSeconds: 0 });
    const { deferredId } = more;
    await this.test.submit({ type: 'operator.acted', deferredId, act: 'extend', by: 'test' });
  }

  private async release({ deferredId }: Named): Promise<void> {
    await this.test.submit({ type: 'operator.acted', deferredId, act: 'release', by: 'test' });
  }

  async ownMachine(name: string, source: unknown): Promise<void> {
    const { test } = this;
    const installed = await test.submit({ type: 'policy.installed', source, by: 'test' });
    if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
    await activate(test, installed.hash);
    const one = await this.delivering(`${name}: one event`);
    const evicted = await this.delivering(`${name}: two events`);
    // His mailbox holds one message: a second one asks the first to make room.
    await test.submit(received(numbered(900 + this.messages.length, { aor: evicted.aor })));
    // Whoever opens the store gives nobody a turn of his own accord.
    for (const { aor } of [one, evicted])
      await test.submit({ type: 'recipient.unregistered', aor });
  }

  private async message(name: string, changes: MessageChanges = {}): Promise<Named> {
    const number = this.messages.length + 1;
    const aor = `sip:user${number}@example.org`;
    const from = sender(number);
    const identity = { asserted: from, fromUri: from, fromAor: from, aor, toUri: aor };
    const message = numbered(number, { ...identity, ...changes });
    const deferredId = await this.test.accept(received(message));
    // What is dead on arrival ends by its timer.
    if (changes.expiresSeconds === 0) await this.test.clock.advance(1);
    const named = { name, deferredId, aor };
    this.messages.push(named);
    return named;
  }

  private async delivering(name: string, changes: MessageChanges = {}): Promise<Named> {
    const named = await this.message(name, changes);
    await this.test.register(1, 'sip:user@192.0.2.7', named.aor);
    await this.fetch(named);
    return named;
  }

  // Under a policy that tells him of it he has to ask.
  private async fetch({ deferredId, aor }: Named): Promise<void> {
    const notice = this.test.effects.notices.find((one) => one.aor === aor);
    if (notice === undefined) return;
    await this.test.answer(notice, 200);
    await this.test.submit({ type: 'messages.requested', aor, ids: [deferredId] });
  }

  private async reporting(name: string, status: number | null): Promise<void> {
    const named = await this.message(name);
    await this.remove(named);
    if (status !== null) await this.answer(named, 'report', status);
  }

  private async parked(name: string): Promise<void> {
    const named = await this.message(name);
    const { registry } = this.test.engine;
    const whole = registry.get;
    // A policy that cannot be found is the failure every engine can have.
    registry.get = () => null;
    await this.remove(named);
    registry.get = whole;
  }

  private async remove({ deferredId, aor }: Named): Promise<void> {
    await this.test.submit(deleted([deferredId], aor));
  }

  private async answer({ deferredId }: Named, type: string, status: number): Promise<void> {
    const local = deferredId.slice(0, deferredId.indexOf('@'));
    const mine = (one: OutgoingEffect) => one.type === type && one.effectId.includes(local);
    const effect = this.test.effects.distinct.find(mine);
    if (effect === undefined) throw new Error(`no ${type} of ${deferredId}`);
    await this.test.answer(effect, status);
  }
}

// Each message has its own sender: one report is under way to a target at a time.
const sender = (number: number): string => `sip:alice${number}@example.com`;

async function main(): Promise<void> {
  const golden = await goldenStore();
  const path = join(repositoryRoot, goldenPath(golden.format));
  if (existsSync(path)) throw new Error(`${path} is there: a released format is kept as it is`);
  writeFileSync(path, `${JSON.stringify(golden, null, 1)}\n`);
  process.stdout.write(`${path}: ${golden.messages.length} messages, ${golden.rows.length} rows\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main();
}
