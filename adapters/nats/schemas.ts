// The JSON Schemas of the contract, read once beside this file and compiled when first needed. The
// only place that turns a schema's name into its check.
import { readFileSync } from 'node:fs';
import { schemaChecker } from '../../machines/index.js';

/** Every schema file of `schemas/`, without its ending. */
export const schemaNames = [
  'request',
  'online',
  'offline',
  'outcome',
  'late',
  'alive',
  'answer',
  'send',
  'beat',
  'event',
  'queue',
  'user-list-request',
  'user-list-reply',
  'user-retrieve-request',
  'user-retrieve-reply',
  'user-confirm-request',
  'user-delete-request',
  'user-preferences-request',
  'user-preferences-reply',
  'user-results-reply',
  'user-sent-request',
  'user-status-reply',
  'user-withdraw-reply',
  'error-reply',
] as const;

export type SchemaName = (typeof schemaNames)[number];
export type JsonCheck = ReturnType<typeof schemaChecker>;

const checks = new Map<SchemaName, JsonCheck>();

export function schemaCheck(name: SchemaName): JsonCheck {
  let check = checks.get(name);
  if (check === undefined) {
    const url = new URL(`./schemas/${name}.schema.json`, import.meta.url);
    check = schemaChecker(JSON.parse(readFileSync(url, 'utf8')) as object);
    checks.set(name, check);
  }
  return check;
}

/** Findings of a value against a schema; empty when it is valid. */
export function schemaFindings(
  name: SchemaName,
  value: unknown,
): readonly { readonly pointer: string; readonly message: string }[] {
  const result = schemaCheck(name)(value);
  return result.ok ? [] : result.findings;
}
