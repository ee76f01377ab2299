// The policies that come with the package, read as modules so that every way of packing finds them.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Ids of the shipped policies; the first one is the default. */
export const shippedPolicyIds: readonly string[] = [
  'delete-and-report',
  'deliver-late',
  'grace-then-delete',
  'hold-for-operator',
  'notify-and-pull',
];

/** The parsed file of a shipped policy. */
export function shippedPolicy(id: string): unknown {
  if (!shippedPolicyIds.includes(id)) throw new TypeError(`no shipped policy "${id}"`);
  return require(`./policies/${id}.json`);
}
