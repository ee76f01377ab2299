// Moving living messages from one policy to another: a state map, and whether it is total (release check RC12). A message
// keeps its place in the mailbox or out of it, and a deadline that runs stays the deadline. What becomes of it from there
// is gate/relocation.ts's to say. Pure: it says where each place goes; the runtime moves.
import { createRequire } from 'node:module';
import type { Policy } from './compile.js';
import { findingOf, type PolicyFinding } from './findings.js';
import { askingIn } from './gate/relevance.js';
import { escapePointer } from './graph.js';
import { indexOf } from './graph-index.js';
import type { Ending, MessageContext } from './message.js';
import {
  activePaths,
  hasUncountedPlaces,
  type RestingPlace,
  restingPlaces,
  restingPlacesMax,
} from './resting.js';
import { type SchemaFinding, schemaChecker } from './validate.js';

/** Where places and delays of an older policy go; what has the same name needs no entry. */
export interface StateMap {
  readonly states?: Readonly<Record<string, string>>;
  /** Null lets a deadline go. */
  readonly delays?: Readonly<Record<string, string | null>>;
}

export interface MigrationMap extends StateMap {
  /** For one older policy alone, by id or hash. */
  readonly policies?: Readonly<Record<string, StateMap>>;
}

/** One place of the older policy, and where it goes. */
export interface Move {
  readonly from: string;
  readonly to: RestingPlace;
  /** Delay of the new place → delay of the old one whose instant it takes over. */
  readonly delays: Readonly<Record<string, string>>;
  /** Endings the new chart asks for from there on. */
  readonly asks: ReadonlySet<Ending>;
  /** Where the map says so. */
  readonly pointer: string;
}

export interface MigrationPlan {
  readonly from: string;
  readonly to: string;
  /** By place of the older policy; a place that is missing has nowhere to go. */
  readonly moves: ReadonlyMap<string, Move>;
  /** What speaks against it; none: every living message has a place to go. Pointers are into the map. */
  readonly findings: readonly PolicyFinding[];
}

const require = createRequire(import.meta.url);

/** The published JSON Schema of a state map. */
export const migrationSchema = require('./schemas/migration.schema.json') as object;
const checkSchema = schemaChecker(migrationSchema);

/** Reads parsed JSON as a state map. Never throws. */
export function readMigrationMap(
  source: unknown,
):
  | { readonly ok: true; readonly map: MigrationMap }
  | { readonly ok: false; readonly findings: readonly SchemaFinding[] } {
  const checked = checkSchema(source);
  return checked.ok ? { ok: true, map: source as MigrationMap } : checked;
}

/** Where every resting place of one policy goes in another. */
export function planMigration(from: Policy, to: Policy, map: MigrationMap): MigrationPlan {
  const chosen = chosenFor(from, map);
  const targets = new Map(restingPlaces(to).map((place) => [place.name, place]));
  const findings: PolicyFinding[] = [];
  const moves = new Map<string, Move>();
  const asks = askingIn(to.graph, indexOf(to.graph));
  for (const place of restingPlaces(from)) {
    const asked = chosen.states[place.name];
    const target = targets.get(asked?.to ?? place.name);
    const pointer = asked?.pointer ?? '/states';
    if (target === undefined) findings.push(nowhere(from, to, place, asked?.to, pointer));
    else {
      const { move, faults } = moveOf(place, target, chosen, pointer);
      findings.push(...faults);
      if (faults.length === 0)
        moves.set(place.name, { ...move, asks: asks(activePaths(target.value)) });
    }
  }
  findings.push(...strangers(from, to, chosen));
  if (hasUncountedPlaces(from)) findings.push(uncounted(from));
  return { from: from.hash, to: to.hash, moves, findings };
}

const uncounted = (from: Policy): PolicyFinding =>
  findingOf(
    'migration-incomplete',
    '/states',
    `${from.file.id} has ${restingPlacesMax} places or more for a message to stand in: not all of them are looked at.`,
  );

/**
 * What a message's life has brought, as the new chart takes it over. What an expiry means is its to say: where it does not
 * ask for one that was noted, it is marked or told anew, and must not stand before what is noted from now on.
 */
export const takenOver = (context: MessageContext, { asks }: Move): MessageContext =>
  context.ending === 'expired' && !asks.has('expired') ? { ...context, ending: null } : context;

