// `policy check` and `policy schema`: files judged without an engine, by the gate that every door of a running one asks.
import {
  findingOf,
  type Judgement,
  type PolicyFinding,
  publishedPolicySchema,
} from '../../machines/index.js';
import { exitCodes, judge } from '../../runtime/index.js';
import { readJsonFile } from './json-file.js';
import { safe } from './output.js';
import type { Verb } from './verb.js';

/** A file as the gate found it; what cannot be read is a finding like any other. */
export interface JudgedFile extends Judgement {
  readonly file: string;
  readonly source: unknown;
}

export function judgeFile(file: string): JudgedFile {
  const read = readJsonFile(file);
  if (read.ok) return judgeSource(file, read.value);
  const findings = [findingOf('json', '', read.message)];
  return { file, source: null, ok: false, findings, policy: null, known: null };
}

/** The same of a policy that was read already. */
export const judgeSource = (file: string, source: unknown): JudgedFile => ({
  ...{ file, source },
  ...judge(source),
});

/** A finding in words, and below it the history that shows it. */
export function findingLines(file: string, one: PolicyFinding): readonly string[] {
  const { pointer, severity, message, code, path } = one;
  const line = `${file}#${pointer}: ${severity}: ${message} (${code})`;
  return path === undefined ? [line] : [line, `  shown by: ${path.join(', ')}`];
}

export const policyCheck: Verb = {
  name: 'policy check',
  purpose: 'Check policy files as the engine would before it takes them.',
  text:
    'Each finding names the place as a JSON pointer, what is wrong, its code, and where it takes one the shortest ' +
    'history of a message that shows it. Needs no engine and changes nothing.',
  arguments: [{ name: 'FILE', meaning: 'A policy, as JSON.', many: true }],
  examples: [
    'deferred-im policy check my-policy.json',
    'deferred-im policy check --json policies/*.json',
  ],
  exits: [exitCodes['policy-invalid']],
  run: async ({ args, output }) => {
    const judged = args.map(judgeFile);
    const total = judged.reduce((sum, one) => sum + one.findings.length, 0);
    const result = { policies: judged.map(resultOf), findings: total };
    output.result(result, () => checkText(judged, total));
    return judged.every((one) => one.ok) ? exitCodes.ok : exitCodes['policy-invalid'];
  },
};

const resultOf = ({ file, ok, policy, findings, known }: JudgedFile) => ({
  ...{ file, ok, hash: policy?.hash ?? null, findings },
  ...(known === null
    ? {}
    : { behaviour: known.behaviour, overlaps: known.overlaps, matrix: known.matrix }),
});

function checkText(judged: readonly JudgedFile[], total: number): string {
  const lines = judged.flatMap(({ file, ok, policy, findings }) => [
    ...findings.flatMap((one) => findingLines(file, one)),
    ...(ok && policy !== null ? [`${file}: usable, hash ${policy.hash}`] : []),
  ]);
  const last = `policy check: ${total} findings in ${judged.length} policies`;
  return `${safe([...lines, last].join('\n'))}\n`;
}

export const printPolicySchema: Verb = {
  name: 'policy schema',
  purpose: 'Print the JSON Schema of a policy file, for editors that complete and explain.',
  examples: ['deferred-im policy schema > policy.schema.json'],
  exits: [],
  run: async ({ output }) => {
    const schema = publishedPolicySchema();
    output.result(schema, () => `${JSON.stringify(schema, null, 2)}\n`);
    return exitCodes.ok;
  },
};
