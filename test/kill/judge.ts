// What became of every message of a round: what the store says of it against what the world saw. Lost: answered 202 and
// neither listed, delivered, ended nor parked. Missing: a report that is owed and never came. Doubled: two reports about
// one message under different identities. Wrong: any other contradiction.
import { accepted, type Letter } from './history.js';

/** A message as the admin verb `messages.list` tells it. */
export interface Row {
  readonly deferredId: string;
  readonly aor: string;
  readonly asserted: string | null;
  readonly state: string;
  readonly outcome: string | null;
  readonly parked: string | null;
}

export type FaultKind = 'lost' | 'missing' | 'doubled' | 'wrong';

export interface Fault {
  readonly kind: FaultKind;
  readonly id: string;
  readonly why: string;
}

/** Sender and recipient: each pair writes once. */
export const pairOf = (from: string | null, to: string): string => `${from} ${to}`;

/** True when nothing more will happen to a message. */
export const isSettled = (row: Row | undefined): boolean =>
  row === undefined || row.outcome !== null || row.parked !== null;

/** Everything that is wrong with one message after the calm. */
export function judge(letter: Letter, row: Row | undefined): readonly Fault[] {
  const found = [
    ...(new Set(letter.reports).size > 1 ? [['doubled', 'two identities'] as const] : []),
    ...letter.faults.map((fault) => ['wrong', fault] as const),
    ...fateOf(letter, row),
  ];
  return found.map(([kind, why]) => ({ kind, id: letter.id, why }));
}

type Finding = readonly [FaultKind, string];

// A sender who heard 503 wrote again, and the proxy found the phone itself: what the store did with its copy, nobody
// could tell it (reliability A4, *unknown*).
const wentElsewhere = (letter: Letter): boolean => letter.heard.includes(200);

function fateOf(letter: Letter, row: Row | undefined): readonly Finding[] {
  if (wentElsewhere(letter)) return [];
  if (row === undefined) {
    if (accepted(letter)) return [['lost', 'answered 202, and the store does not know it']];
    return cameOf(letter) ? [['wrong', 'never stored, but something came of it']] : [];
  }
  if (row.parked !== null) return [['wrong', `parked: ${row.parked}`]];
  if (row.outcome === null) return unended(letter, row);
  return ended(letter, row.outcome);
}

const cameOf = (letter: Letter): boolean => letter.taken + letter.reports.length > 0;

function unended(letter: Letter, row: Row): readonly Finding[] {
  const owed = letter.asks && accepted(letter) && letter.reports.length === 0;
  return [[owed ? 'missing' : 'wrong', `not ended after the calm, but ${row.state}`]];
}

function ended(letter: Letter, outcome: string): readonly Finding[] {
  const reached = letter.taken > 0 || letter.confirmed;
  const reports = letter.reports.length;
  switch (outcome) {
    case 'delivered':
      if (!reached) return [['lost', 'ended as delivered, and nobody has it']];
      return reports > 0 ? [['wrong', 'delivered and reported']] : [];
    case 'reported':
      if (letter.told === 0)
        return [['missing', 'ended as reported, and the sender heard nothing']];
      return letter.taken > 0 ? [['wrong', 'reported although a phone took it']] : [];
    case 'dropped':
      if (letter.taken > 0) return [['wrong', 'dropped although a phone took it']];
      return letter.asks && accepted(letter) && reports === 0
        ? [['missing', 'its sender heard 202 and asked for a report']]
        : [];
    default:
      return [['wrong', `ended as ${outcome}`]];
  }
}
