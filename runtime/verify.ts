// The check of a whole store without serving it: the same reading as at boot, but no timer fires,
// nothing is written, and all damage is listed before anything is said about it (reliability R10).
import { SeenFilter } from './filter.js';
import { bootOrder, readHead, scanPartition } from './recovery.js';
import { asFault, openStore, type StoreLocation } from './store.js';

/** What a store holds, and what is wrong with it: empty when every row is what was written. */
export interface StoreReport {
  readonly storeId: string;
  readonly host: string;
  readonly epoch: number;
  readonly commits: number;
  readonly rows: number;
  readonly waiting: number;
  readonly parked: number;
  readonly damage: readonly string[];
}

/** Reads and checks every row. Rejects with a RuntimeFault when the store cannot even be opened. */
export async function verifyStore(location: StoreLocation): Promise<StoreReport> {
  const store = await openStore(location);
  try {
    const head = readHead(store, store.mark, false);
    const damage = [...store.alarms, ...store.damage];
    let waiting = 0;
    let parked = 0;
    for (const partition of bootOrder) {
      const expected = head.partitions[partition];
      if (expected === undefined) throw new TypeError(`no partition ${partition}`);
      const scanned = await scanPartition(store, partition, expected, new SeenFilter());
      damage.push(...scanned.damage);
      waiting += scanned.found.waiting;
      parked += scanned.found.parked;
    }
    const { storeId, host } = head.identity;
    const { epoch, seq } = head.sum;
    const rows = head.partitions.reduce((sum, one) => sum + one.count, 0);
    return { storeId, host, epoch, commits: seq, rows, waiting, parked, damage };
  } catch (cause) {
    throw asFault(cause, `the store in ${location.folder} cannot be read`);
  } finally {
    await store.close();
  }
}
