// The owner's commands over request and reply: pages, retrieval with confirmation, and who may.
import t from 'tap';
import {
  type Malformed,
  natsLimits,
  refuse,
  serveRequests,
  startConsumer,
  subjects,
} from '../../../adapters/nats/index.js';
import { schemaChecker } from '../../../machines/index.js';
import {
  countingEntropy,
  fakeCodec,
  fakeRuntime,
  manualClock,
  memoryBus,
  settled,
} from './fakes.js';

const bob = 'sip:bob@example.org';
const inbox = '_INBOX_tools.x';

interface AnyReply {
  ok: boolean;
  status?: number;
  code?: string;
  messages?: { deferredId?: string; id?: string; status?: number; octets?: string }[];
  next?: string | null;
  token?: string;
  left?: string[];
  results?: unknown;
}

function world() {
  const bus = memoryBus();
  const runtime = fakeRuntime();
  const clock = manualClock();
  const malformed: Malformed[] = [];
  const failures: string[] = [];
  startConsumer(bus, runtime, fakeCodec(), {
    clock,
    entropy: countingEntropy(),
    onMalformed: (m) => malformed.push(m),
    onFailure: (where) => failures.push(where),
  });
  const box = (aor: string, ids: Record<string, string | Uint8Array>) =>
    runtime.boxes.set(
      aor,
      new Map(Object.entries(ids).map(([id, octets]) => [id, Buffer.from(octets as string)])),
    );
  const ask = async (subject: string, request: unknown): Promise<AnyReply> => {
    const text = typeof request === 'string' ? request : JSON.stringify(request);
    const before = bus.on(inbox).length;
    bus.bring(subject, text, inbox);
    await settled();
    const replies = bus.on(inbox);
    if (replies.length !== before + 1) throw new Error('not exactly one reply');
    const last = replies.at(-1)!;
    if (Buffer.byteLength(last) > natsLimits.payloadBytesMax) throw new Error('too long');
    return JSON.parse(last) as AnyReply;
  };
  return { bus, runtime, clock, malformed, failures, box, ask };
}

t.test('C93 list: the asserted owner sees his own, page by page', async (t) => {
  const w = world();
  w.box(bob, { 'a@s': 'one', 'b@s': 'two', 'c@s': 'three' });
  const first = await w.ask(subjects.userList, { v: 1, asserted: 'sip:BOB@example.org', limit: 2 });
  t.match(first, { v: 1, ok: true, messages: [{ deferredId: 'a@s' }, { deferredId: 'b@s' }] });
  t.equal(first.next, 'b@s');
  const second = await w.ask(subjects.userList, { v: 1, asserted: bob, after: first.next });
  t.match(second, { messages: [{ deferredId: 'c@s' }], next: null });
  t.match(await w.ask(subjects.userList, { v: 1, asserted: 'sip:alice@example.org' }), {
    messages: [],
  });
  t.strictSame(w.failures, []);
});

t.test('list: a page ends at 256 KiB and says where to go on', async (t) => {
  const w = world();
  const ids = Array.from({ length: 500 }, (_, i) => `${'x'.repeat(500)}${i}@s`);
  w.box(bob, Object.fromEntries(ids.map((id) => [id, 'x'])));
  const seen: (string | undefined)[] = [];
  let after: string | null = null;
  let pages = 0;
  do {
    const page: AnyReply = await w.ask(subjects.userList, { v: 1, asserted: bob, after });
    seen.push(...page.messages!.map((m) => m.deferredId));
    after = page.next ?? null;
    pages += 1;
  } while (after !== null && pages < 10);
  t.ok(pages > 1);
  t.strictSame(seen, ids);
});

t.test('X11 C91 without an asserted owner, or a usable one: 403', async (t) => {
  const w = world();
  w.box(bob, { 'a@s': 'one' });
  for (const asserted of ['-', 'nonsense', 'tel:'])
    for (const [subject, more] of [
      [subjects.userList, {}],
      [subjects.userRetrieve, { ids: ['a@s'] }],
      [subjects.userDelete, { ids: 'all' }],
      [subjects.userConfirm, { token: 'a'.repeat(26) }],
    ] as const)
      t.match(await w.ask(subject, { v: 1, asserted, ...more }), { ok: false, status: 403 });
  t.strictSame(w.runtime.commands, []);
});

