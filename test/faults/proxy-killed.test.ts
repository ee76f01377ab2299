// Kamailio is killed (`kill -9` of all its processes) and started again: it has forgotten contacts,
// transactions and the effects it has sent. What was accepted is delivered or reported; what it
// sends again carries the identity it had.
import t, { type Test } from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import type { SipRequest } from '../../adapters/cli/stage/sip-agent.js';
import { letter, messagesTo, reportsTo } from '../conformance/wire/letters.js';
import { store } from '../conformance/wire/steps.js';
import { startChain } from '../support/chain.js';
import { answered, Flow, nothingLost } from './flow.js';
import { effectsUnderWay } from './under-way.js';

const holdMs = 1000;
const settings = { 'http.port': String(await freePort()) };
const chain = await startChain({ child: true, holdMs, phoneMs: 20_000, settings });
t.teardown(() => chain.stop());
t.setTimeout(100_000);

/** Kills the proxy; everything that happens before it is back happens without it. */
async function withoutProxy(meanwhile: () => Promise<void> | void = () => {}): Promise<void> {
  await chain.killProxy();
  await meanwhile();
  await chain.startProxy();
}

const identity = (message: SipRequest): string =>
  ['Call-ID', 'From'].map((name) => message.header(name)).join(' ');

/** All copies are one message: the same octets of content under one Call-ID and From tag. */
function oneIdentity(t: Test, copies: readonly SipRequest[]): void {
  t.equal(new Set(copies.map(identity)).size, 1);
  t.equal(new Set(copies.map(({ body }) => body.toString())).size, 1);
}

t.test('C20 killed with effects under way: repeated under the same identity', async (t) => {
  const way = await effectsUnderWay(chain);
  // Halted, so that no repetition comes before the phones have told the new proxy where they are.
  chain.signalEngine('SIGSTOP');
  await withoutProxy();
  await way.alice.register();
  await way.bob.register();
  chain.signalEngine('SIGCONT');
  await chain.waitUntil('the report again', () => reportsTo(way.alice).length > 1);
  await chain.waitUntil('the push again', () => messagesTo(way.bob).length > 1);
  way.answer();
  await chain.reaches(way.pushedId, 'delivered');
  await chain.reaches(way.owedId, 'reported');
  oneIdentity(t, reportsTo(way.alice));
  oneIdentity(t, messagesTo(way.bob));
  t.equal(reportsTo(way.alice)[0]?.header('CSeq'), reportsTo(way.alice)[1]?.header('CSeq'));
  t.equal(messagesTo(way.bob)[0]?.body.toString(), way.pushed.body);
});

t.test('killed between 202 and delivery, and while an expiry falls due', async (t) => {
  const [alice, bob, other] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const letters = [1, 2, 3].map(() => letter(alice, bob));
  for (const one of letters) await store(chain, alice, bob, one);
  const short = await store(
    chain,
    alice,
    other,
    letter(alice, other, { headers: { Expires: '1' } }),
  );
  await withoutProxy(() => chain.reaches(short, 'reporting.sending'));
  await alice.register();
  await chain.reaches(short, 'reported');
  await bob.register();
  await chain.waitUntil('all of them', async () => (await chain.mailbox(bob)).length === 0);
  t.same(
    messagesTo(bob).map(({ body }) => body.toString()),
    letters.map(({ body }) => body),
    'each once, in order',
  );
  t.equal(new Set(reportsTo(alice).map(({ body }) => body.toString())).size, 1);
});

t.test('killed while senders are held: they try again and are heard', async (t) => {
  const flow = await Flow.start(chain, 3);
  await flow.flows(chain);
  // A halted engine answers nobody: everyone is held now.
  chain.signalEngine('SIGSTOP');
  await chain.waitUntil('the hold ends for one', () => flow.count(503) > 0);
  await withoutProxy(() => chain.signalEngine('SIGCONT'));
  await chain.serving();
  await flow.flows(chain);
  await flow.stop();
  answered(t, flow.sent, holdMs);
  await nothingLost(t, chain, flow);
  t.equal(await chain.http('/readyz'), 'ready\n');
});

t.test('C20 without a proxy the engine is not ready, and says so', async (t) => {
  const ready = async () => (await chain.http('/readyz')) === 'ready\n';
  await chain.waitUntil('ready', ready);
  await withoutProxy(async () => {
    await chain.waitUntil('the engine notices', async () => !(await ready()));
    t.equal(await chain.http('/readyz'), 'not ready: no proxy is heard\n');
    t.match(await chain.http('/metrics'), /^deferred_im_ready 0$[\s\S]*^deferred_im_proxies 0$/m);
    t.equal(await chain.http('/healthz'), 'ok\n', 'it lives');
  });
  await chain.waitUntil('ready again', ready);
  t.match(await chain.http('/metrics'), /^deferred_im_proxies 1$/m);
});
