// The scenarios that come with the package, one file each.
import { createRequire } from 'node:module';
import { readScenario, type Scenario } from './scenario.js';

const require = createRequire(import.meta.url);

/** Ids of the shipped scenarios, in the order of a message's troubles. */
export const shippedScenarioIds: readonly string[] = [
  'delivered-on-return',
  'expires-and-is-reported',
  'expires-without-a-wish',
  'expires-during-a-push',
  'returns-after-expiry',
  'phone-keeps-silent',
  'phone-refuses',
  'deleted-unread',
  'retrieved-and-withdrawn',
  'report-meets-trouble',
  'operator-decides',
  'a-busy-mailbox',
  'bus-away',
  'nobody-ever-answers',
];

/** A shipped scenario. */
export function shippedScenario(id: string): Scenario {
  if (!shippedScenarioIds.includes(id)) throw new TypeError(`no shipped scenario "${id}"`);
  const read = readScenario(require(`./scenarios/${id}.json`));
  if (!read.ok) throw new TypeError(`${id}: ${JSON.stringify(read.findings)}`);
  return read.scenario;
}
