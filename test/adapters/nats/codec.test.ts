// The real SIP codec behind the bus: it fits the interface, and a message and a command make their
// whole way.
import t from 'tap';
import {
  createPublisher,
  type SipCodec,
  sendLine,
  startConsumer,
  subjects,
} from '../../../adapters/nats/index.js';
import {
  bodyOctetsMax,
  canonicalAor,
  deliverRequest,
  displayNameOctetsMax,
  headerOctetsMax,
  noticeRequest,
  noticeRowsMax,
  readAccessRules,
  readCommand,
  readContacts,
  readMessage,
  readSenderCommand,
  reportRequest,
  resultPages,
  resultRequest,
  shownOctets,
  uriCharactersMax,
} from '../../../adapters/sip/index.js';
import type { IncomingMessage } from '../../../machines/index.js';
import type { OutgoingEffect } from '../../../runtime/index.js';
import {
  b64,
  countingEntropy,
  fakeRuntime,
  held,
  manualClock,
  memoryBus,
  settled,
} from './fakes.js';

const codec: SipCodec = {
  readMessage: (octets, asserted) => readMessage(octets, asserted),
  readCommand,
  readAccessRules,
  readSenderCommand,
  resultPages: (result) => resultPages(result),
  resultRequest,
  readContacts,
  canonicalAor,
  shownOctets,
  deliverRequest: (effect) => deliverRequest(effect),
  reportRequest: (effect) => reportRequest(effect),
  noticeRequest,
  noticeRowsMax,
};

