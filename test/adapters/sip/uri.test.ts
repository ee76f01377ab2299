// Identities: rows after the comparison rules of RFC 3261 section 19.1.4, and threat P8.
import t from 'tap';
import { bareUri, canonicalAor, hostOf, nameAddr } from '../../../adapters/sip/index.js';
import { nameAddrPrefix, uriCharactersMax } from '../../../adapters/sip/uri.js';

const canonical: readonly (readonly [string, string | null])[] = [
  ['sip:bob@example.org', 'sip:bob@example.org'],
  ['SIP:bob@EXAMPLE.org', 'sip:bob@example.org'],
  ['sip:Bob@example.org', 'sip:Bob@example.org'],
  ['sip:%62ob@example.org', 'sip:bob@example.org'],
  ['sip:b%6Fb@example.org', 'sip:bob@example.org'],
  ['sip:bob%40x@example.org', 'sip:bob%40x@example.org'],
  ['sip:b%3bb@example.org', 'sip:b%3Bb@example.org'],
  ['sip:b;b@example.org', 'sip:b;b@example.org'],
  ['sip:j%c3%b6rg@example.org', 'sip:j%C3%B6rg@example.org'],
  ['sip:bob:secret@example.org', 'sip:bob@example.org'],
  ['sip:bob@example.org;user=phone', 'sip:bob@example.org'],
  ['sip:bob@example.org;transport=tcp;maddr=192.0.2.1', 'sip:bob@example.org'],
  ['sip:bob@example.org?Subject=x', 'sip:bob@example.org'],
  ['sip:bob@example.org:5060', 'sip:bob@example.org'],
  ['sip:bob@example.org:05060', 'sip:bob@example.org'],
  ['sip:bob@example.org:5070', 'sip:bob@example.org:5070'],
  ['sips:bob@example.org:5061', 'sips:bob@example.org'],
  ['sips:bob@example.org:5060', 'sips:bob@example.org:5060'],
  ['sip:bob@example.org.', 'sip:bob@example.org'],
  ['sip:bob@192.0.2.1', 'sip:bob@192.0.2.1'],
  ['sip:bob@[2001:DB8::1]:5060', 'sip:bob@[2001:db8::1]'],
  ['tel:+1-201-555-0123', 'tel:+12015550123'],
  ['TEL:+1(201)555.0123;ext=1', 'tel:+12015550123'],
  ['tel:7042;phone-context=Example.com', 'tel:7042;phone-context=example.com'],
  ['tel:7042', null],
  ['tel:+abc', null],
  ['tel:', null],
  ['sip:example.org', null],
  ['sip:@example.org', null],
  ['sip::pw@example.org', null],
  ['sip:bob@', null],
  ['sip:bob@@example.org', null],
  ['sip:bob@evil@example.org', null],
  ['sip:bob@example.org;x=@evil', null],
  ['sip:bob%00@example.org', null],
  ['sip:bob@example.org;x=%00', null],
  ['sip:bob%0d%0a@example.org', null],
  ['sip:bob%7F@example.org', null],
  ['sip:bob%4@example.org', null],
  ['sip:bob%zz@example.org', null],
  ['sip:b ob@example.org', null],
  ['sip:bob@example.org ', null],
  ['sip:bob\r\n@example.org', null],
  ['sip:bob\0@example.org', null],
  ['sip:b<o>b@example.org', null],
  ['sip:b"ob@example.org', null],
  ['sip:bоb@example.org', null],
  ['sip:bob@exаmple.org', null],
  ['sip:bob@exa_mple.org', null],
  ['sip:bob@-example.org', null],
  ['sip:bob@example-.org', null],
  ['sip:bob@example..org', null],
  ['sip:bob@example.org:', null],
  ['sip:bob@example.org:0', null],
  ['sip:bob@example.org:65536', null],
  ['sip:bob@example.org:5x', null],
  ['sip:bob@[2001:db8::1', null],
  ['sip:bob@[]', null],
  ['sip:bob@[2001:zz8::1]', null],
  ['sip:bob@%65xample.org', null],
  ['mailto:bob@example.org', null],
  ['bob@example.org', null],
  ['', null],
  ['sip', null],
  [`sip:${'b'.repeat(uriCharactersMax)}@example.org`, null],
  [`sip:bob@${'a'.repeat(254)}`, null],
];

