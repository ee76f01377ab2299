// What comes in: held requests, facts and SIP commands, over a bus in memory and a runtime that
// records.
import t from 'tap';
import { natsLimits, startConsumer, subjects } from '../../../adapters/nats/index.js';
import type { IncomingMessage } from '../../../machines/index.js';
import { accepted, answers, gate, world } from './consumer-world.js';
import {
  b64,
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  held,
  manualClock,
  memoryBus,
  requestLine,
  settled,
} from './fakes.js';

t.test('R1 the answer leaves only after the runtime has resolved', async (t) => {
  const w = world();
  const { promise, open } = gate();
  w.runtime.answer = () => promise;
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  t.match(w.runtime.commands, [{ type: 'message.received', node: 'k1' }]);
  t.strictSame(answers(w.bus), []);
  t.equal(w.consumer.inFlight(), 1);
  open(accepted);
  await settled();
  t.strictSame(answers(w.bus), ['k1/12/345 202 - Accepted']);
  t.equal(w.consumer.inFlight(), 0);
  t.strictSame(w.nodes, ['k1']);
});

t.test('the asserted identity and the untouched octets reach the codec', async (t) => {
  const seen: unknown[] = [];
  const w = world({
    readMessage: (octets, asserted) => {
      seen.push([Buffer.from(octets).toString('latin1'), asserted]);
      return { ok: false, status: 415, code: 'x', reason: 'No' };
    },
  });
  w.bus.bring(subjects.store, held('a\r\n\0b', { asserted: null }));
  await settled();
  t.strictSame(seen, [['a\r\n\0b', null]]);
});

t.test(
  'refusals carry their status, phrase, Retry-After and what the sender may know',
  async (t) => {
    const w = world();
    w.runtime.answer = () => ({
      kind: 'refused',
      status: 480,
      code: 'mailbox-full',
      reason: 'Mailbox\r\nFull "now"',
      retryAfterSeconds: 60,
      accept: ['text/plain', 'text/*'],
    });
    w.bus.bring(subjects.store, held('hello'));
    w.bus.bring(subjects.store, held('bad', { label: 2 }));
    await settled();
    t.strictSame(answers(w.bus).sort(), [
      'k1/12/2 415 - Unsupported Media Type',
      'k1/12/345 480 60 Temporarily Unavailable',
    ]);
    const headers = w.bus.on(subjects.answer).map((text) => {
      const block = text.split(' ')[7] ?? '';
      return Buffer.from(block, 'base64').toString();
    });
    t.strictSame(headers.sort(), [
      'Accept: text/plain, text/*\r\nWarning: 399 deferred-im "Mailbox  Full \'now\'"\r\n',
      'Warning: 399 deferred-im "Unsupported Media Type"\r\n',
    ]);
    t.equal(w.runtime.commands.length, 1);
  },
);

t.test('a message cut at NUL is refused with 400 before anything else', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('hello', { length: 9 }));
  await settled();
  t.strictSame(answers(w.bus), ['k1/12/345 400 - Message Incomplete']);
  t.strictSame(w.runtime.commands, []);
});

t.test('A11 a request above the limit is refused with 413', async (t) => {
  const w = world();
  w.bus.bring(subjects.store, held('x'.repeat(natsLimits.requestBytesMax + 1)));
  await settled();
  t.match(answers(w.bus), [/413/]);
  t.strictSame(w.runtime.commands, []);
});

t.test(
  'a line older than its hold is thrown away, one in its last millisecond is not',
  async (t) => {
    const w = world();
    w.clock.advance(3_000);
    w.bus.bring(subjects.store, held('in time'));
    w.clock.advance(1);
    w.bus.bring(subjects.store, held('too late', { label: 2 }));
    w.bus.bring(subjects.command, held('list', { label: 3 }));
    await settled();
    t.equal(answers(w.bus).length, 1);
    t.equal(w.runtime.commands.length, 1);
    t.equal(w.consumer.counters()['outdated'], 2);
  },
);

