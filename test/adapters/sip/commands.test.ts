// User commands by SIP, the pages of their results, and the contacts of a registration.
import t from 'tap';
import {
  bareDeferredId,
  commandType,
  pageOctetsMax,
  readCommand,
  readContacts,
  readRequest,
  resultPages,
  resultRequest,
  type UserResult,
} from '../../../adapters/sip/index.js';
import { jsonDepthMax } from '../../../adapters/sip/json.js';
import { messageOctetsMax } from '../../../adapters/sip/limits.js';
import { readXml } from '../../../adapters/sip/xml.js';
import type { ListedMessage } from '../../../runtime/index.js';
import { alice, request } from './samples.js';

const command = (body: string | Uint8Array, asserted: string | null = alice) =>
  readCommand(request(body, [`Content-Type: ${commandType}`]), asserted);
const commandOf = (value: unknown) => command(JSON.stringify(value));

t.test('commands are read', async (t) => {
  const rows: readonly (readonly [object, object])[] = [
    [{ op: 'list' }, { op: 'list', ids: 'all', after: null }],
    [
      { op: 'list', after: 'a@b' },
      { op: 'list', after: 'a@b' },
    ],
    [{ op: 'list', after: null }, { after: null }],
    [
      { op: 'retrieve', ids: ['a@b', 'c@d'] },
      { op: 'retrieve', ids: ['a@b', 'c@d'] },
    ],
    [
      { op: 'delete', ids: 'all' },
      { op: 'delete', ids: 'all' },
    ],
    [{ op: 'delete', ids: ['a@b', 'sip:a@b'] }, { ids: ['a@b'] }],
    [{ op: 'delete', ids: 'all', extra: { a: [1] } }, { op: 'delete' }],
  ];
  for (const [body, expected] of rows) {
    const whole = { ...expected, aor: alice, callId: 'asd88asd77a@pc33.example.com' };
    t.match(commandOf({ v: 1, ...body }), { ok: true, command: whole }, JSON.stringify(body));
  }
});

t.test('C67 a list is written as Accept asks for it, and as form says', async (t) => {
  const list = 'application/vnd.oma.im.deferred-list+xml';
  const formOf = (accept: readonly string[], body: object = {}) => {
    const lines = [`Content-Type: ${commandType}`, ...accept.map((one) => `Accept: ${one}`)];
    const read = readCommand(request(JSON.stringify({ v: 1, op: 'list', ...body }), lines), alice);
    return read.ok && read.command.form;
  };
  t.equal(formOf([]), 'json');
  t.equal(formOf([list]), 'xml');
  t.equal(formOf([`text/plain, ${list};q=0.8`]), 'xml');
  t.equal(formOf([`${list}, application/vnd.deferred-im.result+json`]), 'json', 'both are taken');
  t.equal(formOf(['text/plain']), 'json');
  t.equal(formOf([list], { form: 'json' }), 'json');
});

t.test('C07 an id counts with and without sip:', async (t) => {
  const id = '13684434990@mailserver32.example.org';
  t.equal(bareDeferredId(id), id);
  t.equal(bareDeferredId(`sip:${id}`), id);
  t.equal(bareDeferredId(`SIP:${id}`), id);
  for (const bad of [
    '',
    'sip:',
    'a b',
    'a\n',
    'a"b',
    'a\\b',
    'é@b',
    'a'.repeat(201),
    7,
    null,
    {},
  ]) {
    t.equal(bareDeferredId(bad), null, String(bad));
  }
});

t.test('X11 C91 only an asserted user commands, and only by the command type', async (t) => {
  t.match(command('{"v":1,"op":"list"}', null), { ok: false, status: 403, code: 'not-asserted' });
  t.match(command('{"v":1,"op":"list"}', 'x'), { ok: false, status: 403 });
  const plain = request('{"v":1,"op":"list"}', ['Content-Type: application/json']);
  t.match(readCommand(plain, alice), { ok: false, status: 415, code: 'command-type' });
  t.match(readCommand(Buffer.from('x'), alice), { ok: false, status: 400, code: 'start-line' });
});

