// What becomes of a large message by what the phone says to its call (spec 3.2), and that live ones stay behind it
// (spec 3.4): real INVITEs to a real agent, over MSRP.
import t, { type Test } from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { MsrpPeer, messageSdp } from '../../support/msrp-peer.js';
import {
  bring,
  LargePhone,
  largeLetter,
  largeTag,
  openSession,
  refusal,
  startLargeChain,
} from './large-parts.js';
import { failed, type Letter, messagesTo, reported } from './letters.js';
import { lapsed, store } from './steps.js';

const chain = await startLargeChain({ settings: { 'http.port': String(await freePort()) } });
t.teardown(() => chain.stop());

interface Waiting {
  readonly alice: SipAgent;
  readonly bob: SipAgent;
  readonly phone: LargePhone;
  readonly sent: Letter;
  readonly id: string;
}

/** A large message waits for somebody whose phone refuses calls by a status, or by its description. */
async function refusing(t: Test, status: number | null, sdpLines: string[] = []): Promise<Waiting> {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000);
  const id = await bring(chain, alice, bob, sent);
  const phone = new LargePhone(t, bob, 'none');
  phone.refusing = status;
  if (sdpLines.includes('a=inactive')) phone.direction = 'inactive';
  else phone.sdpLines = sdpLines;
  await bob.register(600, largeTag);
  return { alice, bob, phone, sent, id };
}

const answered = async (id: string) =>
  (await chain.life(id)).trail.filter(({ event }) => event === 'delivery.answered');

// Of a 503 the proxy makes 500 (RFC 3261 section 16.7), which is passing as well.
for (const status of [408, 480, 486, 491, 500]) {
  t.test(`spec 3.2 C54 a call refused by ${status} is tried again at a refresh`, async (t) => {
    const { alice, bob, phone, sent, id } = await refusing(t, status);
    await chain.waitUntil('the refusal', async () => (await answered(id)).length === 1);
    t.match(await answered(id), [{ status }]);
    t.equal((await chain.life(id)).state, 'stored');
    phone.refusing = null;
    await bob.register(600, largeTag);
    await chain.reaches(id, 'delivered');
    t.equal(phone.calls.length, 2);
    t.equal(phone.content(), sent.body);
    t.same(reported(alice, [sent]), []);
  });
}

const unsuitable: readonly [
  name: string,
  status: number,
  refuses: number | null,
  lines: string[],
][] = [
  ['413', 413, 413, []],
  ['415', 415, 415, []],
  ['488', 488, 488, []],
  ['404', 404, 404, []],
  ['a description for smaller messages', 413, null, ['a=max-size:10']],
  ['a description that receives nothing', 488, null, ['a=inactive']],
];
for (const [name, status, refuses, lines] of unsuitable) {
  t.test(`spec 3.2 C95 a call refused by ${name} waits for another device`, async (t) => {
    const { bob, phone, sent, id } = await refusing(t, refuses, lines);
    await chain.waitUntil('the refusal', async () => (await answered(id)).length === 1);
    t.match(await answered(id), [{ status }]);
    t.equal((await chain.life(id)).state, 'stored');
    await bob.register(600, largeTag);
    const other = await chain.agent(bob.user);
    const able = new LargePhone(t, other, 'none');
    await bob.unregister();
    await other.register(600, largeTag);
    await chain.reaches(id, 'delivered');
    t.equal(phone.calls.length, 1, 'a refresh is no other device');
    t.equal(able.content(), sent.body);
  });
}

t.test('spec 3.2 C53 a call refused by 603 is final: removed, reported once', async (t) => {
  const { alice, bob, phone, sent, id } = await refusing(t, 603);
  await chain.reaches(id, 'reported');
  t.match(await answered(id), [{ status: 603 }]);
  t.same(reported(alice, [sent]), failed(sent));
  t.same(await chain.mailbox(bob), []);
  await bob.register(600, largeTag);
  const small = await bring(chain, alice, await chain.bob(), largeLetter(alice, bob, 2000));
  t.ok(small);
  t.equal(phone.calls.length, 1);
});

