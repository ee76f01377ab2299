// Reads what a test file says in TAP: its named subtests and whether each held. Invariant: a name counts only where a
// subtest announced it, so that the text of an assertion is never taken for a test; left out or set aside is not held.

/** Name of a subtest → whether it held; a name that stands twice held when both did. */
export type Outcomes = ReadonlyMap<string, boolean>;

const announced = /^\s*# Subtest: (.+)$/;
const decided = /^\s*(not )?ok \d+ - (.+?)(?: \{)?$/;

/** The subtests of a file, at any depth. */
export function outcomesOf(tap: string): Outcomes {
  const names = new Set<string>();
  const outcomes = new Map<string, boolean>();
  for (const line of tap.split('\n')) {
    const name = announced.exec(line)?.[1];
    if (name !== undefined) names.add(name.trim());
    const [, not, said = ''] = decided.exec(line) ?? [];
    // Behind the mark stands how long it took, or why it was left out.
    const [told = '', remark = 'time='] = said.split(' # ').map((part) => part.trim());
    if (!names.has(told)) continue;
    const held = not === undefined && remark.startsWith('time=');
    outcomes.set(told, held && (outcomes.get(told) ?? true));
  }
  return outcomes;
}

/**
 * Whether a test held, by its name as the source writes it: true, false, or null when no run of it was seen. A name
 * with `${…}` stands for all that fit.
 */
export function outcomeOf(name: string, outcomes: Outcomes): boolean | null {
  const [first = '', ...rest] = name.split(/\$\{[^}]*\}/);
  const fits = (told: string): boolean => {
    if (rest.length === 0) return told === first;
    const last = rest.at(-1) ?? '';
    return told.startsWith(first) && told.endsWith(last) && inOrder(told, [first, ...rest]);
  };
  const held = [...outcomes].filter(([told]) => fits(told)).map(([, one]) => one);
  return held.length === 0 ? null : held.every(Boolean);
}

function inOrder(text: string, pieces: readonly string[]): boolean {
  let at = 0;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}
