// Who lives where: living messages counted by policy and place, and what a migration would do with them. The count is a
// walk over all actors, asked by an operator and never by the engine; messages go on living meanwhile, and the plan holds
// for wherever they go, because it knows every place.
import {
  type Ending,
  isStranded,
  type MigrationJudgement,
  type MigrationMap,
  type PolicyFinding,
} from '../machines/index.js';
import { contextOf } from './consequences.js';
import { openRow, unlessDamaged } from './integrity.js';
import { ranges } from './keys.js';
import { limits, partitionCount } from './limits.js';
import type { Source } from './queries.js';
import type { Registry } from './registry.js';
import type { ActorRow } from './rows.js';

/** Messages in one place, and how many of them are parked. */
export interface Inhabitants {
  readonly messages: number;
  readonly parked: number;
}

/** Content hash → place → what is noted to end a message → who is there. */
export type Population = ReadonlyMap<string, ReadonlyMap<string, Noted>>;
export type Noted = ReadonlyMap<Ending | null, Inhabitants>;

/** Counts the living messages of a store. */
export async function populationOf({ store }: Pick<Source, 'store'>): Promise<Population> {
  const counts: Counts = new Map();
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const { from, to } = ranges.family(partition, 'a');
    let start = from;
    let read: number;
    do {
      read = 0;
      for await (const [key, value] of store.scan(start, to, limits.scanPageRows)) {
        read += 1;
        start = `${key}\0`;
        count(counts, key, value);
      }
    } while (read === limits.scanPageRows);
  }
  return counts;
}

type Counts = Map<string, Map<string, Map<Ending | null, Inhabitants>>>;

function count(counts: Counts, key: string, value: Uint8Array): void {
  const row = unlessDamaged(() => JSON.parse(openRow(key, value).toString()) as ActorRow);
  if (row === null || row.endedAtMs !== null) return;
  const places = counts.get(row.policy) ?? new Map<string, Map<Ending | null, Inhabitants>>();
  const noted = places.get(row.value) ?? new Map<Ending | null, Inhabitants>();
  const { ending } = contextOf(row);
  const { messages, parked } = noted.get(ending) ?? { messages: 0, parked: 0 };
  noted.set(ending, {
    messages: messages + 1,
    parked: parked + (row.parked === null ? 0 : 1),
  });
  places.set(row.value, noted);
  counts.set(row.policy, places);
}

/** What is asked for: where to, from which policies (all that the new one replaces, when absent), by which map. */
export interface MigrationRequest {
  readonly to: string;
  readonly from?: readonly string[];
  readonly map: MigrationMap;
  /** Ids of policies that users may choose: nothing of theirs is moved unasked. */
  readonly chosenIds: readonly string[];
}

export interface PlannedPlace extends Inhabitants {
  readonly state: string;
  /** Null: it has nowhere to go. */
  readonly to: string | null;
  /** Delays whose deadlines go on, as `grace → grace`. */
  readonly deadlines: readonly string[];
}

export interface PlannedPolicy {
  readonly hash: string;
  readonly id: string;
  /** Places in which messages stand now; the map was judged for all there are. */
  readonly places: readonly PlannedPlace[];
  readonly findings: readonly PolicyFinding[];
}

/** What a migration would do with the messages that live now. */
export interface MigrationForecast {
  readonly to: string;
  readonly from: readonly PlannedPolicy[];
  /** Messages that have a place to go, and those that have none. */
  readonly moves: number;
  readonly placeless: number;
  /** Every place of every older policy has one to go to. */
  readonly total: boolean;
}

/** Judges a migration as the gate does, a piece at a time, and counts whom it touches. */
export async function forecast(
  registry: Registry,
  population: Population,
  request: MigrationRequest,
  pause: () => Promise<void>,
): Promise<MigrationForecast> {
  const from: PlannedPolicy[] = [];
  for (const hash of replaced(registry, population, request))
    from.push(await planned(registry, hash, population, request, pause));
  const places = from.flatMap((one) => one.places);
  const sum = (some: readonly PlannedPlace[]) =>
    some.reduce((all, { messages }) => all + messages, 0);
  return {
    to: request.to,
    from,
    moves: sum(places.filter(({ to }) => to !== null)),
    placeless: sum(places.filter(({ to }) => to === null)),
    total: from.every(({ findings }) => findings.length === 0),
  };
}

// The active policy and every other one of which messages live, but for those that go on being chosen beside it.
function replaced(
  registry: Registry,
  population: Population,
  { to, from, chosenIds }: MigrationRequest,
): readonly string[] {
  if (from !== undefined) return from.filter((hash) => hash !== to);
  const active = registry.activation?.hash;
  const ruled = registry.course.rules?.active.policies ?? [];
  const stays = (hash: string) =>
    ruled.includes(hash) || chosenIds.includes(registry.get(hash)?.file.id ?? '');
  const lived = [...population.keys()].filter(
    (hash) => registry.get(hash) !== null && (hash === active || !stays(hash)),
  );
  const all = active === undefined ? lived : [active, ...lived];
  return [...new Set(all)].filter((hash) => hash !== to);
}

async function planned(
  registry: Registry,
  hash: string,
  population: Population,
  { to, map }: MigrationRequest,
  pause: () => Promise<void>,
): Promise<PlannedPolicy> {
  const [older, newer] = [registry.get(hash)!, registry.get(to)!];
  const judged = await registry.verdicts.moveAhead(older, newer, map, pause);
  const places = [...(population.get(hash) ?? [])].flatMap(([state, noted]) =>
    plannedPlaces(judged, state, noted),
  );
  return { hash, id: older.file.id, places, findings: judged.findings };
}

// Who has a place to go, and who has none: in one place there may be both, by what is noted of them.
function plannedPlaces(
  { plan, stranded }: MigrationJudgement,
  state: string,
  noted: Noted,
): readonly PlannedPlace[] {
  const move = plan.moves.get(state);
  const deadlines = Object.entries(move?.delays ?? {}).map(([now, old]) => `${old} → ${now}`);
  const isLeft = (ending: Ending | null) =>
    move === undefined || isStranded(stranded, state, ending);
  const going = [...noted].filter(([ending]) => !isLeft(ending)).map(([, some]) => some);
  const left = [...noted].filter(([ending]) => isLeft(ending)).map(([, some]) => some);
  const to = move?.to.name ?? null;
  return [
    ...(going.length === 0 ? [] : [{ state, to, deadlines, ...together(going) }]),
    ...(left.length === 0 ? [] : [{ state, to: null, deadlines: [], ...together(left) }]),
  ];
}

const together = (some: readonly Inhabitants[]): Inhabitants => ({
  messages: some.reduce((sum, one) => sum + one.messages, 0),
  parked: some.reduce((sum, one) => sum + one.parked, 0),
});