t.test('P4 P5 F10 malformed and hostile JSON is refused by a finding', async (t) => {
  const id = '"a@b"';
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const rows: readonly (readonly [string, string])[] = [
    ['', 'json'],
    ['{', 'json'],
    ['{"v":1,"op":"list"', 'json'],
    ['{"v":1,"op":"list}', 'json'],
    ['[]', 'command'],
    ['null', 'command'],
    ['"list"', 'command'],
    ['{"op":"list"}', 'command-version'],
    ['{"v":"1","op":"list"}', 'command-version'],
    ['{"v":1}', 'command-op'],
    ['{"v":1,"op":"toString"}', 'command-op'],
    ['{"v":1,"op":["list"]}', 'command-op'],
    ['{"v":1,"op":"delete"}', 'command-ids'],
    ['{"v":1,"op":"delete","ids":[]}', 'command-ids'],
    ['{"v":1,"op":"delete","ids":"some"}', 'command-ids'],
    ['{"v":1,"op":"delete","ids":[1]}', 'command-ids'],
    ['{"v":1,"op":"delete","ids":{"length":1}}', 'command-ids'],
    [`{"v":1,"op":"delete","ids":[${Array(257).fill(id)}]}`, 'command-ids'],
    ['{"v":1,"op":"list","after":1}', 'command-after'],
    ['{"v":1,"op":"list","op":"delete"}', 'json-key'],
    ['{"v":1,"op":"list","o\\u0070" : "delete"}', 'json-key'],
    ['{"__proto__":{},"v":1,"op":"list"}', 'json-key'],
    ['{"v":1,"op":"list","x":[{"constructor":1}]}', 'json-key'],
    ['{"v":1,"op":"list","x":{"prototype":1}}', 'json-key'],
    ['{"\\u005f_proto__":1}', 'json-key'],
    ['{"\\x":1}', 'json'],
    ['"a":1', 'json-key'],
    [`{"v":1,"op":"list","x":${deep(jsonDepthMax)}}`, 'json-depth'],
    [deep(5_000), 'json-depth'],
    ['{"v":1,"op":"list"} x', 'json'],
  ];
  for (const [body, code] of rows) {
    t.match(command(body), { ok: false, status: 400, code }, body.slice(0, 70));
  }
  t.match(command(`{"v":1,"op":"list","x":${deep(jsonDepthMax - 1)}}`), { ok: true });
  t.match(command('{"v":1,"op":"list","x":"constructor"}'), { ok: true }, 'a value is no key');
  t.match(command(Buffer.from([0x22, 0xff, 0x22])), { status: 400, code: 'bad-utf8' });
  t.match(command(' '.repeat(16_385)), { status: 413, code: 'command-too-large' });
});

const pagesOf = (result: UserResult) => resultPages(result).map((page) => JSON.parse(page));

t.test('a bulk result gives one row per id, in pages', async (t) => {
  const results = Array.from({ length: 100 }, (_, at) => ({
    id: `${'x'.repeat(at)}@store.example.org`,
    status: at % 2 ? 404 : 200,
  })) as { id: string; status: 200 | 404 }[];
  const result = { op: 'delete', callId: 'c@h', results } as const;
  for (const page of resultPages(result)) t.ok(Buffer.byteLength(page) <= pageOctetsMax);
  const pages = pagesOf(result);
  t.ok(pages.length > 1);
  t.same(
    pages.flatMap((page) => page.results),
    results,
  );
  for (const [at, page] of pages.entries()) {
    t.match(page, { v: 1, op: 'delete', callId: 'c@h', page: at + 1, of: pages.length });
  }
  t.same(pagesOf({ op: 'retrieve', callId: 'c', results: [] }), [
    { v: 1, op: 'retrieve', callId: 'c', page: 1, of: 1, results: [] },
  ]);
});

const listed = (more: Partial<ListedMessage> = {}): ListedMessage => ({
  deferredId: 'k3v9q2@im.example.org',
  state: 'stored',
  from: alice,
  to: 'sip:bob@example.org',
  subject: 'Lunch',
  contentType: 'message/cpim',
  octets: 747,
  receivedAtMs: 1_154_426_401_000,
  expiresAtMs: 1_154_430_000_000,
  sentAtMs: null,
  contentOctets: 37,
  fromUri: alice,
  authId: alice,
  ...more,
});

t.test('a list is paged, and every message is on it whatever its texts', async (t) => {
  const messages = [
    listed(),
    listed({ subject: '😀'.repeat(400), expiresAtMs: null, from: null }),
    listed({ contentType: `a/${'b'.repeat(5_000)}` }),
    listed({ to: `sip:${'b'.repeat(400)}@x`, from: `sip:${'c'.repeat(400)}@x` }),
    listed({ deferredId: 'i'.repeat(200), from: 'sip:'.padEnd(3_000, 'x') }),
  ];
  const longest = { op: 'list', callId: 'c'.repeat(256), messages, next: 'n'.repeat(200) } as const;
  const ids = messages.map((message) => message.deferredId);
  t.same(
    pagesOf(longest).flatMap((page) => page.messages.map((row: { id: string }) => row.id)),
    ids,
  );
  const result = { ...longest, callId: 'c'.repeat(64), next: 'n'.repeat(100) };
  for (const page of resultPages(result))
    t.ok(Buffer.byteLength(page) <= pageOctetsMax, page.length.toString());
  const rows = pagesOf(result).flatMap((page) => page.messages);
  t.same(
    rows.map((row) => row.id),
    ids,
  );
  t.match(rows[0], {
    from: alice,
    subject: 'Lunch',
    receivedAt: '2006-08-01T10:00:01.000Z',
    expiresAt: '2006-08-01T11:00:00.000Z',
  });
  t.equal(rows[1].expiresAt, null);
  t.notMatch(rows[1].subject, '\ufffd');
  t.equal(pagesOf(result)[0].next, 'n'.repeat(100));
});

