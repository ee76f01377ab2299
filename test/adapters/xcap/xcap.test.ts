// The deferred-list document over HTTP, on a real socket and a real engine: to its owner, and to
// nobody else.
import { request as httpRequest } from 'node:http';
import t from 'tap';
import { canonicalAor, deferredListType, writeDeferredList } from '../../../adapters/sip/index.js';
import { readXml } from '../../../adapters/sip/xml.js';
import { readAddress } from '../../../adapters/xcap/address.js';
import { deferredListUsage, serveXcap, xcapLimits } from '../../../adapters/xcap/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import { bob, deleted, numbered, received } from '../../support/messages.js';

interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

async function face(secret: string | null = null, root = '/') {
  const test = await EngineUnderTest.open();
  const failures: unknown[] = [];
  const listed: string[] = [];
  const known = { value: true };
  const server = await serveXcap(
    { address: '127.0.0.1', port: 0, root, secret },
    {
      runtime: {
        knows: (aor) => known.value && test.engine.knows(aor),
        list: (aor, after, limit) => {
          listed.push(aor);
          return test.engine.list(aor, after, limit);
        },
      },
      canonicalAor,
      writeList: writeDeferredList,
      listType: deferredListType,
      onFailure: (error) => failures.push(error),
    },
  );
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<Heard>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: server.port, path, method, headers };
      const request = httpRequest(options, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, body: Buffer.concat(parts).toString('utf8') });
        });
      });
      request.on('error', reject);
      request.end();
    });
  return { test, ask, failures, listed, known, close: () => server.close() };
}

const pathOf = (user: string) => `/${deferredListUsage}/users/${user}/deferred-list`;
const own = pathOf('sip:bob@example.org');
const asBob = { 'X-3GPP-Asserted-Identity': '"sip:bob@example.org"' };

t.test('C67 owner gets the deferred list', async (t) => {
  const { test, ask, close } = await face();
  t.teardown(close);
  const ids = [await test.accept(received(numbered(1))), await test.accept(received(numbered(2)))];
  const heard = await ask(own, asBob);
  t.equal(heard.status, 200);
  t.equal(heard.headers['content-type'], 'application/vnd.oma.im.deferred-list+xml');
  t.equal(heard.headers['content-length'], String(Buffer.byteLength(heard.body)));
  const read = readXml(Buffer.from(heard.body));
  t.ok(read.ok);
  if (!read.ok) return;
  t.equal(read.root.namespace, 'urn:oma:xml:im:history-list');
  t.same(
    read.root.children.map((one) => one.attributes.get('history-reference')),
    ids.map((id) => `sip:${id}`),
  );
  t.equal(test.state(ids[0]!), 'stored', 'listing is no retrieval');
  const oldForm = { 'x-xcap-asserted-identity': 'sip:bob@EXAMPLE.org' };
  t.equal((await ask(own, oldForm)).body, heard.body, 'by the older header, unquoted');
  for (const user of ['sip%3Abob%40example.org', 'sip:%62ob@example.org', 'SIP:bob@example.org'])
    t.equal((await ask(pathOf(user), asBob)).body, heard.body, user);
});

t.test('C67 an empty mailbox has an empty list', async (t) => {
  const { ask, close } = await face();
  t.teardown(close);
  const heard = await ask(own, asBob);
  t.equal(heard.status, 200);
  t.match(heard.body, '<history-list');
  t.notMatch(heard.body, '<history ');
});

t.test('C68 list is closed to others: foreign and unknown users alike', async (t) => {
  const { test, ask, close, listed } = await face();
  t.teardown(close);
  await test.accept(received(numbered(1)));
  const asked: [string, Record<string, string>][] = [
    [own, { 'X-3GPP-Asserted-Identity': '"sip:alice@example.com"' }],
    [own, {}],
    [own, { 'X-3GPP-Asserted-Identity': '' }],
    [own, { 'X-3GPP-Asserted-Identity': '"sip:bob@example.org.evil.example"' }],
    [own, { 'X-3GPP-Asserted-Identity': 'sip:bob@example.org"' }],
    [own, { From: 'sip:bob@example.org', Authorization: 'Basic Ym9iOmJvYg==' }],
    [pathOf('sip:nobody@example.org'), asBob],
    [pathOf('sip:alice@example.com'), asBob],
    [pathOf('nonsense'), asBob],
    [`/${deferredListUsage}/users/sip:nobody@example.org/other`, asBob],
  ];
  const answers = [];
  for (const [path, headers] of asked) answers.push(await ask(path, headers));
  const { date: _date, ...first } = answers[0]!.headers;
  for (const heard of answers) {
    const { date: _ignored, ...headers } = heard.headers;
    t.same([heard.status, heard.body, headers], [403, '', first]);
  }
  t.same(listed, [], 'nobody looked');
});

