// What every StorePort must do: run on the one in memory and on the one on disk, so that a test
// with the first says something about the second.
import type t from 'tap';
import type { StorePort } from '../../runtime/index.js';

const octets = (text: string) => Buffer.from(text);

/** Checks one kind of store; `open` gives a new, empty one each time. */
export function storeContract(
  tap: typeof t,
  name: string,
  open: () => Promise<{ store: StorePort; reopen: () => Promise<StorePort> }>,
): void {
  const rowsOf = async (store: StorePort, from: string, to: string, limit?: number) => {
    const rows: string[] = [];
    for await (const [key, value] of store.scan(from, to, limit))
      rows.push(`${key}=${Buffer.from(value).toString()}`);
    return rows;
  };
  const put = (...keys: string[]) => keys.map((key) => ({ key, value: octets(key) }));

  tap.test(`${name}: what is committed is read, over a reopening too`, async (t) => {
    const { store, reopen } = await open();
    t.equal(store.get('a'), undefined);
    await store.commit([{ key: 'a', value: octets('\0\xff') }, ...put('b')]);
    t.same(Buffer.from(store.get('a') ?? []), octets('\0\xff'));
    await store.commit([
      { key: 'a', value: octets('2') },
      { key: 'b', value: null },
      { key: 'never', value: null },
    ]);
    const again = await reopen();
    t.same(Buffer.from(again.get('a') ?? []), octets('2'));
    t.equal(again.get('b'), undefined);
    await again.close();
  });

  tap.test(`${name}: a scan is ordered, half open and limited`, async (t) => {
    const { store } = await open();
    await store.commit(put('00!a!1', '00!a!2', '00!a"', '00!b!1', '0a!a!1', '~sum'));
    t.same(await rowsOf(store, '00!a!', '00!a"'), ['00!a!1=00!a!1', '00!a!2=00!a!2']);
    t.same(await rowsOf(store, '00!a!2', '0a!a!1'), [
      '00!a!2=00!a!2',
      '00!a"=00!a"',
      '00!b!1=00!b!1',
    ]);
    t.same(await rowsOf(store, '', '\x7f', 2), ['00!a!1=00!a!1', '00!a!2=00!a!2']);
    t.same(await rowsOf(store, 'x', 'y'), []);
    await store.close();
  });

  tap.test(`${name}: a long scan brings every row`, async (t) => {
    const { store } = await open();
    const keys = Array.from({ length: 2500 }, (_, at) => String(at).padStart(5, '0'));
    await store.commit(put(...keys));
    t.equal((await rowsOf(store, '', 'z')).length, 2500);
    await store.close();
  });

  tap.test(`${name}: a scan sees the rows of its beginning`, async (t) => {
    const { store } = await open();
    await store.commit(put('a', 'b', 'c'));
    const scan = store.scan('a', 'd')[Symbol.asyncIterator]();
    t.equal((await scan.next()).value?.[0], 'a');
    await store.commit([{ key: 'b', value: null }, ...put('bb')]);
    const rest: string[] = [];
    for (let next = await scan.next(); next.done !== true; next = await scan.next())
      rest.push(next.value[0]);
    t.same(rest, ['b', 'c']);
    await store.close();
  });

  tap.test(`${name}: one commit at a time`, async (t) => {
    const { store } = await open();
    const first = store.commit(put('a'));
    await t.rejects(store.commit(put('b')), TypeError);
    await first;
    t.equal(store.get('b'), undefined);
    await store.commit(put('c'));
    await store.close();
  });
}
