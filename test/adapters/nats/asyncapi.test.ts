// docs/asyncapi.yaml agrees with the code: every subject, every schema, no dangling reference. It
// is read by its indentation alone; a full YAML reader would be a dependency for one test.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { adminSubjects, schemaNames, subjects } from '../../../adapters/nats/index.js';
import { preferencesSchema, schemaChecker } from '../../../machines/index.js';
import { projectFile } from './project-file.js';

const file = projectFile('docs/asyncapi.yaml');
const folder = projectFile('adapters/nats/schemas');
const paths = readPaths(readFileSync(file, 'utf8'));

/** `a/b/c` to its scalar, for each key of a plain block mapping. */
function readPaths(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const stack: { indent: number; key: string }[] = [];
  let block = Number.POSITIVE_INFINITY;
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const indent = line.length - line.trimStart().length;
    if (indent > block) continue;
    block = Number.POSITIVE_INFINITY;
    const colon = line.indexOf(':');
    if (colon < 0 || line.includes('\t')) throw new Error(`not a mapping: ${line}`);
    while (stack.length > 0 && stack.at(-1)!.indent >= indent) stack.pop();
    const key = line.slice(indent, colon);
    const value = line.slice(colon + 1).trim();
    stack.push({ indent, key });
    const path = stack.map((entry) => entry.key).join('/');
    if (found.has(path)) throw new Error(`twice: ${path}`);
    found.set(path, value.replace(/^"(.*)"$/, '$1'));
    if (value === '|') block = indent;
  }
  return found;
}

const values = (start: string, end: string) =>
  [...paths].filter(([p]) => p.startsWith(start) && p.endsWith(end)).map(([, value]) => value);

t.test('it is AsyncAPI 3.0 with a version', async (t) => {
  t.equal(paths.get('asyncapi'), '3.0.0');
  t.match(paths.get('info/version'), /^1\.\d+\.\d+$/);
  t.ok(paths.get('info/title'));
});

t.test('every subject is a channel, and every channel a subject', async (t) => {
  const addresses = values('channels/', '/address').filter((address) => address !== 'null');
  const ours = [...Object.values(subjects), adminSubjects.replace('*', '{verb}')];
  t.strictSame(addresses.sort(), ours.sort());
});

t.test('every schema file is named, used and compiled', async (t) => {
  const files = readdirSync(folder).sort();
  t.strictSame(files, schemaNames.map((name) => `${name}.schema.json`).sort());
  const referenced = values('components/messages/', '/payload/$ref').map((ref) =>
    join('docs', ref),
  );
  for (const name of files) {
    t.ok(referenced.includes(join('adapters/nats/schemas', name)), name);
    const check = schemaChecker(JSON.parse(readFileSync(join(folder, name), 'utf8')) as object);
    // Its first use compiles it; no schema of ours takes a lone number.
    t.equal(check(0).ok, false, name);
  }
  t.equal(referenced.length, files.length);
});

t.test('no reference dangles', async (t) => {
  const references = [...paths].filter(([path]) => path.endsWith('/$ref')).map(([, ref]) => ref);
  t.ok(references.length > 30);
  for (const reference of references.filter((ref) => ref.startsWith('#/')))
    t.ok(paths.has(reference.slice(2)), reference);
});

t.test('every channel has an operation, in the direction of its subject', async (t) => {
  for (const [name, subject] of Object.entries(subjects)) {
    const ours = subject.startsWith('deferred-im-v1-') || subject === subjects.event;
    const action = ours ? 'send' : 'receive';
    const key = `operations/${action}${name[0]!.toUpperCase()}${name.slice(1)}`;
    t.equal(paths.get(`${key}/action`), action, key);
    t.equal(paths.get(`${key}/channel/$ref`), `#/channels/${name}`);
  }
});

t.test('the fields of each line are the members of its schema', async (t) => {
  const lines = [...paths].filter(([path]) => path.endsWith('/x-line'));
  t.equal(lines.length, 10);
  for (const [path, text] of lines) {
    const name = path.split('/')[2]!;
    // What stands in round brackets is about the field before it; square ones stand around fields that come together.
    const [version, ...fields] = text.replaceAll(/\([^)]*\)|[[\]]/g, '').split(' ');
    const schema = JSON.parse(readFileSync(join(folder, `${name}.schema.json`), 'utf8')) as {
      properties: object;
    };
    t.equal(version, 'v1');
    t.strictSame(fields, Object.keys(schema.properties), name);
  }
});

t.test('what an owner may set is what machines/ reads, but for the operator’s word', async (t) => {
  interface Shape {
    readonly properties: Readonly<Record<string, object>>;
    readonly definitions?: object;
  }
  const whole = preferencesSchema as Shape;
  const file = join(folder, 'user-preferences-request.schema.json');
  const request = JSON.parse(readFileSync(file, 'utf8')) as Shape;
  const { permission, ...ownersOwn } = whole.properties;
  t.ok(permission);
  t.strictSame((request.properties['set'] as Shape).properties, ownersOwn);
  t.strictSame(request.definitions, whole.definitions);
});
