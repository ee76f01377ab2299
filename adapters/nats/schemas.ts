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
  'admin-messages-list-reply',
  'admin-messages-show-reply',
  'admin-messages-delete-reply',
  'admin-messages-expire-reply',
  'admin-messages-retry-reply',
  'admin-messages-withdraw-reply',
  'admin-messages-force-reply',
  'admin-messages-release-reply',
  'admin-messages-drop-reply',
  'admin-messages-extend-reply',
  'admin-preferences-show-reply',
  'admin-preferences-set-reply',
  'admin-preferences-import-reply',
  'admin-policy-list-reply',
  'admin-policy-show-reply',
  'admin-policy-install-reply',
  'admin-policy-activate-reply',
  'admin-policy-deactivate-reply',
  'admin-policy-history-reply',
  'admin-policy-shadow-reply',
  'admin-policy-rules-show-reply',
  'admin-policy-rules-check-reply',
  'admin-policy-rules-activate-reply',
  'admin-store-stats-reply',
  'admin-clock-confirm-reply',
  'admin-clock-set-reply',
  'admin-clock-advance-reply',
  'admin-readiness-reply',
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

/** The check of one admin verb's reply. A verb without a schema is a bug. */
export function adminReplySchema(word: string): JsonCheck {
  const name = schemaNames.find((one) => one === `admin-${word}-reply`);
  if (name === undefined) throw new TypeError(`the verb ${word} has no schema of its reply`);
  return schemaCheck(name);
}

/** Findings of a value against a schema; empty when it is valid. */
export function schemaFindings(
  name: SchemaName,
  value: unknown,
): readonly { readonly pointer: string; readonly message: string }[] {
  const result = schemaCheck(name)(value);
  return result.ok ? [] : result.findings;
}