t.test('retrieve: octets and a token; stored until confirmed within 60 s', async (t) => {
  const w = world();
  w.box(bob, { 'a@s': Buffer.from([0, 255, 13, 10]) });
  const got = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: ['a@s', 'no@s'] });
  t.match(got, {
    ok: true,
    messages: [
      { id: 'a@s', status: 200, octets: 'AP8NCg==' },
      { id: 'no@s', status: 404 },
    ],
    left: [],
  });
  t.strictSame(w.runtime.commands, [], 'retrieving changes nothing');
  const results = [{ id: 'a@s', status: 200 as const }];
  w.runtime.answer = () => ({ kind: 'results', results });
  const foreign = { v: 1, asserted: 'sip:alice@example.org', token: got.token };
  t.match(await w.ask(subjects.userConfirm, foreign), { ok: false, status: 404 });
  w.clock.advance(natsLimits.confirmWithinMs);
  const confirmed = await w.ask(subjects.userConfirm, { v: 1, asserted: bob, token: got.token });
  t.strictSame(confirmed.results, results);
  t.strictSame(w.runtime.commands, [{ type: 'messages.retrieved', aor: bob, ids: ['a@s'] }]);
  const again = await w.ask(subjects.userConfirm, { v: 1, asserted: bob, token: got.token });
  t.strictSame(again.results, results, 'a lost reply is repeated');
  t.equal(w.runtime.commands.length, 1);
});

t.test('retrieve: a token is worth nothing after 60 s', async (t) => {
  const w = world();
  w.box(bob, { 'a@s': 'one' });
  const got = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: ['a@s'] });
  w.clock.advance(natsLimits.confirmWithinMs + 1);
  const late = await w.ask(subjects.userConfirm, { v: 1, asserted: bob, token: got.token });
  t.match(late, { ok: false, status: 404, code: 'token-unknown' });
  t.strictSame(w.runtime.commands, []);
});

t.test('retrieve: what does not fit is left for the next request', async (t) => {
  const w = world();
  const big = 'x'.repeat(natsLimits.requestBytesMax);
  w.box(bob, { '1@s': big, '2@s': big, '3@s': big, '4@s': big });
  const ids = ['1@s', '2@s', '3@s', '4@s'];
  const got = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids });
  t.equal(got.messages!.length, 3);
  t.strictSame(got.left, ['4@s']);
  const rest = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: got.left });
  t.equal(rest.messages!.length, 1);
  t.strictSame(rest.left, []);
});

t.test('retrieve: all, oldest first, a page at a time until nothing is left', async (t) => {
  const w = world();
  const big = 'x'.repeat(natsLimits.requestBytesMax);
  w.box(bob, { '1@s': big, '2@s': big, '3@s': big, '4@s': 'small', '5@s': big });
  const first = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: 'all' });
  t.strictSame(
    first.messages!.map((one) => [one.id, one.status]),
    [
      ['1@s', 200],
      ['2@s', 200],
      ['3@s', 200],
      ['4@s', 200],
    ],
  );
  t.strictSame(first.left, ['5@s']);
  const rest = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: first.left });
  t.strictSame([rest.messages!.length, rest.left], [1, []]);
  const nobody = { v: 1, asserted: 'sip:carol@example.org', ids: 'all' };
  t.match(await w.ask(subjects.userRetrieve, nobody), { ok: true, token: null, messages: [] });
  const other = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: 'some' });
  t.match(other, { ok: false, status: 400 });
});

t.test(
  'retrieve: all of a very large mailbox comes in pages of as many as one request may name',
  async (t) => {
    const w = world();
    const ids = Array.from({ length: natsLimits.idsMax + 20 }, (_, at) => `${at}@s`);
    w.box(bob, Object.fromEntries(ids.map((id) => [id, 'x'])));
    const got = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: 'all' });
    t.strictSame(
      got.messages!.map((one) => one.id),
      ids.slice(0, natsLimits.idsMax),
    );
  },
);

t.test('retrieve: nothing found gives no token', async (t) => {
  const w = world();
  const got = await w.ask(subjects.userRetrieve, { v: 1, asserted: bob, ids: ['no@s'] });
  t.equal(got.token, null);
});

t.test('C92 delete: one, some, all, a status for each id', async (t) => {
  const w = world();
  w.runtime.answer = () => ({ kind: 'results', results: [{ id: 'a@s', status: 404 }] });
  const one = await w.ask(subjects.userDelete, { v: 1, asserted: bob, ids: ['a@s'] });
  t.strictSame(one.results, [{ id: 'a@s', status: 404 }]);
  await w.ask(subjects.userDelete, { v: 1, asserted: bob, ids: 'all' });
  t.strictSame(w.runtime.commands, [
    { type: 'messages.deleted', aor: bob, ids: ['a@s'] },
    { type: 'messages.deleted', aor: bob, ids: 'all' },
  ]);
});