function message(to: string, type: string, body: string): string {
  return [
    `MESSAGE ${to} SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1',
    'From: "Alice" <sip:alice@example.org>;tag=1',
    `To: <${to}>`,
    'Call-ID: call-1@example.org',
    'CSeq: 7 MESSAGE',
    'Max-Forwards: 70',
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

function world() {
  const bus = memoryBus();
  const runtime = fakeRuntime();
  const clock = manualClock();
  const failures: unknown[] = [];
  const onFailure = (_where: string, error: unknown) => failures.push(error);
  startConsumer(bus, runtime, codec, { clock, entropy: countingEntropy(), onFailure });
  return { bus, runtime, clock, failures, onFailure };
}

t.test('a stored message becomes a command and, later, a send line', async (t) => {
  const w = world();
  const text = message('sip:bob@example.org', 'text/plain', 'hello');
  w.bus.bring(subjects.store, held(text));
  await settled();
  const command = w.runtime.commands[0];
  t.match(command, {
    type: 'message.received',
    node: 'k1',
    message: { aor: 'sip:bob@example.org', asserted: 'sip:alice@example.org' },
  });
  if (command?.type !== 'message.received') return;
  const publisher = createPublisher(w.bus, codec, {
    clock: w.clock,
    storeId: () => 's',
    canStore: () => true,
    answered: () => t.fail('it can be sent'),
    onFailure: w.onFailure,
  });
  publisher.heard('k1');
  publisher.send({
    type: 'deliver',
    effectId: 'd-abcdefghij-1',
    token: 'a'.repeat(26),
    node: null,
    atMs: w.clock.now(),
    message: { ...command.message, receivedAtMs: w.clock.now() },
    callId: 'c@s',
    fromTag: 'f',
    cseq: 1,
    octets: Buffer.from(text),
    late: false,
  } as unknown as OutgoingEffect);
  const line = sendLine.parse(Buffer.from(w.bus.on(subjects.send)[0] ?? ''));
  t.ok(line.ok);
  if (!line.ok) return;
  t.equal(Buffer.from(line.value.body).toString(), 'hello');
  t.equal(line.value.fromName, '"Alice"');
  t.match(line.value.headers, /^From: <sip:alice@example\.org>;tag=f\r\n/);
  t.strictSame(w.failures, []);
});

t.test('a command is answered, and its result is a MESSAGE to the asserted owner', async (t) => {
  const w = world();
  w.runtime.boxes.set('sip:alice@example.org', new Map([['a@s', Buffer.from('x')]]));
  const type = 'application/vnd.deferred-im.command+json';
  const text = message('sip:deferred@example.org', type, '{"v":1,"op":"list"}');
  w.bus.bring(subjects.command, held(text));
  await settled();
  t.match(w.bus.on(subjects.answer), [/^v1 k1 12 345 202 - /]);
  const line = sendLine.parse(Buffer.from(w.bus.on(subjects.send)[0] ?? ''));
  t.ok(line.ok);
  if (!line.ok) return;
  t.equal(line.value.ruri, 'sip:alice@example.org');
  t.match(line.value.headers, /From: <sip:deferred@example\.org>/);
  t.match(JSON.parse(Buffer.from(line.value.body).toString()), {
    op: 'list',
    callId: 'call-1@example.org',
    messages: [{ id: 'a@s' }],
  });
  t.strictSame(w.failures, []);
});

t.test('contacts of a registration become bindings', async (t) => {
  const w = world();
  const contacts = '<sip:bob@192.0.2.9:5070>;expires=60;+g.oma.sip-im, <sip:bob@192.0.2.8>';
  w.bus.bring(subjects.online, `v1 k1 1 ${b64('sip:Bob@EXAMPLE.org')} ${b64(contacts)} -`);
  await settled();
  const nowMs = w.clock.now();
  t.match(w.runtime.commands, [
    {
      type: 'recipient.registered',
      aor: 'sip:Bob@example.org',
      bindings: [
        { expiresAtMs: nowMs + 60_000, features: ['+g.oma.sip-im'] },
        { expiresAtMs: nowMs + 3_600_000, features: [] },
      ],
    },
  ]);
});

/** The largest request that is taken, in every field at once: From, To, identity and header block. */
function largest(headerOctets: number, from: string): Buffer {
  const head = (filler: string) =>
    [
      `MESSAGE sip:${'b'.repeat(uriCharactersMax - 16)}@example.org SIP/2.0`,
      `From: ${from}`,
      `To: sip:${'t'.repeat(uriCharactersMax - 16)}@example.org`,
      'Call-ID: c',
      'CSeq: 1 MESSAGE',
      'Expires: 60',
      `X: ${filler}`,
      'Content-Type: text/plain',
      '',
      '',
    ].join('\r\n');
  const filler = 'x'.repeat(headerOctets - Buffer.byteLength(head('')));
  return Buffer.concat([Buffer.from(head(filler)), Buffer.alloc(bodyOctetsMax - 1_100, 255)]);
}

t.test(
  'A11 what is taken can be sent: header blocks up to the limit, grown by what is added',
  async (t) => {
    const uri = `sip:${'a'.repeat(uriCharactersMax - 16)}@example.org`;
    const asserted = `sip:${'i'.repeat(uriCharactersMax - 16)}@example.org`;
    for (const from of [`${uri};tag=1`, `"${'n'.repeat(displayNameOctetsMax - 2)}" <${uri}>;tag=1`])
      for (const octets of [11_000, 11_990, 11_999, headerOctetsMax]) {
        const read = readMessage(largest(octets, from), asserted);
        if (!read.ok) throw new Error(read.code);
        for (const late of [false, true]) {
          const sent = sendAll(read.message, late);
          t.match(sent, { answered: [], lines: 1 }, `${octets} octets`);
        }
      }
  },
);

t.test('A11 what could not be sent later is refused at once', async (t) => {
  const over = 'a'.repeat(displayNameOctetsMax);
  const rows: readonly (readonly [number, string, Buffer])[] = [
    [413, 'from-too-large', largest(11_000, `"${over}" <sip:a@example.org>;tag=1`)],
    [400, 'from', largest(11_000, `<sip:${over}@example.org>;tag=1`)],
    [413, 'headers-too-large', largest(headerOctetsMax + 1, '<sip:a@example.org>;tag=1')],
  ];
  for (const [status, code, octets] of rows)
    t.match(readMessage(octets, null), { ok: false, status, code }, code);
});

/** Hands a delivery of a message that was taken to the publisher; what came of it. */
function sendAll(incoming: IncomingMessage, late: boolean) {
  const w = world();
  const answered: number[] = [];
  const publisher = createPublisher(w.bus, codec, {
    clock: w.clock,
    storeId: () => 'store-1',
    canStore: () => true,
    answered: (_id, _token, status) => answered.push(status),
  });
  publisher.heard('k1');
  const { octets, ...facts } = incoming;
  const message = {
    ...facts,
    octets: octets.length,
    deferredId: `d@${'h'.repeat(253)}`,
    receivedAtMs: 1,
    expiresAtMs: 60_001,
    outlivesAtMs: 1e12,
    reportException: null,
  };
  publisher.send({
    ...{ type: 'deliver', effectId: 'd-abcdefghij-1', token: 'a'.repeat(26), node: 'k1', late },
    ...{ atMs: late ? 120_000 : 2, message, octets, fromTag: 'f'.repeat(16), cseq: 999_999 },
    callId: `${'c'.repeat(26)}@${'h'.repeat(253)}`,
  });
  return { answered, lines: w.bus.on(subjects.send).length };
}
