// docs/policies.md shows real output: its sample policy is judged and drawn again here, and the hashes it prints are
// those of the policies that come with the package.
import t from 'tap';
import {
  compilePolicy,
  defaultSettings,
  shippedPolicy,
  shippedPolicyIds,
  textChart,
} from '../../machines/index.js';
import { textOf } from '../architecture/source-tree.js';

const page = textOf('docs/policies.md');
const source = page.split('```json\n')[1]?.split('```')[0] ?? '';

t.test('the sample passes, with the hash and the chart the page shows', async (t) => {
  const compiled = compilePolicy(JSON.parse(source));
  if (!compiled.ok) throw new Error(compiled.findings[0]?.message);
  t.strictSame(compiled.warnings, []);
  t.match(page, `keep-a-day.json: usable, hash ${compiled.policy.hash}\n`);
  t.match(page, `stored under ${compiled.policy.hash}\n`);
  t.match(page, `\n${textChart(compiled.policy.graph, { color: false, width: 96 })}`);
});

t.test('the sample as it was misspelt is refused with the findings the page shows', async (t) => {
  const misspelt = source
    .replace('"after": { "grace"', '"after": { "grase"')
    .replace('"message.deleted": "done", ', '');
  const compiled = compilePolicy(JSON.parse(misspelt));
  if (compiled.ok) throw new Error('it passed');
  t.equal(compiled.findings.length, 2);
  for (const { pointer, severity, message, code } of compiled.findings)
    t.match(page, `keep-a-day.json#${pointer}: ${severity}: ${message} (${code})\n`);
});

t.test('the shipped policies are listed, with the hashes they have', async (t) => {
  for (const id of shippedPolicyIds) {
    const compiled = compilePolicy(shippedPolicy(id));
    if (!compiled.ok) throw new Error(compiled.findings[0]?.message);
    const { hash, file } = compiled.policy;
    t.match(page, `| \`${id}\``);
    t.match(page, new RegExp(`${id} +${hash.slice(0, 12)} .*${file.title}`));
  }
});

t.test('every setting has its row', async (t) => {
  for (const name of Object.keys(defaultSettings)) t.match(page, `| \`${name}\` |`);
});
