// Events for charging and audit (spec chapter 8) behind a real proxy: one for each step, with the charging id of the
// original request days later, and none missing when the process is killed between commit and acknowledgement.
import t from 'tap';
import { subjects } from '../../../adapters/nats/index.js';
import type { AuditEvent } from '../../../runtime/index.js';
import { startChain } from '../../support/chain.js';
import { letter } from './letters.js';
import { store } from './steps.js';

const chain = await startChain({
  child: true,
  settings: { 'audit.publish': 'true', clock: 'virtual', test: 'true' },
});
t.teardown(() => chain.stop());

const heard: AuditEvent[] = [];
let answers = true;
chain.bus.subscribe(subjects.event, {
  callback: (_error, message) => {
    heard.push(message.json<AuditEvent>());
    if (answers) message.respond('taken');
  },
});
await chain.bus.flush();

/** The events of a message by number, in the order in which they were first heard. */
const eventsOf = (id: string): readonly AuditEvent[] => [
  ...new Map(
    heard.filter((one) => one.deferredId === id).map((one) => [one.number, one] as const),
  ).values(),
];

const backlog = async (): Promise<number> =>
  ((await chain.admin('store.stats')) as { readonly auditBacklog: number }).auditBacklog;

const headers = {
  'P-Charging-Vector': 'icid-value="4711.example";icid-generated-at=192.0.2.1;orig-ioi=example.com',
};

t.test('spec 8 one event for each change, with the original charging id days later', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob, letter(alice, bob, { headers }));
  await chain.admin('clock.advance', { seconds: 3 * 86_400 });
  await bob.register();
  await chain.reaches(id, 'delivered');
  await chain.waitUntil('three events', () => eventsOf(id).length === 3);
  const told = eventsOf(id);
  t.same(
    told.map((one) => [one.number, one.reason, one.before, one.after, one.outcome]),
    [
      [1, 'message.received', null, 'stored', null],
      [2, 'recipient.registered', 'stored', 'delivering', null],
      [3, 'delivery.answered', 'delivering', 'delivered', 'delivered'],
    ],
  );
  for (const one of told)
    t.match(one, {
      ...{ sender: alice.uri, recipient: bob.uri, chargingId: '4711.example', kind: 'page' },
      callId: told[0]?.callId,
    });
  t.ok(told[1]!.atMs - told[0]!.atMs >= 3 * 86_400_000);
  await chain.waitUntil('nothing waits', async () => (await backlog()) === 0);
});

t.test('spec 8 an anonymous sender is named to no other system', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { ...headers, Privacy: 'id' } });
  const id = await store(chain, alice, bob, sent);
  await chain.waitUntil('its event', () => eventsOf(id).length === 1);
  t.match(eventsOf(id)[0], { sender: null, chargingId: '4711.example' });
  t.notMatch(JSON.stringify(eventsOf(id)), alice.user);
});

t.test('killed between commit and acknowledgement: every step is told, in order', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  answers = false;
  const id = await store(chain, alice, bob, letter(alice, bob, { headers }));
  await chain.admin('messages.delete', { id, by: 'carol' });
  await chain.reaches(id, 'reported');
  // What is shown may be a moment ahead of its commit, the backlog never is.
  const untaken = async () => (await backlog()) >= 3;
  await chain.waitUntil('intake and life go on although nobody takes them', untaken);
  await chain.waitUntil('the first of them', () => eventsOf(id).length === 1);
  await chain.killEngine();
  heard.length = 0;
  answers = true;
  await chain.startEngine();
  await chain.waitUntil('all of them', () => eventsOf(id).length === 3);
  t.same(
    heard.filter((one) => one.deferredId === id).map((one) => [one.number, one.reason, one.by]),
    [
      [1, 'message.received', null],
      [2, 'message.deleted', 'carol'],
      [3, 'report.answered', null],
    ],
  );
  await chain.waitUntil('nothing waits', async () => (await backlog()) === 0);
});