t.test('C68 no method but reading, and no document but the list', async (t) => {
  const { ask, close } = await face();
  t.teardown(close);
  for (const method of ['PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS']) {
    const heard = await ask(own, asBob, method);
    t.equal(heard.status, 405, method);
    t.equal(heard.headers['allow'], 'GET, HEAD');
  }
  const tree = `/${deferredListUsage}/users/sip:bob@example.org`;
  for (const path of [tree, `${tree}/`, `${tree}/other`, `${own}/~~/history-list`, `${own}?x`])
    t.equal((await ask(path, asBob)).status, 404, path);
  for (const path of [
    '/',
    '/metrics',
    `/${deferredListUsage}/global/deferred-list`,
    '/%ff/users/x/y',
  ])
    t.equal((await ask(path, asBob)).status, 404, path);
  t.equal((await ask(`/${deferredListUsage}/users/${'x'.repeat(4000)}/y`, asBob)).status, 414);
});

t.test('ETag: a list that is known is not sent again', async (t) => {
  const { test, ask, close } = await face();
  t.teardown(close);
  const id = await test.accept(received(numbered(1)));
  const first = await ask(own, asBob);
  const etag = String(first.headers['etag']);
  t.match(etag, /^"[A-Za-z0-9_-]{27}"$/);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const heard = await ask(own, { ...asBob, 'If-None-Match': known });
    t.same([heard.status, heard.body, heard.headers['etag']], [304, '', etag], known);
  }
  t.equal((await ask(own, { ...asBob, 'If-None-Match': '"other"' })).status, 200);
  const head = await ask(own, asBob, 'HEAD');
  t.same([head.status, head.body], [200, '']);
  t.equal(head.headers['content-length'], first.headers['content-length']);
  await test.submit(deleted([id]));
  const after = await ask(own, { ...asBob, 'If-None-Match': etag });
  t.equal(after.status, 200, 'it has changed');
});

t.test('the front is known by its secret; without it no header counts', async (t) => {
  const { ask, close, listed } = await face('a long secret', '/xcap/');
  t.teardown(close);
  const path = `/xcap${own}`;
  for (const authorization of [
    '',
    'Bearer',
    'Bearer a long',
    'Bearer a long secret ',
    'a long secret',
  ]) {
    const heard = await ask(path, { ...asBob, ...(authorization && { authorization }) });
    t.equal(heard.status, authorization.endsWith(' ') ? 200 : 401, authorization);
  }
  t.equal(listed.length, 1);
  const shown = { ...asBob, authorization: 'Bearer a long secret' };
  t.equal((await ask(path, shown)).status, 200);
  t.equal((await ask(own, shown)).status, 404, 'beside its root');
  t.equal((await ask(path, { authorization: shown.authorization })).status, 403);
});

t.test('a mailbox of many pages is one document', async (t) => {
  const { test, ask, close } = await face();
  t.teardown(close);
  const count = xcapLimits.pageRows + 3;
  for (let number = 0; number < count; number += 1) {
    const asserted = `sip:alice${number % 5}@example.com`;
    const from = { asserted, fromUri: asserted, fromAor: asserted };
    await test.accept(received(numbered(number, from)));
  }
  const heard = await ask(own, asBob);
  t.equal(heard.body.split('<history ').length - 1, count);
});

t.test('an engine that cannot answer: 503, told, and no trace of the list', async (t) => {
  const { test, ask, close, failures } = await face();
  t.teardown(close);
  test.engine.list = () => Promise.reject(new Error('closing'));
  const heard = await ask(own, asBob);
  t.same([heard.status, heard.body], [503, '']);
  t.equal(failures.length, 1);
});

t.test('addresses are read in one pass, whatever they are', async (t) => {
  t.same(readAddress(own, '/'), { kind: 'list', user: bob });
  t.same(
    readAddress(pathOf('a%2Fb'), ''),
    { kind: 'list', user: 'a/b' },
    'no separator from within',
  );
  for (const root of ['xcap/a', '/xcap/a', '/xcap/a/', '//xcap//a'])
    t.equal(readAddress(`/xcap/a${own}`, root).kind, 'list', root);
  t.same(readAddress(pathOf('%ZZ'), '/'), { kind: 'elsewhere' });
  t.same(readAddress(pathOf('%c3%28'), '/'), { kind: 'elsewhere' });
  const time = (size: number) => {
    const begun = performance.now();
    for (let times = 0; times < 20; times += 1) readAddress(pathOf('%41/'.repeat(size)), '/');
    return performance.now() - begun;
  };
  time(1000);
  t.ok(time(16_000) < 12 * time(4_000) + 20);
});

t.test('a user the check after a start has not come to: 503, and no list by half', async (t) => {
  const { ask, listed, known, close } = await face();
  t.teardown(close);
  known.value = false;
  const heard = await ask(own, asBob);
  t.same([heard.status, heard.headers['retry-after'], listed], [503, '5', []]);
  known.value = true;
  t.equal((await ask(own, asBob)).status, 200);
});
