// The reference page of the gate: the thirteen checks, and every finding there can be. Made from the table of findings.
import {
  type FindingCode,
  findingKinds,
  type ReleaseCheck,
  releaseChecks,
} from '../../machines/index.js';
import { code, page, table } from './reference-pages.js';

export function gatePage(): string {
  return page('The gate', '`machines/findings.ts`', [
    'A policy passes the gate before any message lives under it: at `policy check`, `policy install` and `policy activate`, over the admin socket and NATS, and in `openEngine({ policies })`. An error refuses it, a warning is told. The gate takes the engine’s own step, in every situation a message can come into: where it stands, what of its life a guard may still ask for, which delays are armed, what is under way. A finding has the JSON pointer of its place in the file, and where it takes a history to show it, the shortest one.',
    'What lives in a store is not asked again: a message keeps the policy it was accepted under.',
    ...(Object.keys(releaseChecks) as ReleaseCheck[]).flatMap(checkSection),
  ]);
}

function checkSection(check: ReleaseCheck): readonly string[] {
  const codes = (Object.keys(findingKinds) as FindingCode[]).filter(
    (one) => findingKinds[one].check === check,
  );
  const rows = codes.map((one) => [
    code(one),
    findingKinds[one].severity,
    findingKinds[one].meaning,
  ]);
  const found = rows.length === 0 ? [] : [table(['Finding', 'Severity', 'What is wrong'], rows)];
  return [`## ${check}`, releaseChecks[check], ...found];
}
