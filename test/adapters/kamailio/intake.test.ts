// A message on its way in, through a real proxy and a real NATS: held, told to the engine, answered.
import t from 'tap';
import type { BusLine } from './fake-engine.js';
import { openStage, pause, plain, type Stage } from './fake-engine.js';

/** Tries until a message is relayed; at most five seconds. */
async function relaysWithin(send: () => Promise<{ readonly status: number }>): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    if ((await send()).status === 200) return true;
    await pause(100);
  }
  return false;
}

const held = (stage: Stage, body: string): BusLine[] =>
  stage.engine.lines.filter((line) => line.octets.includes(body));

t.test('intake', async (t) => {
  const stage = await openStage({ holdMs: 1000, phoneMs: 500 });
  t.teardown(() => stage.close());
  const { engine, proxy } = stage;
  const alice = await stage.phone('alice');
  const bob = await stage.phone('bob');

  await t.test(
    'C01 C02 a message for an offline user: store line, untouched octets, 202',
    async (t) => {
      const extra = { 'X-Odd': ['one', 'two'], Subject: 'grüß "dich" $var(x)', Expires: '3600' };
      const before = Math.floor(Date.now() / 1000);
      const answer = await alice.message({
        to: 'sip:bob@example.org',
        body: 'C01 ä€😀',
        headers: extra,
      });
      t.equal(answer.status, 202);
      t.equal(answer.reason, 'Accepted');
      t.equal(answer.message.body.length, 0, 'no body');
      t.equal(answer.header('contact'), undefined, 'no Contact');
      const [line] = held(stage, 'C01');
      const [version, node, index, label, sec, usec, hold, proto, ip, port, who, length] =
        line!.fields;
      t.equal(line!.subject, 'deferred-im.v1.store');
      t.equal(line!.fields.length, 13);
      t.equal(line!.fields[12], 'offline');
      t.same([version, node, hold, proto, ip], ['v1', 'n1', '1000', 'udp', '127.0.0.1']);
      t.match(index, /^[0-9]+$/);
      t.match(label, /^[0-9]+$/);
      t.ok(Math.abs(Number(sec) - before) <= 2 && Number(usec) < 1_000_000);
      t.equal(Number(port), alice.port);
      t.equal(plain(who), 'sip:alice@example.org');
      t.equal(Number(length), line!.octets.length);
      const text = line!.octets.toString('utf8');
      t.ok(text.startsWith('MESSAGE sip:bob@example.org SIP/2.0\r\n'));
      t.ok(
        text.includes('X-Odd: one\r\nX-Odd: two\r\n'),
        'repeated header fields keep their order',
      );
      t.ok(text.includes('Subject: grüß "dich" $var(x)\r\n'));
      t.ok(text.endsWith('\r\n\r\nC01 ä€😀'));
    },
  );

  await t.test('X1 what only the proxy may write is removed, credentials too', async (t) => {
    const forged = {
      'P-Asserted-Identity': ['<sip:bob@example.org>', '<tel:+1>'],
      'p-preferred-identity': '<sip:bob@example.org>',
      'X-IM-Deferred': 'd-aaaaaaaaaa-1 x - -',
      'x-im-anything': 'x',
    };
    const to = 'sip:bob@example.org';
    t.equal((await alice.message({ to, body: 'forged head', headers: forged })).status, 202);
    const text = held(stage, 'forged head')[0]!.octets.toString('utf8');
    t.notMatch(text, /asserted-identity|preferred-identity|x-im-|authorization/i);
    t.equal(Number(held(stage, 'forged head')[0]!.fields[11]), Buffer.byteLength(text));
  });

  await t.test('a forged From is refused, and nothing is published', async (t) => {
    const to = 'sip:bob@example.org';
    for (const from of ['<sip:bob@example.org>', '<sip:alice@example.com>', '<sip:example.org>']) {
      t.equal((await alice.message({ to, from, body: 'forged from' })).status, 403, from);
    }
    t.same(held(stage, 'forged from'), []);
  });

  await t.test('a wrong password and an unknown account get no further', async (t) => {
    const mallory = await stage.phone('mallory');
    const thief = await stage.phone('alice', { password: 'wrong' });
    for (const phone of [mallory, thief]) {
      const answer = await phone.message({ to: 'sip:bob@example.org', body: 'no account' });
      t.equal(answer.status, 407);
      t.equal((await phone.register()).status, 401);
    }
    t.same(held(stage, 'no account'), []);
  });

  await t.test('C81 X2 an unknown user gets 404, and nothing is published', async (t) => {
    const answer = await alice.message({ to: 'sip:nobody@example.org', body: 'C81' });
    t.equal(answer.status, 404);
    t.same(held(stage, 'C81'), []);
  });

  await t.test(
    'every final answer of the engine reaches the sender, Retry-After too',
    async (t) => {
      const table = [
        { code: 480, reason: 'Mailbox "full"', after: 120 },
        { code: 413, reason: 'Request Entity Too Large' },
        { code: 603, reason: 'Décliné' },
      ];
      for (const row of table) {
        engine.answer = () => row;
        const answer = await alice.message({ to: 'sip:bob@example.org', body: 'coded' });
        t.equal(answer.status, row.code);
        t.equal(answer.reason, row.reason);
        t.equal(
          answer.header('retry-after'),
          row.after === undefined ? undefined : String(row.after),
        );
      }
    },
  );

  await t.test('an answer that is none becomes 500; a reason cannot break out', async (t) => {
    for (const row of [{ code: 100 }, { code: 999 }, { code: 0 }]) {
      engine.answer = () => row;
      const answer = await alice.message({ to: 'sip:bob@example.org', body: 'odd' });
      t.equal(answer.status, 500, String(row.code));
    }
    engine.answer = () => ({ code: 480, reason: 'x\r\nContact: <sip:evil@example.com>' });
    const answer = await alice.message({ to: 'sip:bob@example.org', body: 'odd' });
    t.equal(answer.header('contact'), undefined);
    t.equal(answer.reason, 'Answered');
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
  });

  await t.test(
    'C83 a NUL octet shows in the length field, so that the engine can refuse',
    async (t) => {
      engine.answer = (line) => {
        const whole = Number(line.fields[11]) === line.octets.length;
        return { code: whole ? 202 : 415, reason: 'Judged' };
      };
      const to = 'sip:bob@example.org';
      const cut = await alice.message({ to, body: Buffer.from('C83 a\0b') });
      t.equal(cut.status, 415, 'refused before 202, never cut in silence');
      const body = Buffer.concat([
        Buffer.from('C83 whole '),
        Buffer.from([0xff, 0xfe, 0x80, 0x01, 0x7f]),
      ]);
      const kept = await alice.message({ to, body });
      t.equal(kept.status, 202);
      const line = held(stage, 'C83 whole').at(-1)!;
      t.ok(line.octets.subarray(-body.length).equals(body), 'invalid UTF-8 is kept');
      engine.answer = () => ({ code: 202, reason: 'Accepted' });
    },
  );

  await t.test('A11 sizes: 48,000 octets pass, more is refused and not published', async (t) => {
    const to = 'sip:bob@example.org';
    const largest = await alice.message({ to, body: Buffer.alloc(48_000, 'L') });
    t.equal(largest.status, 202);
    const line = held(stage, 'LLLL')[0]!;
    t.equal(line.octets.length, Number(line.fields[11]));
    const stored = engine.of('store').length;
    t.equal((await alice.message({ to, body: Buffer.alloc(48_001, 'M') })).status, 413);
    const tcp = await stage.phone('alice', { transport: 'tcp' });
    const heads = Object.fromEntries(
      Array.from({ length: 15 }, (_, at) => [`X-${at}`, 'h'.repeat(900)]),
    );
    t.equal(
      (await tcp.message({ to, body: Buffer.alloc(48_000, 'M'), headers: heads })).status,
      413,
    );
    t.equal(engine.of('store').length, stored);
  });

  await t.test('a user command goes to its own subject with the same line', async (t) => {
    const body = '{"v":1,"op":"list"}';
    const contentType = 'application/vnd.deferred-im.command+json';
    const answer = await alice.message({ to: 'sip:deferred@example.org', body, contentType });
    t.equal(answer.status, 202);
    const line = engine.of('command')[0]!;
    t.equal(line.fields.length, 13);
    t.equal(plain(line.fields[10]), 'sip:alice@example.org');
    t.equal(line.fields[12], '-');
    t.ok(line.octets.toString().endsWith(body));
  });

  await t.test('C04 a retransmission is absorbed while the answer is awaited', async (t) => {
    engine.answer = () => ({ code: 202, reason: 'Accepted', delayMs: 700 });
    const sent: string[] = [];
    const slow = await stage.phone('alice', {
      transcript: ({ direction, text }) => void (direction === 'sent' && sent.push(text)),
    });
    const answer = await slow.message({ to: 'sip:bob@example.org', body: 'C04' });
    t.equal(answer.status, 202);
    t.equal(sent.length, 3, 'challenged, sent, sent again');
    t.equal(held(stage, 'C04').length, 1);
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
  });

  await t.test(
    'A registered phone that is silent, unavailable or gone: stored after all',
    async (t) => {
      t.equal((await bob.register()).status, 200);
      await engine.wait('online', ({ fields }) => plain(fields[3]) === bob.uri);
      await engine.queue(bob.uri, 0);
      bob.onMessage = () => null;
      const to = 'sip:bob@example.org';
      t.equal((await alice.message({ to, body: 'to silence' })).status, 202);
      t.ok(
        held(stage, 'to silence')[0]!.octets.toString().startsWith('MESSAGE sip:bob@example.org '),
      );
      bob.onMessage = () => 480;
      t.equal((await alice.message({ to, body: 'to 480' })).status, 202);
      t.equal(held(stage, 'to 480').length, 1);
      bob.onMessage = () => 486;
      t.equal((await alice.message({ to, body: 'to 486' })).status, 486);
      t.same(held(stage, 'to 486'), []);
      bob.onMessage = () => 200;
      t.equal((await alice.message({ to, body: 'direct' })).status, 200);
      t.equal(bob.received.at(-1)!.header('p-asserted-identity'), '<sip:alice@example.org>');
      t.equal((await bob.unregister()).status, 200);
      const gone = await stage.phone('bob', { transport: 'tcp' });
      t.equal((await gone.register()).status, 200);
      await gone.close();
      await pause(100);
      t.equal((await alice.message({ to, body: 'to a closed door' })).status, 202);
      t.ok(
        held(stage, 'to a closed door')[0]!
          .octets.toString()
          .startsWith('MESSAGE sip:bob@example.org '),
      );
    },
  );

  await t.test(
    'C99 spec 3.4 while a backlog is delivered a live message goes behind it',
    async (t) => {
      const to = 'sip:bob@example.org';
      const why = (body: string) => held(stage, body)[0]?.fields[12];
      const lines = engine.of('online').length;
      await bob.register();
      t.equal((await alice.message({ to, body: 'just registered' })).status, 202);
      t.equal(why('just registered'), 'queued', 'until the engine has said that nothing waits');
      await engine.wait('online', () => engine.of('online').length > lines);
      await engine.queue(to, 0);
      t.equal((await alice.message({ to, body: 'nothing waits' })).status, 200);
      await engine.queue(to, 60);
      t.equal((await alice.message({ to, body: 'behind it' })).status, 202);
      t.equal(why('behind it'), 'queued');
      t.equal((await alice.message({ to: alice.uri, body: 'to another' })).status, 202);
      t.equal(why('to another'), 'offline', 'nobody else is held up');
      await engine.queue(to, 1);
      t.ok(
        await relaysWithin(() => alice.message({ to, body: 'forgotten' })),
        'what is not said again is forgotten',
      );
      await engine.queue(to, 60);
      await bob.unregister();
      t.equal((await alice.message({ to, body: 'gone' })).status, 202);
      await engine.queue(to, 0);
    },
  );

  await t.test('A9 no answer within the hold: 503 with Retry-After, and late lines', async (t) => {
    engine.answer = () => ({ code: 202, reason: 'Accepted', delayMs: 1500 });
    const began = performance.now();
    const answer = await alice.message({ to: 'sip:bob@example.org', body: 'too slow' });
    t.equal(answer.status, 503);
    t.equal(answer.header('retry-after'), '30');
    const waited = performance.now() - began;
    t.ok(waited > 900, `held before: ${waited} ms`);
    const line = held(stage, 'too slow')[0]!;
    const told = (code: string) =>
      engine.wait('late', ({ fields }) => fields[2] === line.fields[2] && fields[4] === code);
    const ended = await told('503');
    t.same(ended.fields, ['v1', 'n1', line.fields[2], line.fields[3], '503'], 'as the hold ends');
    const late = await told('202');
    t.same(late.fields, ['v1', 'n1', line.fields[2], line.fields[3], '202'], 'and for the answer');
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
  });

  await t.test('C8 an answer line that comes twice is not told as late', async (t) => {
    engine.answer = () => ({ code: 202, reason: 'Accepted' });
    const answer = await alice.message({ to: 'sip:bob@example.org', body: 'answered twice' });
    t.equal(answer.status, 202);
    const line = held(stage, 'answered twice')[0]!;
    const [, node, index, label] = line.fields;
    const twice = `v1 ${node} ${index} ${label} 202 - QWNjZXB0ZWQ=`;
    engine.bus.publish('deferred-im-v1-answer', twice);
    // One about a transaction nobody knows is.
    engine.bus.publish('deferred-im-v1-answer', `v1 ${node} 99999998 1 202 - QWNjZXB0ZWQ=`);
    await engine.wait('late', ({ fields }) => fields[2] === '99999998');
    await pause(300);
    t.notOk(engine.of('late').some(({ fields }) => fields[2] === index && fields[3] === label));
  });

  await t.test('N8 malformed answers harm nobody', async (t) => {
    const bad = [
      '',
      'v1',
      'v1 n1',
      'v1 n1 x y z',
      'v2 n1 1 1 202 - eA==',
      'v1 n1 99999999 1 202 - eA==',
    ];
    for (const text of [...bad, `v1 n1 ${'9'.repeat(70_000)}`]) {
      engine.bus.publish('deferred-im-v1-answer', text);
      engine.bus.publish('deferred-im-v1-beat', text);
      engine.bus.publish('deferred-im-v1-send', text);
    }
    await engine.bus.flush();
    await pause(100);
    t.equal((await alice.message({ to: 'sip:bob@example.org', body: 'alive' })).status, 202);
  });

  await t.test('C03 without a beat for 4 s: 503 with Retry-After, nothing published', async (t) => {
    engine.silence();
    await pause(5000);
    const stored = engine.of('store').length;
    const answer = await alice.message({ to: 'sip:bob@example.org', body: 'no beat' });
    t.equal(answer.status, 503);
    t.equal(answer.header('retry-after'), '30');
    t.equal(engine.of('store').length, stored);
    engine.beat();
    await proxy.storeReady();
    t.equal((await alice.message({ to: 'sip:bob@example.org', body: 'back' })).status, 202);
  });
});
