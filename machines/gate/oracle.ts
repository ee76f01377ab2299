// Guards that a program brings itself depend on things the gate does not know. While a policy is explored each of them is
// asked here instead, and every combination of answers is tried: what holds for all of them holds for the real ones.

let answers: Map<string, boolean> | null = null;
let asked: string[] = [];

/** Different questions of one step whose answers are all tried; with more of them the search is not complete. */
const questionsMax = 6;

/** The answer to a guard of a program's own while a policy is explored; null when the guard itself is to be asked. */
export function oracle(question: string): boolean | null {
  if (answers === null) return null;
  const known = answers.get(question);
  if (known !== undefined) return known;
  answers.set(question, false);
  asked.push(question);
  return false;
}

/** What a step came to, for each combination of answers; `all` is false when there were more than are tried. */
export interface Answered<T> {
  readonly found: readonly T[];
  readonly all: boolean;
}

/** Runs a step once for each combination of answers it asks for; without such guards once. */
export function everyAnswer<T>(run: () => readonly T[]): Answered<T> {
  const found: T[] = [];
  let all = true;
  const open: Map<string, boolean>[] = [new Map()];
  for (let given = open.pop(); given !== undefined; given = open.pop()) {
    answers = new Map(given);
    asked = [];
    try {
      found.push(...run());
    } finally {
      answers = null;
    }
    // The questions met for the first time were answered `false`: each is asked once more with `true`.
    for (const [at, question] of asked.entries()) {
      if (given.size + at >= questionsMax) {
        all = false;
        break;
      }
      const before = asked.slice(0, at).map((one) => [one, false] as const);
      open.push(new Map([...given, ...before, [question, true]]));
    }
  }
  return { found, all };
}
