// Kamailio with msilo on SQLite as a process: makes the database, serves, counts what is in it. The tables are made and
// counted by Kamailio's own SQL module, so that no other program is needed.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../adapters/cli/stage/child.js';
import { type Kamailio, startKamailio } from '../../adapters/cli/stage/kamailio.js';
import type { Stage } from './stage.js';
import { accounts, sharedMemoryMib } from './wire.js';

const configuration = fileURLToPath(new URL('./msilo.cfg', import.meta.url));

type Purpose = 'serve' | 'prepare' | 'count';

const switches: Readonly<Record<Purpose, string>> = {
  serve: '',
  prepare: '#!define BENCH_MSILO_SQL\n#!define BENCH_MSILO_PREPARE\n',
  count: '#!define BENCH_MSILO_SQL\n#!define BENCH_MSILO_COUNT\n',
};

async function start(stage: Stage, folder: string, purpose: Purpose): Promise<Kamailio> {
  const file = join(folder, 'silo.sqlite');
  const { users } = stage.plan;
  const kamailio = await startKamailio({
    natsUrl: 'nats://127.0.0.1:1',
    users: accounts(users),
    sharedMemoryMib,
    mainFile: ({ defines, accounts: lines }) =>
      `#!KAMAILIO\n${defines}#!substdef "!MSILO_FILE!${file}!g"\n${switches[purpose]}` +
      `include_file "${configuration}"\n${lines}`,
  });
  return stage.track(kamailio);
}

/** Starts Kamailio with msilo on a new database; throws when SQLite does not say that it is in WAL mode. */
export async function startMsilo(stage: Stage, folder: string): Promise<Kamailio> {
  const journal = await ask(stage, folder, 'prepare', 'msilo tables: journal ');
  if (journal.toLowerCase() !== 'wal') throw new Error(`SQLite's journal mode is ${journal}`);
  return start(stage, folder, 'serve');
}

/** Rows in the database of a Kamailio that has been stopped. */
export const countMsilo = async (stage: Stage, folder: string): Promise<number> =>
  Number(await ask(stage, folder, 'count', 'msilo rows: '));

// One short run of Kamailio that says one thing in its log.
async function ask(stage: Stage, folder: string, purpose: Purpose, mark: string): Promise<string> {
  const kamailio = await start(stage, folder, purpose);
  const answer = (): string | undefined => kamailio.log().split(mark)[1]?.split(' end')[0];
  try {
    await waitFor(purpose, async () => answer() !== undefined, 8000);
    return answer()!;
  } catch (cause) {
    throw new Error(`msilo, ${purpose}: ${kamailio.log()}`, { cause });
  } finally {
    await kamailio.stop();
  }
}