t.test(
  'R6 undecided is not refused: nothing is answered, and the line may come again',
  async (t) => {
    const w = world();
    w.runtime.answer = () => Promise.reject(new Error('closing'));
    w.bus.bring(subjects.store, held('hello'));
    await settled();
    t.strictSame(answers(w.bus), []);
    t.equal(w.failures.length, 1);
    w.runtime.answer = () => accepted;
    w.bus.bring(subjects.store, held('hello'));
    await settled();
    t.strictSame(answers(w.bus), ['k1/12/345 202 - Accepted']);
  },
);

t.test('a codec that throws is told and harms nobody else', async (t) => {
  const w = world({
    readMessage: () => {
      throw new Error('bug');
    },
    canonicalAor: () => {
      throw new Error('bug');
    },
  });
  w.bus.bring(subjects.store, held('hello'));
  w.bus.bring(subjects.online, `v1 k1 1 ${b64('sip:bob@example.org')} -`);
  await settled();
  t.equal(w.failures.length, 2);
  t.equal(w.consumer.inFlight(), 0);
});

t.test('N7 over its rate a proxy hears 503 with Retry-After, the other does not', async (t) => {
  const w = world({}, { ratePerSecond: 1, rateBurst: 2 });
  for (let label = 1; label <= 4; label += 1) w.bus.bring(subjects.store, held('x', { label }));
  w.bus.bring(subjects.store, held('x', { node: 'k2' }));
  await settled();
  t.strictSame(answers(w.bus).sort(), [
    'k1/12/1 202 - Accepted',
    'k1/12/2 202 - Accepted',
    'k1/12/3 503 5 Busy',
    'k1/12/4 503 5 Busy',
    'k2/12/345 202 - Accepted',
  ]);
  w.clock.advance(1_000);
  w.bus.bring(subjects.store, held('x', { label: 5 }));
  await settled();
  t.equal(answers(w.bus).at(-1), 'k1/12/5 202 - Accepted');
});

t.test('N7 what is in flight is bounded in number and octets', async (t) => {
  const w = world({}, { inFlightMax: 2, inFlightBytesMax: 1_000 });
  w.runtime.answer = () => new Promise(() => undefined);
  w.bus.bring(subjects.store, held('x'.repeat(900), { label: 1 }));
  w.bus.bring(subjects.store, held('x'.repeat(101), { label: 2 }));
  w.bus.bring(subjects.store, held('x', { label: 3 }));
  w.bus.bring(subjects.store, held('x', { label: 4 }));
  await settled();
  t.strictSame(answers(w.bus), ['k1/12/2 503 5 Busy', 'k1/12/4 503 5 Busy']);
  t.equal(w.consumer.inFlight(), 2);
});

t.test('N7 invented proxy names gain no buckets of their own', async (t) => {
  const w = world({}, { ratePerSecond: 0, rateBurst: 1 });
  for (let i = 0; i < natsLimits.nodesMax + 50; i += 1)
    w.bus.bring(subjects.store, held('x', { node: `n${i}` }));
  await settled();
  t.ok(answers(w.bus).filter((a) => a.includes(' 202 ')).length <= natsLimits.nodesMax + 1);
});

t.test('online, offline and outcome lines become commands', async (t) => {
  const w = world();
  const bob = b64('sip:BOB@example.org');
  w.bus.bring(subjects.online, `v1 k2 1 ${bob} ${b64('<sip:b@192.0.2.1>')} 60`);
  w.bus.bring(subjects.offline, `v1 k2 unregister ${bob}`);
  w.bus.bring(subjects.offline, `v1 k2 expired ${b64('bob@example.org')}`);
  w.bus.bring(subjects.outcome, `v1 k2 d-abcdefghij-1 ${'a'.repeat(26)} 480 lookup`);
  w.bus.bring(subjects.outcome, `v1 k2 r-abcdefghij-1 ${'a'.repeat(26)} 0 send`);
  w.bus.bring(subjects.online, `v1 k2 1 ${b64('nonsense')} -`);
  await settled();
  t.strictSame(w.runtime.commands, [
    {
      type: 'recipient.registered',
      aor: 'sip:bob@example.org',
      node: 'k2',
      bindings: [
        { contact: '<sip:b@192.0.2.1>', expiresAtMs: w.clock.now() + 60_000, features: [] },
      ],
    },
    { type: 'recipient.unregistered', aor: 'sip:bob@example.org' },
    { type: 'recipient.unregistered', aor: 'sip:bob@example.org' },
    {
      type: 'effect.answered',
      effectId: 'd-abcdefghij-1',
      token: 'a'.repeat(26),
      status: 480,
    },
    { type: 'effect.answered', effectId: 'r-abcdefghij-1', token: 'a'.repeat(26), status: 0 },
  ]);
  t.equal(w.consumer.counters()['aor-unusable'], 1);
});

