// N1, N2: nothing a user writes becomes part of a subject, and nothing but our subjects is spoken.
import t from 'tap';
import {
  adminSubject,
  connectBus,
  createPublisher,
  inboxPrefix,
  isReplySubject,
  startConsumer,
  subjects,
} from '../../../adapters/nats/index.js';
import type { OutgoingEffect } from '../../../runtime/index.js';
import {
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  held,
  manualClock,
  parts,
  settled,
} from './fakes.js';
import { client, startServer, until } from './nats-server.js';

const hostile = [
  'alice evil.reply',
  'alice\r\nPUB forged 1\r\nx\r\n',
  'a.b.*',
  '>',
  '*',
  '$SYS.REQ',
  '\0',
  '\u2028',
  'sip:alice@example.org;x=\r\nSUB > 1',
  'deferred-im-v1-send',
  ' ',
  '-',
  'v1 k1 x',
];

t.test('N1 N2 no user string changes the subjects or frames a neighbour sees', async (t) => {
  const server = await startServer();
  t.teardown(() => server.stop());
  const sniffer = await client(server.url);
  t.teardown(() => sniffer.close());
  const frames: { subject: string; fields: number; reply: boolean }[] = [];
  sniffer.subscribe('>', {
    callback: (_error, m) => {
      const fields = m.string().split(' ').length;
      frames.push({ subject: m.subject, fields, reply: Boolean(m.reply) });
    },
  });
  await sniffer.flush();
  const bus = await connectBus({
    servers: [server.url],
    inboxPrefix: inboxPrefix('engine'),
    name: 'test',
  });
  t.teardown(() => bus.close());
  const clock = manualClock();
  let evil = '';
  const codec = fakeCodec({
    readMessage: () => ({ ok: false, status: 415, code: evil, reason: evil }),
    deliverRequest: () => ({ ...parts, headers: `Subject: ${evil}\r\n`, fromName: null }),
    reportRequest: () => ({ ...parts, body: Buffer.from(evil) }),
  });
  const publisher = createPublisher(bus, codec, {
    clock,
    storeId: () => evil,
    canStore: () => true,
    answered: () => undefined,
  });
  startConsumer(bus, fakeRuntime(), codec, { clock, entropy: countingEntropy() });
  await bus.flush();
  publisher.heard('k1');
  let sent = 0;
  for (const [label, text] of hostile.entries()) {
    evil = text;
    const token = 'a'.repeat(26);
    publisher.send({
      type: 'deliver',
      effectId: 'd-abcdefghij-1',
      token,
      node: null,
    } as OutgoingEffect);
    publisher.send({
      type: 'report',
      effectId: 'r-abcdefghij-1',
      token,
      node: null,
    } as OutgoingEffect);
    bus.publish(subjects.store, held(text, { label }));
    sent += 4;
    await bus.flush();
    await settled();
  }
  await until(() => frames.length >= sent);
  await sniffer.flush();
  t.equal(frames.length, sent, 'one store, one answer, two sends for each');
  const expected: Record<string, number> = { [subjects.send]: 11, [subjects.answer]: 8 };
  for (const frame of frames) {
    t.equal(frame.reply, false);
    if (frame.subject in expected) t.equal(frame.fields, expected[frame.subject]);
    else t.equal(frame.subject, subjects.store);
  }
  // The name of the store comes from a hostile text as well: such a beat never leaves.
  for (const text of hostile) {
    evil = text;
    publisher.start();
    publisher.stop();
  }
  await bus.flush();
  await sniffer.flush();
  const beats = frames.filter((f) => f.subject === subjects.beat).length;
  t.equal(beats, 2, 'only the two that are plain words');
});

t.test('N2 a reply goes to an inbox of plain tokens or nowhere', async (t) => {
  for (const good of ['_INBOX.abc', '_INBOX_tools.abc.1', '_INBOX_operator.A-b_9'])
    t.ok(isReplySubject(good), good);
  const bad = [
    ...hostile,
    '',
    '_INBOX',
    '_INBOX.',
    '_INBOX..a',
    '_INBOX.*',
    '_INBOX.>',
    '_INBOX.a b',
  ];
  for (const text of [...bad, `_INBOX.${'a'.repeat(300)}`, ...Object.values(subjects)])
    t.notOk(isReplySubject(text), encodeURIComponent(text));
});

t.test('N1 parts of subjects are asserted', async (t) => {
  t.equal(inboxPrefix('engine'), '_INBOX_engine');
  t.equal(adminSubject('policy-list'), 'deferred-im.v1.admin.policy-list');
  for (const text of [...hostile, '', 'A', 'a.b', 'a'.repeat(105)]) {
    t.throws(() => inboxPrefix(text), TypeError);
    if (text !== 'deferred-im-v1-send') t.throws(() => adminSubject(text), TypeError);
  }
});

t.test('subjects toward the proxies have no dots', async (t) => {
  for (const name of ['answer', 'send', 'beat'] as const)
    t.match(subjects[name], /^[a-z][a-z0-9-]*$/);
  t.equal(new Set(Object.values(subjects)).size, Object.values(subjects).length);
});