interface Chosen {
  readonly states: Readonly<Record<string, { readonly to: string; readonly pointer: string }>>;
  readonly delays: Readonly<
    Record<string, { readonly to: string | null; readonly pointer: string }>
  >;
  /** Entries written for this policy alone: these must name what it has. */
  readonly own: StateMap;
  readonly ownPointer: string;
}

function chosenFor(from: Policy, map: MigrationMap): Chosen {
  const name = Object.keys(map.policies ?? {}).find(
    (one) => one === from.file.id || (one.length >= 8 && from.hash.startsWith(one)),
  );
  const own = name === undefined ? {} : (map.policies?.[name] ?? {});
  const ownPointer = `/policies/${name ?? ''}`;
  return {
    states: { ...placed(map.states, '/states'), ...placed(own.states, `${ownPointer}/states`) },
    delays: { ...placed(map.delays, '/delays'), ...placed(own.delays, `${ownPointer}/delays`) },
    ...{ own, ownPointer },
  };
}

function placed<T>(
  entries: Readonly<Record<string, T>> | undefined,
  pointer: string,
): Record<string, { readonly to: T; readonly pointer: string }> {
  const bare = Object.create(null) as Record<string, { to: T; pointer: string }>;
  for (const [name, to] of Object.entries(entries ?? {}))
    bare[name] = { to, pointer: `${pointer}/${escapePointer(name)}` };
  return bare;
}

function moveOf(
  place: RestingPlace,
  to: RestingPlace,
  chosen: Chosen,
  pointer: string,
): { readonly move: Omit<Move, 'asks'>; readonly faults: readonly PolicyFinding[] } {
  const faults = [...standsApart(place, to, pointer)];
  const delays: Record<string, string> = {};
  for (const delay of place.delays) {
    const asked = chosen.delays[delay];
    if (asked?.to === null) continue;
    const counterpart = asked?.to ?? delay;
    // The expiry is the message's own instant: no other deadline can go on under its name.
    const another = counterpart === 'expiry' && delay !== 'expiry';
    const isFree = delays[counterpart] === undefined;
    if (to.delays.includes(counterpart) && !another && isFree) delays[counterpart] = delay;
    else faults.push(lost(place, to, delay, counterpart, asked?.pointer ?? '/delays'));
  }
  return { move: { from: place.name, to, delays, pointer }, faults };
}

function* standsApart(
  place: RestingPlace,
  to: RestingPlace,
  pointer: string,
): Generator<PolicyFinding> {
  if (place.live !== to.live)
    yield findingOf(
      'migration-breaks',
      pointer,
      `Only one of "${place.name}" and "${to.name}" is in the mailbox: a body that is gone does not come back, and one that is there is not lost.`,
    );
}

const nowhere = (
  from: Policy,
  to: Policy,
  place: RestingPlace,
  asked: string | undefined,
  pointer: string,
): PolicyFinding =>
  asked === undefined
    ? findingOf(
        'migration-incomplete',
        pointer,
        `"${place.name}" of ${from.file.id} has no place to go in ${to.file.id}; known there: ${namesOf(to)}.`,
      )
    : findingOf(
        'migration-incomplete',
        pointer,
        `A living message cannot rest in "${asked}" of ${to.file.id}; known there: ${namesOf(to)}.`,
      );

const lost = (
  place: RestingPlace,
  to: RestingPlace,
  delay: string,
  counterpart: string,
  pointer: string,
): PolicyFinding =>
  findingOf(
    'migration-timer-lost',
    pointer,
    `The deadline "${delay}" that runs in "${place.name}" has no "${counterpart}" to go on as in "${to.name}"; name another delay, or null to let it go.`,
  );

// What is written for one policy must be about it; what is written for all may be about another.
function strangers(from: Policy, to: Policy, { own, ownPointer }: Chosen): PolicyFinding[] {
  const places = new Set(restingPlaces(from).map((place) => place.name));
  const delays = new Set(restingPlaces(from).flatMap((place) => place.delays));
  const unknown = (kind: string, names: object, are: ReadonlySet<string>) =>
    Object.keys(names)
      .filter((name) => !are.has(name))
      .map((name) =>
        findingOf(
          'migration-map',
          `${ownPointer}/${kind}/${escapePointer(name)}`,
          `${from.file.id} has no "${name}" from which anything could go to ${to.file.id}.`,
        ),
      );
  return [
    ...unknown('states', own.states ?? {}, places),
    ...unknown('delays', own.delays ?? {}, delays),
  ];
}

const namesOf = (policy: Policy): string =>
  restingPlaces(policy)
    .map((place) => place.name)
    .join(', ');
