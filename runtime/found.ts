// The first rows of a store: its identity, its secret, the shipped policies, and which of them is active.
import { compilePolicy, shippedPolicy, shippedPolicyIds } from '../machines/index.js';
import { GroupCommit, partitionState } from './group.js';
import { base32, keys } from './keys.js';
import { Ledger } from './ledger.js';
import { partitionCount } from './limits.js';
import type { Clock, Entropy, RowWrite } from './ports.js';
import { type ActiveRow, emptyMeta, type PolicyRow, type StoreRow } from './rows.js';

export interface Founding {
  /** Right side of every deferred id, lower case: `mailserver32.example.org`. */
  readonly host: string;
  /** Id of the shipped policy to begin with. */
  readonly policyId?: string;
  /** Makes a store for tests. */
  readonly test?: boolean;
}

/** The rows of a new store, as one group. */
export function foundingRows(
  clock: Clock,
  entropy: Entropy,
  founding: Founding,
): readonly RowWrite[] {
  let rows: readonly RowWrite[] = [];
  const ledger = new Ledger({ get: () => undefined });
  const store = {
    get: () => undefined,
    scan: async function* () {},
    commit: async (written: readonly RowWrite[]) => {
      rows = written;
    },
    close: async () => {},
  };
  const partitions = Array.from({ length: partitionCount + 1 }, () => partitionState(emptyMeta));
  const now = clock.now();
  // Member by member: a clock may be an object of a class, which does not survive being spread.
  const immediately: Clock = {
    now: () => now,
    mono: () => clock.mono(),
    boot: () => clock.boot(),
    after: (delayMs, run) => clock.after(delayMs, run),
    soon: (run) => run(),
  };
  const hooks = { now: () => now, room: () => {}, failed: () => {}, landed: () => {} };
  const world = { clock: immediately, failpoint: () => {}, store };
  const group = new GroupCommit(world, ledger, partitions, { epoch: 1, seq: 0 }, hooks);
  ledger.within(() => write(ledger, now, entropy, founding));
  group.add(0, () => {});
  return rows;
}

function write(ledger: Ledger, now: number, entropy: Entropy, founding: Founding): void {
  const identity: StoreRow = {
    version: 1,
    storeId: base32(entropy.bytes(10)),
    host: founding.host.toLowerCase(),
    secret: base32(entropy.bytes(32)),
    createdAtMs: now,
    ...(founding.test === true ? { test: true } : {}),
  };
  ledger.insert(keys.store(), identity);
  const wanted = founding.policyId ?? shippedPolicyIds[0];
  for (const id of shippedPolicyIds) {
    const source = shippedPolicy(id);
    const compiled = compilePolicy(source);
    if (!compiled.ok)
      throw new TypeError(`shipped policy ${id} is refused: ${compiled.findings[0]?.message}`);
    const { hash } = compiled.policy;
    const row: PolicyRow = { source, installedAtMs: now, by: 'package' };
    ledger.insert(keys.policy(hash), row);
    if (id !== wanted) continue;
    const active: ActiveRow = { hash, atMs: now, by: 'package', reason: 'new store', before: null };
    ledger.insert(keys.active('default'), active);
  }
}
