// Deliveries, reports and notices through a real proxy: what reaches the phone, and what the engine hears of it.
import t from 'tap';
import { type FakeEffect, openStage, pause, token } from './fake-engine.js';

t.test('effects', async (t) => {
  const stage = await openStage({ phoneMs: 500 });
  t.teardown(() => stage.close());
  const { engine, proxy } = stage;
  const bob = await stage.phone('bob');
  const alice = await stage.phone('alice');
  await bob.register();
  let count = 0;
  const ruri = 'sip:bob@example.org';
  const send = async (kind: string, effect: Partial<FakeEffect>): Promise<string> => {
    count += 1;
    const id = effect.id ?? `${kind}-abcdefghij-${count}`;
    engine.send({ ruri, ...effect, id });
    return engine.outcome(id);
  };

  await t.test(
    'I5 a delivery arrives byte for byte, with the display name of its author',
    async (t) => {
      const cpim = Buffer.from(
        'From: "Älice" <im:alice@example.org>\r\nDateTime: 2026-01-01T00:00:00Z\r\n\r\n' +
          'Content-Type: text/plain;charset=utf-8\r\n\r\nhällo 😀\r\n',
      );
      const headers = [
        'Date: Fri, 20 Nov 2026 11:00:00 GMT',
        'Expires: 3600',
        'P-Asserted-Identity: "Älice" <sip:alice@example.org>',
        'Subject: grüß "dich" $var(x)',
        'Content-Language: de',
        'Content-Type: message/cpim',
      ];
      const name = '"A\\"lice Ä 😀, $fU; <x>"';
      t.equal(await send('d', { name, headers, body: cpim }), '200 reply');
      const got = bob.received.at(-1)!;
      t.ok(got.body.equals(cpim));
      t.equal(got.uri, bob.contact);
      const text = got.octets.toString('utf8');
      t.ok(text.includes(`\r\nFrom: ${name} <sip:alice@example.org>;tag=t-d-abcdefghij-1\r\n`));
      t.ok(text.includes('\r\nTo: <sip:bob@example.org>\r\n'));
      for (const line of headers) t.ok(text.includes(`\r\n${line}\r\n`), line);
      t.equal(got.header('call-id'), 'c-d-abcdefghij-1');
      t.equal(got.header('cseq'), '1 MESSAGE');
      t.notMatch(text, /x-im-/i);
      t.match(got.header('via'), new RegExp(`127.0.0.1:${proxy.port};`), 'by the public socket');
      t.equal(got.header('contact'), undefined);
    },
  );

  await t.test(
    'From without a display name stays without; a token name has no quotes',
    async (t) => {
      t.equal(await send('d', { body: 'x' }), '200 reply');
      t.match(bob.received.at(-1)!.header('from'), /^<sip:alice@example.org>;tag=/);
      t.equal(await send('d', { body: 'x', name: 'Alice Wonder' }), '200 reply');
      t.match(bob.received.at(-1)!.header('from'), /^Alice Wonder <sip:alice@example.org>;tag=/);
      t.equal(await send('d', { body: 'x', name: 'A\r\nContact: <sip:x@y>\r\nB: "' }), '200 reply');
      t.equal(bob.received.at(-1)!.header('contact'), undefined, 'a name cannot add a header');
    },
  );

  await t.test('C83 NUL, invalid UTF-8, an empty body and 48,000 octets', async (t) => {
    const bodies = [
      Buffer.from([0, 0xff, 0xfe, 0, 13, 10, 0x80, 0x24]),
      Buffer.alloc(0),
      Buffer.alloc(48_000, Buffer.from([0, 255, 13, 10, 36, 34])),
    ];
    for (const body of bodies) {
      t.equal(await send('d', { body }), '200 reply', `${body.length} octets`);
      t.ok(bob.received.at(-1)!.body.equals(body));
    }
    t.equal(bob.received.at(-1)!.transport, 'tcp', 'large ones go over TCP');
  });

  await t.test('beyond the limits, or with wrong lengths, nothing is sent', async (t) => {
    const before = bob.received.length;
    t.equal(await send('d', { body: Buffer.alloc(48_001, 'x') }), '413 limit');
    t.equal(await send('d', { headers: [`X: ${'h'.repeat(15_000)}`], body: 'x' }), '413 limit');
    t.equal(await send('d', { body: 'x', lie: true }), '413 limit');
    t.equal(await send('d', { ruri: 'not a uri', body: 'x' }), '0 send');
    t.equal(bob.received.length, before);
  });

  await t.test(
    'C53 C54 final codes of the phone come back as they are; silence is 408',
    async (t) => {
      for (const status of [200, 202, 404, 480, 486, 503, 603]) {
        bob.onMessage = () => status;
        const via = status < 300 ? 'reply' : 'failure';
        t.equal(await send('d', { body: 'code' }), `${status} ${via}`);
      }
      bob.onMessage = () => null;
      t.equal(await send('d', { body: 'silence' }), '408 failure');
      bob.onMessage = () => 200;
      t.equal(await send('d', { ruri: 'sip:alice@example.org', body: 'x' }), '480 lookup');
    },
  );

  await t.test('C8 a repeated effect is sent once and answered from memory', async (t) => {
    const id = 'd-repeatedeffect-1';
    const seen = bob.received.length;
    bob.onMessage = async () => {
      await pause(200);
      return 200;
    };
    for (let times = 0; times < 3; times++) engine.send({ id, ruri, body: 'once' });
    t.equal(await engine.outcome(id), '200 reply');
    await pause(100);
    t.equal(engine.of('outcome').filter((line) => line.fields[2] === id).length, 1, 'under way');
    engine.send({ id, ruri, body: 'once' });
    await engine.wait('outcome', ({ fields }) => fields[2] === id && fields[5] === 'memory');
    const lines = engine.of('outcome').filter((line) => line.fields[2] === id);
    t.same(
      lines.map((line) => line.fields.slice(3, 6)),
      [
        [token, '200', 'reply'],
        [token, '200', 'memory'],
      ],
    );
    t.equal(bob.received.length, seen + 1);
    bob.onMessage = () => 200;
  });

  await t.test(
    'a phone without TCP: a large message is unsuitable, a small one arrives',
    async (t) => {
      await bob.unregister();
      const small = await stage.phone('bob', { tcp: false });
      await small.register();
      t.equal(await send('d', { body: Buffer.alloc(5000, 'x') }), '477 send');
      t.equal(await send('d', { body: 'x' }), '200 reply');
      t.equal(small.received.length, 1);
      await small.unregister();
      await bob.register();
    },
  );

  await t.test('a phone on its own TCP connection is reached through it', async (t) => {
    const tcp = await stage.phone('alice', { transport: 'tcp', tcp: false });
    await tcp.register();
    t.equal(await send('d', { ruri: 'sip:alice@example.org', body: 'x' }), '200 reply');
    t.equal(tcp.received[0]!.transport, 'tcp');
    await tcp.unregister();
  });

  await t.test('two phones: each gets it, an answer of one is enough', async (t) => {
    const second = await stage.phone('bob');
    await second.register();
    second.onMessage = () => 486;
    t.equal(await send('d', { body: 'both' }), '200 reply');
    await pause(50);
    t.equal(second.received.length, 1);
    await second.unregister();
  });

  await t.test('a report for an offline user of ours is stored as a message for him', async (t) => {
    const headers = ['P-Asserted-Identity: <sip:bob@example.org>', 'Content-Type: message/cpim'];
    const to = 'sip:alice@example.org';
    t.equal(await send('r', { ruri: to, headers, body: 'report one' }), '202 reply');
    const line = await engine.wait('store', ({ octets }) => octets.includes('report one'));
    t.ok(line.octets.toString().startsWith(`MESSAGE ${to} SIP/2.0\r\n`));
    t.equal(Buffer.from(line.fields[10]!, 'base64').toString(), 'sip:bob@example.org');
    t.notMatch(line.octets.toString(), /x-im-/i);
    engine.answer = () => ({ code: 480, reason: 'Full' });
    t.equal(await send('r', { ruri: to, body: 'report two' }), '480 reply');
    const bare = await engine.wait('store', ({ octets }) => octets.includes('report two'));
    t.equal(bare.fields[10], '-', 'nobody asserted: no identity');
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
    t.equal(await send('r', { ruri: 'sip:nobody@example.org', body: 'x' }), '404 reply');
  });

  await t.test(
    'a report for an online user is pushed, one for another domain relayed',
    async (t) => {
      await alice.register();
      t.equal(await send('r', { ruri: 'sip:alice@example.org', body: 'report' }), '200 reply');
      t.equal(alice.received.at(-1)!.body.toString(), 'report');
      await alice.unregister();
      const foreign = `sip:carol@127.0.0.1:${bob.port}`;
      t.equal(await send('r', { ruri: foreign, body: 'abroad' }), '200 reply');
      t.equal(bob.received.at(-1)!.uri, foreign);
      const nextHop = `sip:127.0.0.1:${bob.port}`;
      t.equal(
        await send('r', { ruri: 'sip:x@foreign.example', nextHop, body: 'hop' }),
        '200 reply',
      );
      t.equal(bob.received.at(-1)!.uri, 'sip:x@foreign.example');
    },
  );

  await t.test('Retry-After of a refusal comes back with its outcome', async (t) => {
    const foreign = `sip:carol@127.0.0.1:${bob.port}`;
    const waits: (string | undefined)[] = [];
    for (const retryAfter of ['120', '60 (at lunch)', '30;duration=5', 'soon', null]) {
      bob.onMessage = () => (retryAfter === null ? 503 : { status: 503, retryAfter });
      const id = `r-retryafter${waits.length}x-1`;
      engine.send({ id, ruri: foreign, body: 'later' });
      const { fields } = await engine.wait('outcome', (line) => line.fields[2] === id);
      waits.push(fields[6]);
    }
    t.same(waits, ['120', '60', '30', '-', '-']);
    bob.onMessage = () => 200;
    engine.answer = () => ({ code: 503, reason: 'Full', after: 45 });
    const id = 'r-ourownstore-1';
    engine.send({ id, ruri: 'sip:alice@example.org', body: 'ours' });
    const { fields } = await engine.wait('outcome', (line) => line.fields[2] === id);
    t.same(fields.slice(4), ['503', 'reply', '45'], 'and that of our own store');
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
  });

  await t.test('a notice of ours is pushed or answered 480, never stored', async (t) => {
    t.equal(await send('n', { body: 'result' }), '200 reply');
    t.equal(await send('n', { ruri: 'sip:alice@example.org', body: 'result' }), '480 lookup');
    t.notOk(engine.of('store').some(({ octets }) => octets.includes('result')));
  });

  await t.test('N3 malformed effects are dropped', async (t) => {
    const seen = bob.received.length;
    for (const id of [
      'x-abcdefghij-1',
      'd-short-1',
      'd-abc_efghij-1',
      'd-abcdefghij-1234567',
      'd',
    ]) {
      engine.send({ id, ruri, body: 'x' });
    }
    engine.send({ id: 'd-afterthemall-1', ruri, body: 'x' });
    t.equal(await engine.outcome('d-afterthemall-1'), '200 reply');
    t.equal(bob.received.length, seen + 1);
  });

  await t.test('C22 nobody but the engine gets through the inner port', async (t) => {
    const inner = await stage.phone('alice', { proxyPort: proxy.innerPort });
    const id = 'd-innerspoof-1';
    bob.onMessage = async () => {
      await pause(300);
      return 200;
    };
    engine.send({ id, ruri, body: 'x' });
    await pause(100);
    const lies = [`${id} ${'a'.repeat(26)} - -`, `d-nosucheffect-1 ${token} - -`, 'x', '', id];
    for (const value of lies) {
      const headers = value === '' ? {} : { 'X-IM-Deferred': value };
      t.equal((await inner.message({ to: ruri, body: 'spoof', headers })).status, 403, value);
    }
    const routed = await alice.request('MESSAGE', `sip:bob@127.0.0.1:${proxy.innerPort}`, {
      to: '<sip:bob@example.org>',
      headers: { 'X-IM-Deferred': `${id} ${token} - -` },
      body: 'spoof',
    });
    t.equal(routed.status, 403, 'through the front door');
    t.equal(await engine.outcome(id), '200 reply');
    t.notOk(bob.received.some(({ body }) => body.toString() === 'spoof'));
    bob.onMessage = () => 200;
  });
});
