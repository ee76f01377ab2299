// Where a call of ours may connect to (X17): which addresses, in figures and behind names, and which networks an operator
// may name.
import type { LookupAddress } from 'node:dns';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { Places, readNetwork } from '../../../adapters/msrp/places.js';

const nobodys = [
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '0.1.2.3', '169.254.169.254', '224.0.0.1'],
  ...['239.1.1.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fe80::1%lo', 'ff02::1'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', 'fd00:ec2::254'],
  ...['::7f00:1', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', '2002:a9fe:a9fe::1'],
];
const phones = ['192.0.2.7', '10.0.0.1', '172.16.4.1', '100.64.0.9', '2001:db8::7', 'fd00::7'];
const phonesToo = ['64:ff9b::192.0.2.7', '2002:c000:207::1'];

const allowed = (places: Places, hosts: readonly string[]): readonly string[] =>
  hosts.filter((host) => places.mayTry(host));

t.test('X17 by default: where phones can be, and nowhere else', async (t) => {
  let refused = 0;
  const places = new Places([], '0.0.0.0', () => {
    refused += 1;
  });
  t.same(allowed(places, nobodys), []);
  t.same(allowed(places, [...phones, ...phonesToo]), [...phones, ...phonesToo]);
  t.equal(refused, nobodys.length, 'each is counted');
});

t.test('X17 who takes sessions on loopback has phones there, and no more than that', async (t) => {
  for (const own of ['127.0.0.1', '::1'])
    t.same(allowed(new Places([], own), nobodys), [
      ...['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    ]);
});

t.test('X17 where networks are named it is these alone', async (t) => {
  const places = new Places(['192.0.2.0/24', '2001:db8::/32', '127.0.0.2'], '127.0.0.1');
  t.same(allowed(places, phones), ['192.0.2.7', '2001:db8::7']);
  t.same(allowed(places, [...nobodys, '127.0.0.2', '192.0.3.1']), ['127.0.0.2']);
});

t.test('X17 a network that is named opens nothing that no phone can be', async (t) => {
  const everything = new Places(['0.0.0.0/0', '::/0'], '0.0.0.0');
  t.same(allowed(everything, nobodys), []);
  t.same(allowed(everything, phones), phones);
  const meant = new Places(['0.0.0.0/0', '127.0.0.0/30', 'fe80::1'], '0.0.0.0');
  t.same(allowed(meant, nobodys), ['127.0.0.1', 'fe80::1', '::ffff:127.0.0.1', '::ffff:7f00:1']);
});

t.test('X17 this host itself is no phone, at whatever address it has just now', async (t) => {
  let own = ['10.0.0.1', '2001:db8::7'];
  const places = new Places([], '0.0.0.0', undefined, () => own);
  const its = ['10.0.0.1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2001:db8:0:0::7'];
  t.same(allowed(places, its), []);
  t.same(allowed(places, ['10.0.0.2', '2001:db8::8']), ['10.0.0.2', '2001:db8::8']);
  own = [];
  t.same(allowed(places, its), its);
  const named = new Places(['10.0.0.0/8'], '0.0.0.0', undefined, () => ['10.0.0.1']);
  t.same(allowed(named, its), ['10.0.0.1', '::ffff:10.0.0.1'], 'unless its operator says so');
  const addresses = Object.values(networkInterfaces()).flatMap((one = []) => one);
  for (const { address } of addresses)
    t.notOk(new Places([], '0.0.0.0').mayTry(address), 'as the system names them');
  t.ok(addresses.length > 0);
});

const found = (places: Places, host: string, all: boolean): Promise<unknown> =>
  new Promise((resolve) => {
    places.lookup(host, { all }, (fault, address: string | LookupAddress[]) =>
      resolve(fault === null ? address : fault.message),
    );
  });

t.test('X17 a host name is judged by what it stands for, however it is written', async (t) => {
  let refused = 0;
  const places = new Places([], '192.0.2.1', () => {
    refused += 1;
  });
  const names = ['localhost', '127.1', '2130706433', '0x7f.1', '0'];
  for (const name of names)
    for (const all of [true, false])
      t.match(await found(places, name, all), /stands for no place that is allowed/, name);
  t.equal(refused, 2 * names.length);
  t.match(await found(places, '3221225991', true), [{ address: '192.0.2.7', family: 4 }]);
  t.equal(await found(places, '3221225991', false), '192.0.2.7');
  t.match(await found(new Places([], '127.0.0.1'), 'localhost', true), [{}]);
  t.match(await found(places, 'no.such.host.invalid', true), /ENOTFOUND|EAI_AGAIN/);
  t.equal(refused, 2 * names.length, 'who is not found was not refused');
});

t.test('networks are read, and nothing else is', async (t) => {
  t.same(readNetwork('192.0.2.0/24'), { address: '192.0.2.0', family: 'ipv4', bits: 24 });
  t.same(readNetwork('2001:db8::/32'), { address: '2001:db8::', family: 'ipv6', bits: 32 });
  t.match(readNetwork('192.0.2.7'), { bits: 32 });
  t.match(readNetwork('0.0.0.0/0'), { bits: 0 });
  for (const bad of ['', '/8', '192.0.2/24', '192.0.2.0/33', '192.0.2.0/', '::/129', '::/-1'])
    t.equal(readNetwork(bad), null, bad);
  for (const bad of ['192.0.2.0/08', 'example.org', 'fe80::1%lo', '192.0.2.0/2 4'])
    t.equal(readNetwork(bad), null, bad);
});
