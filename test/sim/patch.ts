// Unified diffs, applied by their text: each hunk must fit in exactly one place, wherever that is.

/** The file a patch is about, below the root. */
export function patchedFile(patch: string): string {
  const line = patch.split('\n').find((one) => one.startsWith('--- a/'));
  if (line === undefined) throw new Error('the patch names no file');
  return line.slice('--- a/'.length).trim();
}

interface Hunk {
  readonly from: string;
  readonly to: string;
}

function hunksOf(patch: string): readonly Hunk[] {
  const hunks: { from: string[]; to: string[] }[] = [];
  for (const line of patch.split('\n')) {
    const hunk = hunks.at(-1);
    if (line.startsWith('@@')) hunks.push({ from: [], to: [] });
    else if (hunk === undefined || line.startsWith('\\')) continue;
    else if (line.startsWith('-')) hunk.from.push(line.slice(1));
    else if (line.startsWith('+')) hunk.to.push(line.slice(1));
    else if (line.startsWith(' ')) {
      hunk.from.push(line.slice(1));
      hunk.to.push(line.slice(1));
    }
  }
  return hunks.map(({ from, to }) => ({ from: `${from.join('\n')}\n`, to: `${to.join('\n')}\n` }));
}

/** The text with every hunk applied. Throws when one fits nowhere or in several places. */
export function applyPatch(text: string, patch: string, name: string): string {
  const hunks = hunksOf(patch);
  if (hunks.length === 0) throw new Error(`${name}: the patch has no hunk`);
  return hunks.reduce((changed, { from, to }) => {
    const at = changed.indexOf(from);
    if (at === -1) throw new Error(`${name}: a hunk no longer applies:\n${from}`);
    if (changed.indexOf(from, at + 1) !== -1)
      throw new Error(`${name}: a hunk fits twice:\n${from}`);
    return changed.slice(0, at) + to + changed.slice(at + from.length);
  }, text);
}