t.test(
  'spec 3.4 a live session stays behind a large message that is being delivered',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const letters = ['stored', 'live'].map((name) =>
      largeLetter(alice, bob, 3000, { subject: name }),
    );
    const first = await bring(chain, alice, bob, letters[0]!);
    let go: () => void = () => undefined;
    const phone = new LargePhone(t, bob, 'none', (peer: MsrpPeer) => {
      if (phone.peers.length > 0) return;
      peer.onRequest = (frame) => {
        go = () => peer.respond(frame, '200 OK');
      };
    });
    await bob.register(600, largeTag);
    await chain.waitUntil(
      'the message is at the phone',
      () => (phone.peers[0]?.frames.length ?? 0) > 0,
    );
    // He wants nothing kept while he is away: he is not.
    await chain.ask('preferences', { asserted: bob.uri, set: { deferral: 'off' } });
    const second = await bring(chain, alice, bob, letters[1]!);
    t.not(second, first);
    t.equal(phone.calls.length, 1, 'she was answered in his place');
    go();
    for (const id of [first, second]) await chain.reaches(id, 'delivered');
    t.same(
      [phone.content(0), phone.content(1)],
      letters.map(({ body }) => body),
    );
  },
);

t.test(
  'C63 a lapsed registration counts as offline: a session is answered in his place',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const phone = new LargePhone(t, bob, 'none');
    await lapsed(chain, bob, () => bob.register(1, largeTag));
    const id = await bring(chain, alice, bob, largeLetter(alice, bob, 2000));
    t.equal((await chain.life(id)).state, 'stored');
    t.equal(phone.calls.length, 0);
  },
);

t.test('C62 an empty mailbox calls nobody', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const phone = new LargePhone(t, bob, 'none');
  await bob.register(600, largeTag);
  // What is stored and delivered afterwards shows that the return was heard.
  const other = await chain.bob();
  const id = await store(chain, alice, other);
  await other.register();
  await chain.reaches(id, 'delivered');
  t.equal(phone.calls.length, 0);
  t.equal(messagesTo(bob).length, 0);
});

t.test(
  'spec 4.2 a large message fetched over SIP comes by a session to a phone that takes it',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    await chain.ask('preferences', { asserted: bob.uri, set: { delivery: 'notice' } });
    const sent = largeLetter(alice, bob, 250_000);
    const id = await bring(chain, alice, bob, sent);
    const phone = new LargePhone(t, bob, 'none');
    await bob.register(600, largeTag);
    // He fetches what he was told of: by then the store knows his device.
    await chain.waitUntil('the notice', () => bob.received.length > 0);
    const got = await chain.ask<object>('retrieve', { asserted: bob.uri, ids: [id] });
    t.match(got, { token: null, messages: [{ id, status: 413, reason: /over SIP.*session/ }] });
    t.equal((await chain.life(id)).state === 'delivered', false, 'told, not retrieved');
    const body = JSON.stringify({ v: 1, op: 'retrieve', ids: [id] });
    const contentType = 'application/vnd.deferred-im.command+json';
    const asked = await bob.message({ to: 'sip:deferred@example.org', contentType, body });
    t.equal(asked.status, 202);
    await chain.reaches(id, 'delivered');
    t.equal(phone.content(), sent.body, 'octet for octet');
  },
);

t.test('metrics tell of sessions and octets, and what came of them', async (t) => {
  const figures = async () => {
    const text = await chain.http('/metrics');
    const of = (name: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`deferred_im_large_${name} `))
          ?.split(' ')[1],
      );
    const events = ['taken', 'refused', 'stored', 'aborted', 'called', 'delivered', 'undelivered'];
    return {
      ...Object.fromEntries(events.map((what) => [what, of(`total{what="${what}"}`)])),
      ...{ in: of('octets_total{direction="in"}'), out: of('octets_total{direction="out"}') },
      sessions: of('sessions'),
    } as Readonly<Record<string, number>>;
  };
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const quiet = async () => ((await figures())['sessions'] === 0 ? figures() : null);
  const before = await chain.waitUntil('no session is left', quiet);
  const id = await bring(chain, alice, bob, largeLetter(alice, bob, 10_000));
  const { call, peer } = await openSession(alice, bob);
  t.equal((await figures())['sessions'], 1);
  peer.close();
  await call.bye();
  const path = MsrpPeer.newPath(9);
  await refusal(alice, bob.uri, messageSdp(path, ['a=inactive']));
  const phone = new LargePhone(t, bob, 'none');
  phone.refusing = 486;
  await bob.register(600, largeTag);
  await chain.waitUntil('the refusal', async () => (await answered(id)).length === 1);
  phone.refusing = null;
  await bob.register(600, largeTag);
  await chain.reaches(id, 'delivered');
  const after = await chain.waitUntil('no session is left', quiet);
  const grown = Object.keys(after).map((name) => [name, after[name]! - before[name]!]);
  const { in: heard, out: said, ...counts } = Object.fromEntries(grown) as Record<string, number>;
  t.same(counts, {
    ...{ taken: 2, refused: 1, stored: 1, aborted: 1, sessions: 0 },
    ...{ called: 2, delivered: 1, undelivered: 1 },
  });
  t.ok(heard! > 10_000 && said! > 10_000);
});