t.test('an alive line tells who is there, and nothing else', async (t) => {
  const w = world();
  w.bus.bring(subjects.alive, 'v1 k1');
  w.bus.bring(subjects.alive, 'v1 k2');
  w.bus.bring(subjects.alive, 'v1 k 3');
  await settled();
  t.strictSame(w.nodes, ['k1', 'k2']);
  t.strictSame(w.runtime.commands, []);
  t.strictSame(w.bus.published, []);
  t.strictSame(w.consumer.counters(), { malformed: 1 });
  t.equal(w.consumer.inFlight(), 0);
});

t.test('N7 a flood of alive lines is counted and bounded', async (t) => {
  const w = world({}, { ratePerSecond: 0, rateBurst: 2 });
  for (let i = 0; i < 5; i += 1) w.bus.bring(subjects.alive, 'v1 k1');
  await settled();
  t.equal(w.consumer.counters()['over-limit'], 3);
  t.equal(w.nodes.length, 5, 'it is there all the same');
});

t.test('malformed lines of every kind are counted and told, never thrown', async (t) => {
  const w = world();
  const inbound = ['store', 'command', 'online', 'offline', 'outcome', 'late', 'alive'] as const;
  const junk = [
    '',
    ' ',
    '\0',
    'v1',
    'v2 k1 1 1',
    '\r\n',
    'x'.repeat(200_000),
    '{"v":1}',
    'v1 * > .',
  ];
  for (const name of inbound) for (const text of junk) w.bus.bring(subjects[name], text);
  for (const name of inbound) w.bus.bring(subjects[name], Buffer.from([255, 254, 0, 13, 10]));
  await settled();
  const expected = inbound.length * (junk.length + 1);
  t.equal(w.malformed.length, expected);
  t.equal(w.consumer.counters()['malformed'], expected);
  t.match(w.malformed[0], { where: subjects.store, code: String, message: String, offset: Number });
  t.strictSame(w.runtime.commands, []);
  t.strictSame(w.failures, []);
});

t.test('X11 a SIP command without an asserted owner is refused with 403', async (t) => {
  const w = world();
  w.bus.bring(subjects.command, held('list', { asserted: null }));
  await settled();
  t.strictSame(answers(w.bus), ['k1/12/345 403 - Forbidden']);
});

t.test('a SIP command is answered 202 and its result comes page by page', async (t) => {
  const w = world();
  w.runtime.answer = () => ({
    kind: 'results',
    results: [
      { id: 'a@s', status: 200 },
      { id: 'b@s', status: 404 },
    ],
  });
  w.bus.bring(subjects.command, held('delete a@s,b@s'));
  await settled();
  t.strictSame(w.runtime.commands, [
    { type: 'messages.deleted', aor: 'sip:alice@example.org', ids: ['a@s', 'b@s'] },
  ]);
  t.strictSame(answers(w.bus), ['k1/12/345 202 - Accepted']);
  const first = w.bus.on(subjects.send);
  t.equal(first.length, 1, 'one page at a time');
  const [, node, effectId, token] = first[0]!.split(' ');
  t.equal(node, 'k1');
  t.match(effectId, /^n-[a-z0-9]{10,64}-1$/);
  w.bus.bring(subjects.outcome, `v1 k1 ${effectId} ${'a'.repeat(26)} 200 reply`);
  await settled();
  t.equal(w.bus.on(subjects.send).length, 1, 'a foreign token counts for nothing');
  w.clock.advance(2_000);
  t.strictSame(w.bus.on(subjects.send), [first[0], first[0]], 'the same line again');
  w.bus.bring(subjects.outcome, `v1 k1 ${effectId} ${token} 200 reply`);
  await settled();
  const sent = w.bus.on(subjects.send);
  t.equal(sent.length, 3);
  t.match(sent[2]!.split(' ')[2], /-2$/);
  t.equal(w.runtime.commands.length, 1, 'outcomes of results are not the runtime’s');
});

