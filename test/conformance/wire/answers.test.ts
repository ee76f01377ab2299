// What a sender hears when his message is not taken (spec 2.6, 2.7), through a real proxy: status, header fields, and
// that nothing is kept and nothing ever follows. And what a polite block lets him see: nothing.
import t from 'tap';
import type { SipAgent, SipAnswer } from '../../../adapters/cli/stage/sip-agent.js';
import { startChain } from '../../support/chain.js';
import { failed, type Letter, letter, messagesTo, reported, reportsTo } from './letters.js';
import { answersHeard, lastSent, recorded, sentinel, store } from './steps.js';

const settings = {
  'quota.mailboxMessages': '3',
  'quota.pairMessages': '2',
  'quota.messageOctets': '6000',
  'storage.mediaTypes': 'text/*,message/cpim',
  'storage.exceptFor': 'sip:carol7@example.org,@elsewhere.example',
};
const chain = await startChain({ settings });
t.teardown(() => chain.stop());

const atOnce = { Expires: '0' };

/** The owner changes what he wants, as his own service does it. */
const wants = async (owner: SipAgent, set: object): Promise<void> => {
  const reply = await chain.ask<{ ok: boolean }>('preferences', { asserted: owner.uri, set });
  if (!reply.ok) throw new Error(JSON.stringify(reply));
};

interface Row {
  readonly why: string;
  readonly status: number;
  /** What must be so before; the letter that is refused. */
  readonly send: (alice: SipAgent, bob: SipAgent) => Promise<[SipAnswer, Letter]>;
  /** Header fields of the answer. */
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** Messages that wait for Bob all the same. */
  readonly waiting?: number;
}

const after =
  (prepare: (alice: SipAgent, bob: SipAgent) => Promise<unknown>, writing: object = {}) =>
  async (alice: SipAgent, bob: SipAgent): Promise<[SipAnswer, Letter]> => {
    await prepare(alice, bob);
    const sent = letter(alice, bob, { headers: atOnce, ...writing });
    return [await alice.message(sent), sent];
  };
const nothing = async (): Promise<void> => undefined;
const quotaHeaders = { 'Retry-After': /^60$/, Warning: /^399 deferred-im "[^"]+"$/ };

