// The corpus of inputs as other stacks write them: each file below test/fixtures/corpus with its expected reading in a
// JSON file of the same name beside it. Invariant: no file stands alone. It reads files and compares; which reader a
// kind is for is told by the tests.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.js';

/** One input and what it is to be read as. */
export interface Sample {
  readonly name: string;
  /** What about it is worth a file. */
  readonly says: string;
  readonly octets: Buffer;
  readonly expected: Expected;
  /** The final status a proxy with a store behind it answers to a request, or null when it stays silent. */
  readonly wire: number | null;
}

/** What the readers give, or why they do not. */
export type Expected =
  | { readonly reading: unknown }
  | { readonly refused: { readonly status?: number; readonly code: string } };

type Beside = Expected & { readonly says: string; readonly wire?: number | null };

const root = join(repositoryRoot, 'test/fixtures/corpus');

/** Kinds of inputs: the folders. */
export const kinds: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

const stemOf = (file: string): string => file.slice(0, file.lastIndexOf('.'));

/** Files of a kind that have no partner; there are none. */
export function alone(kind: string): readonly string[] {
  const files = readdirSync(join(root, kind));
  const partners = (file: string) => files.filter((other) => stemOf(other) === stemOf(file));
  return files.filter(
    (file) => partners(file).length !== 2 || !files.includes(`${stemOf(file)}.json`),
  );
}

/** All samples of a kind, by name. */
export function samplesOf(kind: string): readonly Sample[] {
  const folder = join(root, kind);
  const inputs = readdirSync(folder).filter((file) => !file.endsWith('.json'));
  return inputs.sort().map((file) => {
    const beside = readFileSync(join(folder, `${stemOf(file)}.json`), 'utf8');
    const { says, wire = null, ...expected } = JSON.parse(beside) as Beside;
    return { name: stemOf(file), says, octets: readFileSync(join(folder, file)), expected, wire };
  });
}

/**
 * Where a value differs from what is expected of it: a path with both values, or null. Objects may hold more than is
 * expected, so that a new fact changes no old file; lists and everything else must be equal.
 */
export function difference(expected: unknown, found: unknown, path = ''): string | null {
  const differs = `${path || 'it'}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`;
  if (expected === null || typeof expected !== 'object') return expected === found ? null : differs;
  if (found === null || typeof found !== 'object') return differs;
  if (Array.isArray(expected) !== Array.isArray(found)) return differs;
  if (Array.isArray(expected) && expected.length !== (found as readonly unknown[]).length)
    return differs;
  for (const [key, value] of Object.entries(expected)) {
    const fault = difference(
      value,
      (found as Readonly<Record<string, unknown>>)[key],
      `${path}.${key}`,
    );
    if (fault !== null) return fault;
  }
  return null;
}