t.test('a result nobody answers is given up after 40 s', async (t) => {
  const w = world();
  w.bus.bring(subjects.command, held('list'));
  await settled();
  w.clock.advance(120_000);
  t.equal(w.bus.on(subjects.send).length, 5);
  w.bus.bring(subjects.command, held('list', { label: 2, sec: requestLine.sec + 120 }));
  await settled();
  t.equal(w.bus.on(subjects.send).length, 6, 'and the next one has its turn');
  await w.consumer.stop();
  w.clock.advance(60_000);
  t.equal(w.bus.on(subjects.send).length, 6);
});

t.test('results waiting for one owner are bounded', async (t) => {
  const w = world();
  for (let label = 1; label <= natsLimits.resultsPerOwnerMax + 1; label += 1) {
    w.bus.bring(subjects.command, held('list', { label }));
    await settled();
  }
  t.match(answers(w.bus).at(-1), /503 5 Busy/);
  t.equal(w.bus.on(subjects.send).length, 1, 'one pending MESSAGE per target');
});

t.test('retrieve over SIP asks the runtime to push', async (t) => {
  const w = world();
  w.runtime.answer = () => ({ kind: 'results', results: [{ id: 'a@s', status: 202 }] });
  w.bus.bring(subjects.command, held('retrieve all'));
  w.bus.bring(subjects.command, held('nonsense', { label: 2 }));
  await settled();
  t.match(w.runtime.commands, [{ type: 'messages.requested', ids: 'all' }]);
  t.strictSame(answers(w.bus), ['k1/12/2 400 - Bad Request', 'k1/12/345 202 - Accepted']);
});

t.test('G1 stop takes nothing more in and waits for what was', async (t) => {
  const w = world();
  const { promise, open } = gate();
  w.runtime.answer = () => promise;
  w.bus.bring(subjects.store, held('hello'));
  await settled();
  let stopped = false;
  const stopping = w.consumer.stop().then(() => {
    stopped = true;
  });
  w.bus.bring(subjects.store, held('more', { label: 2 }));
  w.bus.bring(subjects.userList, '{"v":1,"asserted":"-"}', '_INBOX_tools.x');
  await settled();
  t.equal(stopped, false);
  open(accepted);
  await stopping;
  t.strictSame(answers(w.bus), ['k1/12/345 202 - Accepted']);
  t.equal(w.bus.published.length, 1);
});

t.test(
  'what a request was refused for, or is no envelope, is told by code and octet alone',
  async (t) => {
    const told: object[] = [];
    const bus = memoryBus();
    const runtime = fakeRuntime();
    const codec = fakeCodec({
      readMessage: (octets, asserted) => {
        const text = Buffer.from(octets).toString();
        const refused = { status: 400, code: 'from', reason: 'no From', offset: 17 };
        if (text.startsWith('bad')) return { ok: false, ...refused };
        const message = { octets, asserted } as unknown as IncomingMessage;
        return { ok: true, message, via: '', unreadable: { code: 'bare-lf', offset: 99 } };
      },
    });
    const consumer = startConsumer(bus, runtime, codec, {
      clock: manualClock(),
      entropy: countingEntropy(),
      onDoubtful: (one) => told.push(one),
    });
    bus.bring(subjects.store, held('bad secret'));
    bus.bring(subjects.store, held('secret', { index: 13 }));
    bus.bring(subjects.command, held('dance secret', { index: 14 }));
    await settled();
    t.strictSame(told, [
      { event: 'message.refused', node: 'k1', status: 400, code: 'from', offset: 17 },
      { event: 'cpim.unreadable', node: 'k1', code: 'bare-lf', offset: 99 },
      { event: 'command.refused', node: 'k1', status: 400, code: 'sip-bad' },
    ]);
    t.match(consumer.counters(), { unreadable: 2, 'cpim-unreadable': 1 });
    t.match(runtime.commands, [{ type: 'message.received' }], 'and taken as it is');
  },
);