const rows: readonly Row[] = [
  {
    why: 'an account that does not exist',
    status: 404,
    send: async (alice, bob) => {
      const sent = { ...letter(alice, bob, { headers: atOnce }), to: 'sip:nobody@example.org' };
      return [await alice.message(sent), sent];
    },
  },
  {
    why: 'blocked openly',
    status: 403,
    send: after((alice, bob) => wants(bob, { add: [{ from: alice.uri, action: 'block' }] })),
  },
  {
    why: 'deferral off',
    status: 480,
    send: after((_alice, bob) => wants(bob, { deferral: 'off' })),
  },
  {
    why: 'no storage for this sender',
    status: 480,
    send: after((alice, bob) => wants(bob, { add: [{ from: alice.uri, action: 'no-storage' }] })),
  },
  {
    why: 'no permission of the operator for this user',
    status: 480,
    send: after((_alice, bob) =>
      chain.admin('preferences.set', { aor: bob.uri, change: { permission: 'off' } }),
    ),
  },
  {
    why: 'no permission by the configuration',
    status: 480,
    send: async (alice) => {
      const carol = await chain.agent('carol7');
      const sent = letter(alice, carol, { headers: atOnce });
      return [await alice.message(sent), sent];
    },
  },
  {
    why: 'too many of one sender',
    status: 480,
    headers: quotaHeaders,
    waiting: 2,
    send: after(async (alice, bob) => {
      for (let count = 0; count < 2; count += 1) await store(chain, alice, bob);
    }),
  },
  {
    why: 'a full mailbox',
    status: 480,
    headers: quotaHeaders,
    waiting: 3,
    send: after(async (_alice, bob) => {
      for (let count = 0; count < 3; count += 1) await store(chain, await chain.alice(), bob);
    }),
  },
  {
    why: 'larger than the operator stores',
    status: 413,
    headers: { Warning: /^399 deferred-im "/ },
    send: after(nothing, { text: 'x'.repeat(6000) }),
  },
  {
    why: 'larger than can be taken in',
    status: 413,
    send: after(nothing, { text: 'x'.repeat(49_000) }),
  },
  {
    why: 'content the operator does not store',
    status: 415,
    headers: { Accept: /^text\/\*, message\/cpim$/ },
    send: async (alice, bob) => {
      const sent = { ...letter(alice, bob, { headers: atOnce }), contentType: 'image/png' };
      return [await alice.message(sent), sent];
    },
  },
  {
    why: 'a Content-Type that is none',
    status: 400,
    headers: { Warning: /^399 deferred-im "malformed Content-Type"$/ },
    send: async (alice, bob) => {
      const sent = { ...letter(alice, bob, { headers: atOnce }), contentType: 'nonsense' };
      return [await alice.message(sent), sent];
    },
  },
  {
    why: 'cut at a NUL octet',
    status: 400,
    send: after(nothing, { text: 'before\0after' }),
  },
  {
    why: 'the same Message-ID with another body',
    status: 400,
    headers: { Warning: /^399 deferred-im "The same sender, Message-ID/ },
    waiting: 1,
    send: async (alice, bob) => {
      const first = letter(alice, bob);
      await store(chain, alice, bob, first);
      const other = letter(alice, bob, { id: first.imdnMessageId, text: 'other', headers: atOnce });
      return [await alice.message(other), other];
    },
  },
];

t.test(
  'C55 C69 C71 a refused sender hears why, nothing is kept, nothing is ever reported',
  async (t) => {
    for (const { why, status, send, headers = {}, waiting = 0 } of rows) {
      const alice = await chain.alice({ transport: 'tcp' });
      const bob = await chain.bob();
      const [answer, sent] = await send(alice, bob);
      t.equal(answer.status, status, why);
      t.equal(answer.message.body.length, 0, `${why}: no body`);
      t.equal(answer.header('Contact'), undefined, `${why}: no Contact`);
      for (const [name, value] of Object.entries(headers))
        t.match(answer.header(name) ?? '', value, `${why}: ${name}`);
      if (headers['Retry-After'] === undefined)
        t.equal(answer.header('Retry-After'), undefined, `${why}: no Retry-After`);
      t.equal((await chain.mailbox(bob)).length, waiting, `${why}: what waits`);
      const last = await sentinel(chain, alice);
      t.same(reported(alice, [sent, last]), failed(last), `${why}: no report`);
    }
  },
);

t.test('what the recipient has set does not show in the answer', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await wants(bob, { deferral: 'off' });
  const answer = await alice.message(letter(alice, bob));
  t.equal(answer.reason, 'Temporarily Unavailable');
  t.equal(answer.header('Warning'), undefined);
  await wants(bob, { reset: true, add: [{ from: alice.uri, action: 'block' }] });
  const blocked = await alice.message(letter(alice, bob));
  t.equal(blocked.reason, 'Forbidden');
  t.equal(blocked.header('Warning'), undefined);
});

t.test('C70 polite block stays silent', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.agent('carol')];
  await wants(bob, { add: [{ from: alice.uri, action: 'polite-block' }] });
  const sent = letter(alice, bob, { headers: atOnce });
  const answer = await alice.message(sent);
  const other = await carol.message(letter(carol, bob));
  t.equal(answer.status, 202);
  const shown = (one: SipAnswer) => [one.reason, one.message.headers.map(([name]) => name)];
  t.same(shown(answer), shown(other), 'the answer of a message that is kept');
  const kept = (await chain.mailbox(bob)).map((one) => one.from);
  t.same(kept, [carol.uri], 'nothing stored');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(last), 'no report');
  await bob.register();
  await chain.waitUntil('the other message', () => messagesTo(bob).length > 0);
  t.equal(messagesTo(bob).length, 1);
});