t.test('P8 one identity has one canonical form', async (t) => {
  for (const [uri, expected] of canonical) {
    t.equal(canonicalAor(uri), expected, JSON.stringify(uri));
    if (expected !== null) t.equal(canonicalAor(expected), expected, `${expected} stays`);
  }
});

t.test('sip and sips are never the same identity (RFC 3261 19.1.4)', async (t) => {
  t.not(canonicalAor('sip:bob@example.org'), canonicalAor('sips:bob@example.org'));
});

t.test('hostOf finds the host a request would go to', async (t) => {
  const rows: readonly (readonly [string, string | null])[] = [
    ['sip:r2.example.net', 'r2.example.net'],
    ['sip:R2.Example.NET:5070;lr', 'r2.example.net'],
    ['sip:x@r2.example.net?a=b', 'r2.example.net'],
    ['sip:[2001:db8::1]:5070', '[2001:db8::1]'],
    ['sip:a@evil@example.net', null],
    ['sip:good.example.net;x=a@evil.example', 'evil.example'],
    ['sip:', null],
    ['r2.example.net', null],
  ];
  for (const [uri, host] of rows) t.equal(hostOf(uri), host, uri);
});

t.test('nameAddr reads what RFC 3261 20.10 allows', async (t) => {
  const rows: readonly (readonly [string, string | null, string, object])[] = [
    ['<sip:a@b.c>;tag=1', null, 'sip:a@b.c', { tag: '1' }],
    ['Alice <sip:a@b.c>', 'Alice', 'sip:a@b.c', {}],
    [
      'Alice B. Carter <sip:a@b.c> ; Tag = 1;x',
      'Alice B. Carter',
      'sip:a@b.c',
      { tag: '1', x: '' },
    ],
    [
      '"A, \\"B\\" <c>" <sip:a@b.c;p=1>;q="x\\"y"',
      '"A, \\"B\\" <c>"',
      'sip:a@b.c;p=1',
      { q: 'x"y' },
    ],
    ['sip:a@b.c;tag=1', null, 'sip:a@b.c', { tag: '1' }],
    ['Jörg <sip:a@b.c>', 'Jörg', 'sip:a@b.c', {}],
    ['  <im:a@b.c>', null, 'im:a@b.c', {}],
  ];
  for (const [value, display, uri, params] of rows) {
    const read = nameAddr(value);
    t.equal(read?.display, display, value);
    t.equal(read?.uri, uri, value);
    t.same(Object.fromEntries(read?.params ?? []), params, value);
    t.equal(bareUri(value), uri);
  }
});

t.test('nameAddr refuses what it cannot read', async (t) => {
  const bad = [
    '',
    '<>',
    '<sip:a@b.c',
    '"A <sip:a@b.c>',
    '"A" x <sip:a@b.c>',
    'A "B" <sip:a@b.c>',
    '<sip:a@b.c> x',
    '<sip:a@b.c>;',
    '<sip:a@b.c>;=1',
    '<sip:a@b.c>;tag=1;tag=2',
    '<sip:a@b.c>;tag="1',
    '<sip:a@b.c>;tag=',
    '<sip:a b@c>',
    '<sip:a@b.c>, <sip:d@e.f>',
    'nonsense',
    '<sip:\r\n>',
    'A > <sip:a@b.c>',
  ];
  for (const value of bad) {
    t.equal(nameAddr(value), null, value);
    t.equal(bareUri(value), null);
  }
});

t.test('a list is read up to its first fault and its bound', async (t) => {
  const uris = (value: string, max = 9) => nameAddrPrefix(value, max).map((each) => each.uri);
  t.same(uris('"a,b" <sip:1@x>, sip:2@x;q=1 ,<sip:3@x>'), ['sip:1@x', 'sip:2@x', 'sip:3@x']);
  t.same(uris('<sip:1@x>, bad, <sip:3@x>'), ['sip:1@x']);
  t.same(uris('<sip:1@x>,<sip:2@x>', 1), ['sip:1@x']);
});
