// A program that is to lose its power: the real engine on a real store, living one life of a story. It says what it
// was told before anybody else may act on it. Arguments: folder of the store, folder of the watermark, file for the
// facts, number of this life (from 0), seed, rounds of the story, octets of LevelDB's write buffer, octets of a long body,
// and how the life ends: `close`, or `kill` while a commit is on its way.
import { openSync, writeSync } from 'node:fs';
import {
  makeStore,
  openRuntime,
  openStore,
  type RowWrite,
  storeExists,
} from '../../runtime/index.js';
import { RecordingEffects, seeded } from '../support/world.js';
import { Contents } from './contents.js';
import type { Fact } from './facts.js';
import { live } from './story.js';
import { StoryClock } from './story-clock.js';

const [folder, watermarkFolder, factsFile, ...rest] = process.argv.slice(2) as [
  string,
  string,
  string,
  ...string[],
];
const numbers = rest.slice(0, 5).map(Number) as [number, number, number, number, number];
const [life, seed, rounds, writeBufferOctets, bodyOctets] = numbers;
const random = seeded(seed * 100 + life);
// Within the story, however short it is.
const commitsBeforeKill = rest[5] === 'kill' ? Math.ceil((1 + random()) * rounds) : Number.NaN;

const facts = openSync(factsFile, 'a', 0o600);
const say = (fact: Fact): void => {
  writeSync(facts, `${JSON.stringify(fact)}\n`);
};

const location = { folder, watermarkFolder, writeBufferOctets };
if (!storeExists(folder)) await makeStore(location, 'store.example.org');
const store = await openStore(location);
const contents = await Contents.of(store);
// Commits are numbered over all lives.
let commit = life * 1_000_000;
say({ fact: 'opened', commit, digest: contents.digest });

const told = {
  ...store,
  commit: async (rows: readonly RowWrite[]) => {
    commit += 1;
    const own = commit;
    contents.apply(rows);
    say({ fact: 'begun', commit, digest: contents.digest, forgets: forgotten(rows) });
    const landing = store.commit(rows);
    if (own % 1_000_000 === commitsBeforeKill) process.kill(process.pid, 'SIGKILL');
    await landing;
    say({ fact: 'landed', commit: own });
  },
};

const forgotten = (rows: readonly RowWrite[]): readonly string[] =>
  rows.filter(({ key, value }) => value === null && key[3] === 'a').map(({ key }) => key.slice(5));

const clock = new StoryClock(Date.UTC(2026, 0, 1) + life * 86_400_000);
const effects = new RecordingEffects();
const opened = await openRuntime(told, { clock, effects, exit: (code) => process.exit(code) });
await opened.ready;
opened.engine.onStep((deferredId, row) => {
  if (row.outcome !== null) say({ fact: 'ended', deferredId, outcome: row.outcome });
});
await live({
  ...{ engine: opened.engine, clock, effects, random, rounds, bodyOctets, life },
  accepted: (deferredId) => say({ fact: 'accepted', deferredId }),
});
await opened.close();
