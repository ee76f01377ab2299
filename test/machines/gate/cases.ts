// The two collections the gate is proved on: broken policies, each a patch (RFC 6902) of a shipped one with every finding
// it must produce, and sound ones, unusual as they are, each a whole file.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FindingCode, shippedPolicy } from '../../../machines/index.js';
import { judge } from '../../../runtime/index.js';
import type { Loose } from '../../support/policies.js';

/** What a broken policy must be refused for. */
export interface Expected {
  readonly code: FindingCode;
  readonly pointer: string;
  /** The shortest history that shows it. */
  readonly path?: readonly string[];
}

export interface BrokenCase {
  readonly name: string;
  readonly what: string;
  readonly base: string;
  readonly patch: readonly Change[];
  readonly finds: readonly Expected[];
}

export interface SoundCase {
  readonly name: string;
  readonly source: unknown;
}

interface Change {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

const here = fileURLToPath(new URL('../../../../test/machines/gate/', import.meta.url));

const filesIn = (folder: string): readonly { name: string; value: Loose }[] =>
  readdirSync(join(here, folder))
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const value = JSON.parse(readFileSync(join(here, folder, file), 'utf8')) as Loose;
      return { name: file.slice(0, -'.json'.length), value };
    });

export const brokenCases = (): readonly BrokenCase[] =>
  filesIn('broken').map(({ name, value }) => ({ name, ...value }));

export const soundCases = (): readonly SoundCase[] =>
  filesIn('sound').map(({ name, value }) => ({ name, source: value }));

/** The broken policy itself. Throws on a patch that does not apply. */
export function brokenSource({ base, patch }: Pick<BrokenCase, 'base' | 'patch'>): unknown {
  const source = structuredClone(shippedPolicy(base));
  for (const change of patch) apply(source, change);
  return source;
}

function apply(document: unknown, { op, path, value }: Change): void {
  const keys = partsOf(path);
  const last = keys.pop() as string;
  const holder = keys.reduce((at: Loose, key) => at[key], document);
  const isThere = Object.hasOwn(holder, last);
  if (op !== 'add' && !isThere) throw new TypeError(`there is no ${path}`);
  if (!Array.isArray(holder)) {
    if (op === 'remove') delete holder[last];
    else holder[last] = value;
  } else holder.splice(Number(last), op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
}

const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** The value a JSON pointer names, or undefined. */
export const valueAt = (document: unknown, pointer: string): unknown =>
  partsOf(pointer).reduce((at: Loose, key) => at?.[key], document);

/** What is wrong with the gate's judgement of a broken policy; null when it is what it must be. */
export function brokenComplaint(one: BrokenCase): string | null {
  const { ok, findings } = judge(brokenSource(one));
  if (ok) return 'it is let in';
  const found = findings.map(({ code, pointer, path }) => ({
    ...{ code, pointer },
    ...(path === undefined ? {} : { path }),
  }));
  const [said, must] = [JSON.stringify(found), JSON.stringify(one.finds)];
  return said === must ? null : `found ${said}, must find ${must}`;
}

/** What speaks against a sound policy; null when nothing does. Warnings are told and let in. */
export function soundComplaint({ source }: SoundCase): string | null {
  const { ok, findings } = judge(source);
  return ok ? null : JSON.stringify(findings.filter((one) => one.severity === 'error'));
}
