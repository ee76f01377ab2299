// The story for every n: all its operations fail, one in each telling.
import { failuresOf } from './failing-world.js';
import { type Told, tell } from './told.js';

export interface Every {
  readonly undisturbed: Told;
  readonly runs: number;
  /** Tellings with something wrong, or another end; each with what repeats it. */
  readonly wrong: readonly string[];
}

/** Tells the story once for every operation and every way in which it can fail. */
export async function everyOperation(audited = false): Promise<Every> {
  const undisturbed = await tell(0, 'EIO', audited);
  const wrong: string[] = [];
  let runs = 0;
  for (const [index, operation] of undisturbed.operations.entries()) {
    for (const failure of failuresOf[operation]) {
      const told = await tell(index + 1, failure, audited);
      runs += 1;
      const same = told.end === null || told.end === undisturbed.end;
      if (told.wrong.length === 0 && same) continue;
      const what = told.wrong.join('; ') || told.end;
      wrong.push(`operation ${index + 1} (${operation}) ${failure}: ${what}`);
    }
  }
  return { undisturbed, runs, wrong };
}