const byOtherPath = (request: string): string =>
  request.replace('branch=z9hG4bK', 'branch=z9hG4bKother');

t.test(
  'C04 C85 a merged request hears 482 and is stored once (RFC 3261 section 8.2.2.2)',
  async (t) => {
    for (const cpim of [true, false]) {
      const { agent: alice, lines } = await recorded(chain);
      const bob = await chain.bob();
      const sent = letter(alice, bob);
      const plain = { to: bob.uri, body: 'Hello' };
      t.equal((await alice.message(cpim ? sent : plain)).status, 202);
      alice.sendRaw(Buffer.from(byOtherPath(lastSent(lines))));
      await chain.waitUntil(
        'the answer to the other path',
        () => answersHeard(lines, 482).length === 1,
      );
      t.equal((await chain.mailbox(bob)).length, 1);
      const id = await chain.newest(bob);
      await chain.admin('messages.expire', { id });
      if (!cpim) continue;
      await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
      t.same(reported(alice, [sent]), failed(sent), 'one report, of the one that was stored');
    }
  },
);

t.test('C04 C05 a retransmission after the proxy forgot it is no merged request', async (t) => {
  const { agent: alice, lines } = await recorded(chain);
  const bob = await chain.bob();
  t.equal((await alice.message(letter(alice, bob))).status, 202);
  // tm keeps a transaction for 5 s (wt_timer); afterwards the same octets are a new one.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  const before = answersHeard(lines, 202).length;
  alice.sendRaw(Buffer.from(lastSent(lines)));
  await chain.waitUntil('the same answer', () => answersHeard(lines, 202).length > before);
  t.equal((await chain.mailbox(bob)).length, 1);
  t.equal(answersHeard(lines, 482).length, 0);
});

t.test('A4 410 when it ended unread before its sender had heard 202', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const held: string[] = [];
  const watch = chain.bus.subscribe('deferred-im.v1.store', {
    callback: (_error, message) => void held.push(message.string().split(' ', 4).join(' ')),
  });
  await chain.bus.flush();
  const sent = letter(alice, bob);
  await store(chain, alice, bob, sent);
  const id = await chain.newest(bob);
  const [, node, index, label] = (await chain.waitUntil('the line', () => held[0])).split(' ');
  watch.unsubscribe();
  // As the proxy says it when the answer came too late: the sender heard 503.
  chain.bus.publish('deferred-im.v1.late', `v1 ${node} ${index} ${label} 503`);
  await chain.bus.flush();
  await chain.waitUntil('it is known', async () => {
    await chain.admin('messages.expire', { id }).catch(() => undefined);
    return (await chain.life(id)).state === 'dropped';
  });
  const answer = await alice.message({ ...sent, callId: 'again' });
  t.equal(answer.status, 410);
  t.match(answer.header('Warning'), /^399 deferred-im "It ended undelivered/);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(last));
});

t.test('503 with Retry-After while nothing can be stored, and no report of it', async (t) => {
  const full = await startChain({ settings: { 'quota.freeOctets': '1099511627776' } });
  t.teardown(() => full.stop());
  const [alice, bob] = [await full.alice(), await full.bob()];
  const answer = await alice.message(letter(alice, bob, { headers: atOnce }));
  t.equal(answer.status, 503);
  t.ok(Number(answer.header('Retry-After')) > 0);
  t.match(answer.header('Warning'), /free space/);
  t.same(await full.mailbox(bob), []);
  await full.stopEngine();
  await full.waitUntil('the proxy misses the engine', async () => {
    const gone = await alice.message(letter(alice, bob, { headers: atOnce }));
    return gone.status === 503 && gone.header('Retry-After') === '30';
  });
  t.equal(reportsTo(alice).length, 0);
});
