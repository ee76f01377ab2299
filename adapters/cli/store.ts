// `store`: the counters of a running engine, and the full check of a store that nobody serves.
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, type RuntimeStats, verifyStore } from '../../runtime/index.js';
import { askReading, locationOf, storeExits, storeFlags } from './ask.js';
import { pairs } from './output.js';
import type { Verb } from './verb.js';

export const storeStats: Verb = {
  name: 'store stats',
  purpose: 'Print sizes now and counters since start.',
  flags: storeFlags,
  examples: ['deferred-im store stats --folder /var/lib/deferred-im --json'],
  exits: storeExits,
  run: async (call) => {
    const stats = (await askReading(call, 'store.stats', {})) as RuntimeStats;
    call.output.result(stats, () => pairs(Object.entries(stats).flatMap(entriesOf)));
    return 0;
  },
};

function entriesOf([name, value]: [string, unknown]): (readonly [string, string])[] {
  if (value === null || typeof value !== 'object') return [[name, String(value)]];
  return Object.entries(value).map(([key, one]) => [`${name}.${key}`, String(one)] as const);
}

export const storeVerify: Verb = {
  name: 'store verify',
  purpose: 'Check every row of a store that nobody serves, and change nothing.',
  text:
    'Reads every row, its checksum, the count and sum of every partition, the commit ' +
    'number and its watermark, under the lock of the store. Also measures how long the ' +
    'volume takes to sync.',
  arguments: [
    {
      name: 'DIR',
      meaning: 'Data folder; default: as for other verbs.',
      optional: true,
    },
  ],
  flags: storeFlags,
  examples: ['deferred-im store verify /var/lib/deferred-im'],
  exits: [exitCodes.damaged, exitCodes.io, exitCodes.locked, exitCodes.permissions],
  run: async ({ args, flags, output }) => {
    const [folder] = args;
    const location = locationOf(folder === undefined ? flags : { ...flags, folder });
    const report = await verifyStore(location);
    const { damage, ...counts } = report;
    if (damage.length > 0) {
      const message = `the store in ${location.folder} is damaged: ${damage.length} findings`;
      output.result({ folder: location.folder, ...counts, damage }, () => '');
      output.error('DEFERRED_IM_STORE_DAMAGED', message, damage);
      return exitCodes.damaged;
    }
    const syncMs = medianSyncMs(location.folder);
    const facts = Object.entries({ ...counts, syncMs: syncMs.toFixed(2) });
    const lines = facts.map(([name, value]) => [name, String(value)] as const);
    output.result(
      { folder: location.folder, ...counts, damage, syncMs },
      () => `${pairs(lines)}store verify: no damage\n`,
    );
    return exitCodes.ok;
  },
};

const syncRounds = 9;

/** Median of a few small synced writes: what one commit costs at least. */
function medianSyncMs(folder: string): number {
  const path = join(folder, `.sync-${process.pid}`);
  const file = openSync(path, 'w', 0o600);
  try {
    const times = Array.from({ length: syncRounds }, () => {
      const begun = performance.now();
      writeSync(file, 'x'.repeat(512));
      fsyncSync(file);
      return performance.now() - begun;
    }).sort((a, b) => a - b);
    return times[(syncRounds - 1) / 2] ?? 0;
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