t.test('a refusal of the runtime and its closing are told', async (t) => {
  const w = world();
  w.runtime.answer = () => ({
    kind: 'refused',
    status: 503,
    code: 'store-full',
    reason: 'Full',
    retryAfterSeconds: null,
  });
  const request = { v: 1, asserted: bob, ids: 'all' };
  t.match(await w.ask(subjects.userDelete, request), { status: 503, code: 'store-full' });
  w.runtime.answer = () => Promise.reject(new Error('closing'));
  t.match(await w.ask(subjects.userDelete, request), { status: 503, code: 'unavailable' });
  t.equal(w.failures.length, 1);
});

t.test('P4 P5 F10 requests of every bad form are refused with 400 and counted', async (t) => {
  const w = world();
  const bad = [
    '',
    'x',
    '[]',
    'null',
    '{}',
    '{"v":2,"asserted":"sip:bob@example.org"}',
    '{"v":1,"asserted":5}',
    '{"v":1,"asserted":""}',
    '{"v":1,"asserted":"a\\r\\nb"}',
    '{"v":1,"asserted":"sip:bob@example.org","more":1}',
    '{"v":1,"asserted":"sip:bob@example.org","__proto__":{"x":1}}',
    '{"v":1,"asserted":"sip:bob@example.org","after":{"constructor":1}}',
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    `{"v":1,"asserted":"${'x'.repeat(natsLimits.jsonRequestBytesMax)}"}`,
  ];
  for (const text of bad)
    t.match(await w.ask(subjects.userList, text), { ok: false, status: 400 }, text.slice(0, 60));
  t.equal(w.malformed.length, bad.length);
  const named = w.malformed.filter((m) => m.code === 'json-name-forbidden');
  t.equal(named.length, 2, 'names that reach a prototype');
  w.bus.bring(subjects.userList, Buffer.from([0xc3, 0x28]), inbox);
  w.bus.bring(subjects.userList, `{"v":1,"asserted":"${bob}"}`);
  w.bus.bring(subjects.userList, `{"v":1,"asserted":"${bob}"}`, subjects.send);
  await settled();
  t.equal(w.malformed.length, bad.length + 3);
  t.strictSame(w.bus.on(subjects.send), [], 'a reply never goes to a subject of ours');
  t.equal(({} as { x?: number }).x, undefined);
});

t.test('P5 brackets within strings are not nesting', async (t) => {
  const w = world();
  const asserted = `sip:${'[{\\"'.repeat(100)}@example.org`;
  const text = `{"v":1,"asserted":"${asserted}"}`;
  t.match(await w.ask(subjects.userList, text), { ok: true });
});

t.test('the generic door bounds its work and checks its own replies', async (t) => {
  const bus = memoryBus();
  const any = schemaChecker({ type: 'object' });
  const strict = schemaChecker({ type: 'object', required: ['good'], properties: { good: {} } });
  const failures: string[] = [];
  let reply: unknown = { bad: 1 };
  let open: () => void = () => undefined;
  serveRequests(bus, {
    subject: 'deferred-im.v1.admin.try',
    request: any,
    reply: strict,
    inFlightMax: 1,
    onFailure: (where) => failures.push(where),
    handle: async () => {
      await new Promise<void>((resolve) => {
        open = resolve;
      });
      return reply;
    },
  });
  const ask = async () => {
    bus.bring('deferred-im.v1.admin.try', '{}', inbox);
    await settled();
  };
  await ask();
  await ask();
  t.match(JSON.parse(bus.on(inbox)[0]!), { status: 503, code: 'busy' });
  open();
  await settled();
  t.match(JSON.parse(bus.on(inbox)[1]!), { status: 500, code: 'reply-invalid' });
  for (const [value, code] of [
    [{ good: 'x'.repeat(natsLimits.payloadBytesMax) }, 'reply-too-long'],
    [refuse(404, 'none', 'x'), 'none'],
    [refuse(404, 'No Code', 'x'), 'reply-invalid'],
  ] as const) {
    reply = value;
    await ask();
    open();
    await settled();
    t.match(JSON.parse(bus.on(inbox).at(-1)!), { ok: false, code });
  }
  t.equal(failures.length, 2);
});

t.test(
  'a user the check after a start has not come to: 503 not-ready, nothing by half',
  async (t) => {
    const w = world();
    w.box(bob, { d1: 'one' });
    w.runtime.knows = () => false;
    const asked = { v: 1, asserted: bob };
    for (const [subject, more] of [
      [subjects.userList, {}],
      [subjects.userRetrieve, { ids: 'all' }],
      [subjects.userDelete, { ids: 'all' }],
      [subjects.userPreferences, {}],
    ] as const)
      t.match(await w.ask(subject, { ...asked, ...more }), { status: 503, code: 'not-ready' });
    t.same(w.runtime.commands, []);
    w.runtime.knows = () => true;
    t.match(await w.ask(subjects.userList, asked), { ok: true, messages: [{ deferredId: 'd1' }] });
  },
);
