// What holds for a message in a MESSAGE holds for one that comes by a session: the charging id, the settings about report
// requests and about the way back of notifications, and what its operator is told of an envelope that says nothing. And the
// engine connects to no place but those that are allowed.
import t from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import { subjects } from '../../../adapters/nats/index.js';
import type { AuditEvent } from '../../../runtime/index.js';
import { bring, LargePhone, largeLetter, largeTag, startLargeChain } from './large-parts.js';
import { failed, reported } from './letters.js';
import { sentinel } from './steps.js';

const route = 'sip:deferred@example.org';
const chain = await startLargeChain({
  child: true,
  settings: {
    'http.port': String(await freePort()),
    'audit.publish': 'true',
    'report.draft00': 'true',
    'report.recordRoute': route,
    'msrp.networks': '192.0.2.0/24',
  },
});
t.teardown(() => chain.stop());

t.test('spec 8 the charging id of the INVITE stands in the events of its message', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const heard: AuditEvent[] = [];
  chain.bus.subscribe(subjects.event, {
    callback: (_error, message) => {
      heard.push(message.json<AuditEvent>());
      message.respond('taken');
    },
  });
  await chain.bus.flush();
  const vector = 'icid-value="4712.example";icid-generated-at=192.0.2.1;orig-ioi=example.com';
  const id = await bring(chain, alice, bob, largeLetter(alice, bob, 3000), {
    headers: { 'P-Charging-Vector': vector },
  });
  await chain.waitUntil('its event', () => heard.some((one) => one.deferredId === id));
  const told = heard.find((one) => one.deferredId === id);
  t.match(told, { kind: 'large', chargingId: '4712.example', sender: alice.uri });
});

t.test('C40 the draft-00 form asks where the switch is on: large', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000);
  const body = sent.body
    .replace('NS: imdn <urn:ietf:params:imdn>\r\n', '')
    .replaceAll(/^imdn\./gm, '');
  const id = await bring(chain, alice, bob, { ...sent, body });
  await chain.admin('messages.expire', { id });
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(sent, last));
});

t.test(
  'C86 an envelope that cannot be read is kept, and the operator is told: large',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 3000);
    const body = sent.body.replaceAll('\r\n', '\n');
    const id = await bring(chain, alice, bob, { ...sent, body });
    t.equal((await chain.life(id)).state, 'stored');
    const lines = () => chain.engineLog().split('\n');
    const told = await chain.waitUntil('the line', () =>
      lines().find((line) => line.includes('cpim.unreadable')),
    );
    t.match(JSON.parse(told), { level: 'warn', code: 'bare-lf', offset: Number });
    t.match(await chain.http('/metrics'), 'deferred_im_large_total{what="unreadable"} 1');
  },
);

t.test('spec 6.7 a large message that asks for notifications names the way back', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000, { asks: 'positive-delivery' });
  const id = await bring(chain, alice, bob, sent);
  const phone = new LargePhone(t, bob, 'active');
  await bob.register(600, largeTag);
  await chain.reaches(id, 'delivered');
  const line = `imdn.IMDN-Record-Route: <${route}>\r\n`;
  t.ok(phone.content().includes(line));
  t.equal(phone.content().replace(line, ''), sent.body, 'and nothing else changes');
});

t.test('X17 a phone has the engine connect to no place the operator has not named', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000);
  const id = await bring(chain, alice, bob, sent);
  const phone = new LargePhone(t, bob, 'none');
  await bob.register(600, largeTag);
  const answered = async () =>
    (await chain.life(id)).trail.filter(({ event }) => event === 'delivery.answered');
  await chain.waitUntil('the refusal', async () => (await answered()).length === 1);
  t.match(await answered(), [{ status: 480 }], 'as any push that came to nothing');
  t.equal((await chain.life(id)).state, 'stored');
  t.same([phone.calls.length, phone.peers.length], [1, 0]);
  t.match(await chain.http('/metrics'), 'deferred_im_large_total{what="forbidden"} 1');
  await bob.unregister();
  const able = new LargePhone(t, await chain.agent(bob.user), 'active');
  await able.agent.register(600, largeTag);
  await chain.reaches(id, 'delivered');
});
