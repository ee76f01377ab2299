// The whole content of a store, read on its own: one number that stands for all rows, and a check of every row and sum
// that shares no code with the runtime. The digest of a content is a sum over its rows, so that it follows a commit
// without reading the store again.
import { createHash } from 'node:crypto';
import { type RowWrite, type StorePort, storeSumKey } from '../../runtime/index.js';

/** Stands for all rows of a store, keys and values. */
export type RowDigest = string;

const modulus = 1n << 256n;

const digestOf = (key: string, value: Uint8Array): bigint => {
  const hash = createHash('sha256').update(`${key.length}:${key}`).update(value);
  return BigInt(`0x${hash.digest('hex')}`);
};

/** Follows the rows of a store, commit by commit. */
export class Contents {
  private readonly rows = new Map<string, bigint>();
  private sum = 0n;

  static async of(store: StorePort): Promise<Contents> {
    const contents = new Contents();
    for await (const [key, value] of store.scan('', '\x7f'))
      contents.put(key, digestOf(key, value));
    return contents;
  }

  get digest(): RowDigest {
    return this.sum.toString(16);
  }

  apply(writes: readonly RowWrite[]): void {
    for (const { key, value } of writes)
      this.put(key, value === null ? null : digestOf(key, value));
  }

  private put(key: string, digest: bigint | null): void {
    const before = this.rows.get(key) ?? 0n;
    this.sum = (this.sum - before + (digest ?? 0n) + modulus) % modulus;
    if (digest === null) this.rows.delete(key);
    else this.rows.set(key, digest);
  }
}

/** What is wrong with the rows of a store by its own account (reliability R7, R8); empty when nothing is. */
export async function wrongRows(store: StorePort): Promise<readonly string[]> {
  const wrong: string[] = [];
  const found = new Map<string, { count: number; sum: bigint }>();
  const metas = new Map<string, { count: number; sum: string }>();
  for await (const [key, value] of store.scan('', '\x7f')) {
    const row = Buffer.from(value);
    const payload = row.subarray(9);
    const hash = createHash('sha256').update(payload).update(`\0${key}`, 'latin1').digest();
    const got = store.get(key);
    if (got === undefined || !row.equals(got)) wrong.push(`get of ${key}`);
    if (row[0] !== 1 || !hash.subarray(0, 8).equals(row.subarray(1, 9))) wrong.push(`row ${key}`);
    if (key === storeSumKey) continue;
    const partition = key.slice(0, 2);
    if (key[3] === 'm') {
      metas.set(partition, JSON.parse(payload.toString()) as { count: number; sum: string });
      continue;
    }
    const own = found.get(partition) ?? { count: 0, sum: 0n };
    const sum = (own.sum + BigInt(`0x${row.subarray(1, 9).toString('hex')}`)) % (1n << 64n);
    found.set(partition, { count: own.count + 1, sum });
  }
  for (const partition of new Set([...found.keys(), ...metas.keys()])) {
    const { count, sum } = found.get(partition) ?? { count: 0, sum: 0n };
    const told = metas.get(partition) ?? { count: 0, sum: '0' };
    if (told.count !== count || BigInt(`0x${told.sum}`) !== sum) wrong.push(`sums of ${partition}`);
  }
  return wrong;
}