t.test('a result is a MESSAGE to the user who asked, within 1300 octets', async (t) => {
  const [body] = resultPages({
    op: 'list',
    callId: 'c@h',
    messages: Array(50).fill(listed()),
    next: null,
  });
  const parts = resultRequest({
    aor: alice,
    serviceUri: 'sip:deferred@example.com',
    correlation: 'c@h',
    body: body!,
    effectId: 'n-k3v9q2a7bc-1',
  });
  t.equal(parts.ruri, alice);
  t.same(parts.headers.split('\r\n'), [
    'From: <sip:deferred@example.com>;tag=n-k3v9q2a7bc-1',
    `To: <${alice}>`,
    'Call-ID: n-k3v9q2a7bc-1@example.com',
    'CSeq: 1 MESSAGE',
    'P-Asserted-Identity: <sip:deferred@example.com>',
    'In-Reply-To: c@h',
    'Content-Type: application/vnd.deferred-im.result+json',
    '',
  ]);
  const octets = `MESSAGE ${parts.ruri} SIP/2.0\r\n${parts.headers}\r\n${body}`;
  t.ok(octets.length < messageOctetsMax);
  t.ok(readRequest(Buffer.from(octets)).ok);
});

t.test('preferences: asked for, changed, and what is malformed', async (t) => {
  t.match(command('{"v":1,"op":"preferences"}'), {
    ok: true,
    command: { op: 'preferences', ids: 'all', set: null, discardBlocked: false },
  });
  const set = '{"deferral":"off","add":[{"from":"SIP:Mallory@EXAMPLE.net","action":"block"}]}';
  t.match(command(`{"v":1,"op":"preferences","set":${set},"discardBlocked":true}`), {
    ok: true,
    command: {
      set: { deferral: 'off', add: [{ from: 'sip:Mallory@example.net', action: 'block' }] },
      discardBlocked: true,
    },
  });
  t.match(command(`{"v":1,"op":"list","set":${set}}`), { ok: true, command: { set: null } });
  const rows: [string, string][] = [
    ['7', '/'],
    ['{}', '/'],
    ['{"deferral":"perhaps"}', '/deferral'],
    ['{"rules":[{"from":"x","action":"block"}]}', '/rules/0/from'],
  ];
  for (const [value, place] of rows)
    t.match(command(`{"v":1,"op":"preferences","set":${value}}`), {
      ok: false,
      status: 400,
      code: 'command-set',
      reason: `malformed set at ${place}`,
    });
});

t.test('contacts become bindings', async (t) => {
  const value =
    '"A, B" <sip:bob@192.0.2.1:5070;transport=tcp>;expires=60;+g.oma.sip-im;q=0.5, ' +
    'sip:bob@192.0.2.2;+sip.instance="<urn:uuid:1>";audio , ' +
    '<sip:gone@x>;expires=0,<sip:odd@x>;Expires=abc';
  t.same(readContacts(value, 3600, 1_000), [
    {
      contact: 'sip:bob@192.0.2.1:5070;transport=tcp',
      expiresAtMs: 61_000,
      features: ['+g.oma.sip-im'],
    },
    { contact: 'sip:bob@192.0.2.2', expiresAtMs: 3_601_000, features: ['+sip.instance'] },
    { contact: 'sip:gone@x', expiresAtMs: 1_000, features: [] },
    { contact: 'sip:odd@x', expiresAtMs: 3_601_000, features: [] },
  ]);
  t.same(readContacts('*', 3600, 0), []);
  t.same(readContacts('', 3600, 0), []);
  t.same(readContacts('<sip:a@b>, <broken', 3600, 0).length, 1);
  t.equal(readContacts('<sip:a@b>', 0, 7)[0]?.expiresAtMs, 7, 'ends now: a removal');
  t.equal(readContacts('<sip:a@b>;expires=4294967295', 0, 0)[0]?.expiresAtMs, 4_294_967_295_000);
  t.equal(readContacts(Array(100).fill('<sip:a@b>').join(), 60, 0).length, 64);
});

t.test(
  'spec 4.1 a list as documents: every row on one of them, whole, within its octets',
  async (t) => {
    const messages = Array.from({ length: 9 }, (_, at) =>
      listed({ deferredId: `id${at}@store.example.org`, subject: 'x'.repeat(at * 100) }),
    );
    const result = { op: 'list', callId: 'c', form: 'xml', messages, next: null } as const;
    const pages = resultPages(result);
    t.ok(pages.length > 1);
    for (const page of pages) t.ok(Buffer.byteLength(page) <= 900);
    const ids = pages.flatMap((page) => {
      const read = readXml(Buffer.from(page));
      return read.ok
        ? read.root.children.map((one) => one.attributes.get('history-reference'))
        : [];
    });
    t.same(
      ids,
      messages.map((one) => `sip:${one.deferredId}`),
    );
    const [empty] = resultPages({ ...result, messages: [] });
    const parts = resultRequest({
      aor: 'sip:bob@example.org',
      serviceUri: 'sip:deferred@example.org',
      correlation: 'c@h',
      body: empty!,
      effectId: 'n-1-1',
    });
    t.match(parts.headers, 'Content-Type: application/vnd.oma.im.deferred-list+xml\r\n');
  },
);
