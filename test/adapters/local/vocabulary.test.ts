// Words of a program's own through the door of the library: its policy passes the gate, is installed and activated, and
// messages live by it; one whose own action breaks a promise is refused there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Effect,
  type OwnVocabulary,
  openEngine,
  policySchemaFor,
} from '../../../adapters/compose.js';
import { changed, type Loose } from '../../support/policies.js';
import { aliceWrites } from '../cli/command.js';

const vocabulary: OwnVocabulary = {
  guards: {
    inTier: {
      meaning: 'The sender belongs to this tier.',
      params: { tier: { kind: 'choice', values: ['gold', 'plain'] } },
      reads: 'message',
      holds: ({ fromUri }, { tier }) => fromUri.endsWith('@gold.example.com') === (tier === 'gold'),
    },
    wasHeld: { meaning: 'It was held before.', reads: 'marks', holds: ({ held }) => held === true },
  },
  actions: {
    hold: { meaning: 'Remember that it was held.', sets: () => ({ marks: { held: true } }) },
    // As `noteEnding` with `withdrawn`: nobody is told any more.
    hush: { meaning: 'Nobody is told.', sets: () => ({ ending: 'withdrawn' }) },
  },
};

/** Deleted messages of gold senders are reported as ever; of others it is remembered that they were there. */
const tiered = (action = 'hold') =>
  changed((policy: Loose) => {
    policy.machine.states.stored.on['message.deleted'] = [
      { guard: { type: 'inTier', params: { tier: 'gold' } }, target: 'deleted-by-user' },
      { target: 'deleted-by-user', actions: action },
    ];
  });

async function open(t: Test, policies: readonly unknown[]) {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-own-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.watermark`, { recursive: true, force: true });
  });
  const effects: Effect[] = [];
  const onEffect = (effect: Effect) => void effects.push(effect);
  const engine = await openEngine({
    folder,
    host: 'store.example.org',
    vocabulary,
    policies,
    onEffect,
  });
  t.teardown(() => engine.close());
  return { engine, effects };
}

t.test('a policy of own words is installed, activated, and messages live by it', async (t) => {
  const { engine, effects } = await open(t, [tiered()]);
  const [active] = engine.runtime.policies().filter((one) => one.active);
  t.equal(engine.runtime.registry.active.hash, active?.hash);
  for (const [name, from] of [
    ['plain', 'sip:alice@example.com'],
    ['gold', 'sip:alice@gold.example.com'],
  ] as const) {
    const letter = aliceWrites(name, 'text', 3600, from);
    const reply = await engine.submit(letter, { asserted: from });
    if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
    const removed = await engine.remove('sip:bob@example.org', [reply.deferredId]);
    t.match(removed, [{ status: 200 }]);
    const context = engine.actor(reply.deferredId).getSnapshot()?.context as Loose;
    t.strictSame(context.marks, name === 'plain' ? { held: true } : undefined, name);
  }
  t.strictSame(
    effects.map(({ type }) => type),
    ['report', 'report'],
  );
});

t.test('the same gate: an own action that breaks a promise keeps its policy out', async (t) => {
  const { engine } = await open(t, [tiered()]);
  const before = engine.runtime.registry.active.hash;
  const reply = await engine.activate(tiered('hush'), 'anna', 'quiet');
  t.match(reply, {
    ...{ kind: 'refused', code: 'policy-refused' },
    reason: /a report is owed, and none was sent.*Shown by: message.received, message.deleted/,
  });
  t.equal(engine.runtime.registry.active.hash, before, 'nothing has changed');
  await t.rejects(open(t, [tiered('hush')]), { code: 'DEFERRED_IM_POLICY_INVALID' });
  await t.rejects(open(t, [tiered('unheard')]), { message: /There is no action "unheard"/ });
});

t.test('the schema for its editor knows the words', async (t) => {
  const text = JSON.stringify(policySchemaFor(vocabulary));
  t.match(text, 'The sender belongs to this tier.');
  t.notMatch(JSON.stringify(policySchemaFor()), 'inTier');
});
