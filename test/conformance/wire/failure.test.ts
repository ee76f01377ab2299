// What happens on the wire when a part of the chain goes away: the sender hears 503 with
// Retry-After, nothing that was accepted is lost or delivered twice, and service comes back by
// itself. The engine is a process of its own here.
import t, { type Test } from 'tap';
import type { SipAgent, SipAnswer } from '../../../adapters/cli/stage/sip-agent.js';
import { subjects } from '../../../adapters/nats/index.js';
import { startChain } from '../../support/chain.js';
import { command, failed, letter, messagesTo, reported, reportsTo } from './letters.js';
import { bodies, hesitant, relaying, sentinel, store } from './steps.js';

const holdMs = 1000;
const chain = await startChain({ child: true, holdMs, phoneMs: 15_000 });
t.teardown(() => chain.stop());
t.setTimeout(120_000);

function unavailable(t: Test, answer: SipAnswer): void {
  t.equal(answer.status, 503);
  t.equal(answer.local, false, 'the proxy said so');
  t.ok(Number(answer.header('Retry-After')) > 0);
}

t.test('engine stopped: 503, and service comes back by itself', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  await store(chain, alice, bob, kept);
  await chain.stopEngine();
  const refused = letter(alice, bob);
  unavailable(t, await alice.message(refused));
  await bob.register();
  await chain.startEngine();
  await chain.serving();
  t.same(bodies(bob), []);
  // His registration fell into the silence; the refresh tells it again.
  await bob.register();
  await chain.waitUntil('the delivery', () => messagesTo(bob).length > 0);
  // Live, or stored behind the run that has just ended.
  t.match((await alice.message(refused)).status, /^20[02]$/, 'her repetition is taken');
  await chain.waitUntil('her repetition reaches him', () => messagesTo(bob).length > 1);
  t.same(bodies(bob), [kept.body, refused.body]);
});

t.test('engine that stands still longer than the hold: 503, and nothing is stored', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  chain.signalEngine('SIGSTOP');
  const sentMs = Date.now();
  const refused = letter(alice, bob);
  unavailable(t, await alice.message(refused));
  await chain.waitUntil('the hold is over', () => Date.now() > sentMs + 2 * holdMs);
  chain.signalEngine('SIGCONT');
  await chain.serving();
  // Her message lay on the bus all the while; the later one overtakes nothing.
  await store(chain, alice, bob);
  t.equal((await chain.mailbox(bob)).length, 1);
  await bob.message(command({ op: 'delete', ids: 'all' }));
  const last = await sentinel(chain, alice);
  t.notOk(reported(alice, [refused, last]).includes(failed(refused)[0]!), 'never reported');
});

t.test('engine killed between 202 and delivery: delivered once', async (t) => {
  const [alice, bob, other] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const kept = letter(alice, bob);
  const id = await store(chain, alice, bob, kept);
  const short = letter(alice, other, { headers: { Expires: '1' } });
  const shortId = await store(chain, alice, other, short);
  const { expiresAtMs } = (await chain.life(shortId)).message;
  await chain.killEngine();
  await chain.waitUntil('the expiry, while it is down', () => Date.now() > expiresAtMs!);
  await chain.startEngine();
  await chain.serving();
  await bob.register();
  await chain.reaches(id, 'delivered');
  await bob.register();
  await chain.reaches(shortId, 'reported');
  const last = await sentinel(chain, alice);
  t.same(bodies(bob), [kept.body]);
  t.same(reported(alice, [kept, short, last]), failed(short, last), 'C34 and C33: once');
});

t.test('engine killed during a push: the answer is not lost', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  const id = await store(chain, alice, bob, kept);
  const answerPush = hesitant(bob);
  await bob.register();
  await chain.waitUntil('the push', () => messagesTo(bob).length > 0);
  await chain.killEngine();
  answerPush(200);
  await chain.startEngine();
  // The proxy remembers the effect's answer, and gives it to the repetition.
  await chain.reaches(id, 'delivered');
  t.same(bodies(bob), [kept.body]);
  await chain.serving();
});

t.test('C34 expired while the engine is down: reported although nobody speaks', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const short = letter(alice, bob, { headers: { Expires: '1' } });
  const id = await store(chain, alice, bob, short);
  const { expiresAtMs } = (await chain.life(id)).message;
  await chain.killEngine();
  await chain.waitUntil('the expiry, while it is down', () => Date.now() > expiresAtMs!);
  await chain.startEngine();
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [short]), failed(short));
  await chain.serving();
});

t.test('C33 killed between decision and report: reported although nobody speaks', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const owed = letter(alice, bob);
  const id = await store(chain, alice, bob, owed);
  await chain.killNats();
  await chain.admin('messages.expire', { id });
  t.match((await chain.life(id)).state, /^reporting/);
  await chain.killEngine();
  t.same(reportsTo(alice), [], 'decided, not sent');
  await chain.restartNats();
  await chain.startEngine();
  await chain.reaches(id, 'reported');
  await chain.busAgain();
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [owed, last]), failed(owed, last), 'once');
});

t.test('nats-server killed and started again: nothing accepted is lost', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  const id = await store(chain, alice, bob, kept);
  const expiring = letter(alice, await chain.bob());
  await alice.message(expiring);
  await chain.killNats();
  unavailable(t, await alice.message(letter(alice, bob)));
  await chain.admin('messages.expire', { id: (await chain.mailbox(expiring.to))[0]?.deferredId });
  await chain.restartNats();
  await chain.serving();
  await chain.waitUntil('the report that waited', () => reportsTo(alice).length > 0);
  await chain.busAgain();
  const later = letter(alice, bob);
  t.equal((await alice.message(later)).status, 202);
  await bob.register();
  await chain.reaches(id, 'delivered');
  await chain.waitUntil('both', () => messagesTo(bob).length === 2);
  t.same(bodies(bob), [kept.body, later.body]);
  t.same(reported(alice, [kept, expiring, later]), failed(expiring));
});

t.test('Kamailio started again between 202 and delivery: delivered once', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  const id = await store(chain, alice, bob, kept);
  await chain.kamailio.stop();
  await chain.startProxy();
  await chain.serving();
  // Its contacts were in memory: both register anew.
  await alice.register();
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.same(bodies(bob), [kept.body]);
  await bob.register();
  const came = await relaying(chain, alice, bob);
  t.equal(came.filter((one) => one === kept.body).length, 1, 'the one copy of before');
  const live = letter(alice, bob);
  t.equal((await alice.message(live)).status, 200);
  t.same(bodies(bob), [live.body], 'and the first one never again');
});

t.test('malformed SIP does no harm', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob);
  const garbage = [
    '',
    '\r\n\r\n',
    'MESSAGE',
    'MESSAGE sip:bob@example.org SIP/2.0\r\n\r\n',
    'MESSAGE sip:bob@example.org SIP/9.9\r\nVia: x\r\nContent-Length: -1\r\n\r\n',
    `MESSAGE ${'x'.repeat(5000)} SIP/2.0\r\nVia: SIP/2.0/UDP ;;;\r\n\r\n`,
    [
      `MESSAGE ${bob.uri} SIP/2.0`,
      'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1',
      'From: <<<>;tag=\r\nTo: "\r\nCall-ID: \r\nCSeq: x MESSAGE\r\nContent-Length: 999\r\n\r\n\0\0',
    ].join('\r\n'),
    '\0\u00ff\0\u00ff'.repeat(100),
  ];
  for (const text of garbage) alice.sendRaw(Buffer.from(text, 'latin1'));
  const tcp = await chain.agent(alice.user, { transport: 'tcp' });
  for (const text of garbage) tcp.sendRaw(Buffer.from(`${text}\r\n\r\n`, 'latin1'));
  await survives(t, alice, bob, id);
});

t.test('malformed lines on the bus do no harm', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob);
  const blank = Buffer.from('sip:x@example.org').toString('base64');
  const lines = [
    '',
    ' ',
    'v1',
    'v2 n1 1 1 200 - -',
    `v1 n1 ${'9'.repeat(40)} -1 999 x ${blank}`,
    `v1 n1 1 1 202 - ${blank}`,
    'v1 n1 d-aaaaaaaaaaaa-1 aaaaaaaaaaaaaaaaaaaaaaaaaa 200 reply',
    'v1 n1 1 1 0 0 3000 udp 127.0.0.1 5060 - 12\r\nMESSAGE x',
    `v1 n1 d-aaaaaaaaaaaa-1 aaaaaaaaaaaaaaaaaaaaaaaaaa ${blank} - 5 5 !!!! !!!! -`,
    `v1 n1 1 ${'A'.repeat(200_000)}`,
    '\0\xff'.repeat(50),
    '{"v":1}',
  ];
  for (const subject of Object.values(subjects)) {
    for (const line of lines) chain.bus.publish(subject, Buffer.from(line, 'latin1'));
  }
  await chain.bus.flush();
  await survives(t, alice, bob, id);
});

/** All parts do their work as before, with what they had. */
async function survives(t: Test, alice: SipAgent, bob: SipAgent, id: string): Promise<void> {
  t.match(await chain.admin('readiness'), { ready: true, reason: null });
  await chain.serving();
  const second = await store(chain, alice, bob);
  await bob.register();
  await chain.reaches(id, 'delivered');
  await chain.reaches(second, 'delivered');
  t.equal(messagesTo(bob).length, 2);
}
