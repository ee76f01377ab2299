// Charts as pictures: complete, free of overlaps, equal bytes for equal charts, safe whatever a
// policy says; and the committed pages of docs/machines are the ones the policies give today.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { validateXML } from 'xmllint-wasm';
import { drawSvg, laidOut } from '../../../adapters/chart/draw.js';
import { layout } from '../../../adapters/chart/layout.js';
import {
  type Box,
  chartModel,
  type Place,
  type PlacedChart,
  type Point,
} from '../../../adapters/chart/model.js';
import { textWidth } from '../../../adapters/chart/text-width.js';
import {
  type Graph,
  graphOf,
  isInner,
  type PolicyFile,
  shippedPolicy,
  shippedPolicyIds,
  transitionText,
} from '../../../machines/index.js';
import {
  hostileMachine,
  hostileText,
  nestedMachine,
  reordered,
} from '../../support/chart-samples.js';
import { generatedCharts, page } from '../../support/generate-charts.js';
import { repositoryRoot } from '../../support/repository.js';

const machines = shippedPolicyIds.map((id) => (shippedPolicy(id) as PolicyFile).machine);
const graphs = machines.map((machine) => graphOf(machine));
const base = graphs[0] as Graph;
const nested = graphOf(nestedMachine);
const hostile = graphOf(hostileMachine);

/** Texts of a picture, each as a viewer shows it. */
function textsOf(svg: string): readonly string[] {
  return [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map((match) =>
    (match[1] as string)
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  );
}

const leaves = (boxes: readonly Box[]): readonly Box[] =>
  boxes.flatMap((box) => (box.children.length === 0 ? [box] : leaves(box.children)));

const meet = (a: Place, b: Place) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const placesOf = (graph: Graph): Promise<PlacedChart> => laidOut(graph).placed;

const legPlace = (a: Point, b: Point): Place => ({
  x: Math.min(a.x, b.x),
  y: Math.min(a.y, b.y),
  width: Math.abs(a.x - b.x) || 0.1,
  height: Math.abs(a.y - b.y) || 0.1,
});

t.test('every state and transition is in the picture', async (t) => {
  for (const graph of [...graphs, nested]) {
    const texts = textsOf(await drawSvg(graph));
    for (const state of graph.states.filter((one) => one.path !== '')) {
      t.ok(texts.includes(state.key), state.path);
      for (const action of state.entry) t.ok(texts.includes(`entry / ${action}`), action);
    }
    for (const one of graph.transitions.filter((one) => one.trigger !== 'initial')) {
      const text = transitionText(one);
      const alike = graph.transitions.filter(
        (other) => other.trigger !== 'initial' && transitionText(other) === text,
      );
      t.equal(texts.filter((other) => other === text).length, alike.length, text);
    }
  }
});

t.test('no label meets a box or a label, no arrow runs through a box', async (t) => {
  for (const graph of [...graphs, nested, hostile]) {
    const model = chartModel(graph);
    const { boxes, labels, routes } = await placesOf(graph);
    const solid = leaves(model.boxes).map((box) => [box.id, boxes.get(box.id) as Place] as const);
    const texts = [...labels];
    for (const [index, [id, place]] of texts.entries()) {
      t.notOk(
        texts.slice(index + 1).find((other) => meet(place, other[1])),
        `label ${id}`,
      );
      t.notOk(
        solid.find((other) => meet(place, other[1])),
        `label ${id} and boxes`,
      );
    }
    for (const arrow of model.arrows) {
      const route = routes.get(arrow.id) as readonly Point[];
      t.ok(route.length >= 2, arrow.id);
      const others = solid.filter(([id]) => id !== arrow.from && id !== arrow.to);
      const legs = route.slice(1).map((point, index) => legPlace(route[index] as Point, point));
      t.notOk(
        legs.find((leg) => others.some(([, place]) => meet(leg, place))),
        arrow.id,
      );
    }
  }
});

/** A screen for a chart of few states, a large sheet for more. */
const [pageStates, smallPage, largePage] = [
  16,
  { width: 1500, height: 1800 },
  { width: 2400, height: 2200 },
];

t.test('the initial state is the topmost, and pictures fit a page', async (t) => {
  for (const graph of graphs) {
    const model = chartModel(graph);
    const { boxes, width, height } = await placesOf(graph);
    const top = (box: Box) => boxes.get(box.id)!.y;
    const states = model.boxes.filter((box) => box.kind !== 'dot');
    const initial = graph.states[0]!.initial;
    const first = states.toSorted((a, b) => top(a) - top(b))[0]!;
    t.equal(first.path, initial);
    t.equal(states.filter((box) => top(box) === top(first)).length, 1);
    const page = graph.states.length <= pageStates ? smallPage : largePage;
    t.ok(width < page.width && height < page.height, `${width} x ${height}`);
  }
});

t.test('equal charts are equal bytes', async (t) => {
  for (const [index, machine] of machines.entries()) {
    const one = await drawSvg(graphs[index] as Graph);
    t.equal(await drawSvg(graphOf(reordered(machine))), one, 'laid out anew');
    t.equal(await drawSvg(graphs[index] as Graph), one, 'from the kept layout');
    t.notMatch(one, /NaN|undefined|[0-9]e[+-]|\d\.\d{3}/);
  }
});

t.test('pictures are well-formed, whatever the names are', async (t) => {
  const files = [
    await drawSvg(base, { title: hostileText, description: hostileText, path: ['stored'] }),
    await drawSvg(hostile, { path: ['a-b', 'a_b'], counts: { 'a-b': 3 }, current: 'a_b' }),
    await drawSvg(nested),
  ];
  for (const [index, contents] of files.entries()) {
    const xml = [{ fileName: `${index}.svg`, contents }];
    const { valid, errors } = await validateXML({ xml, normalization: 'format' });
    t.same(errors, []);
    t.ok(valid);
    t.notMatch(contents, /<script|\u001B/);
    t.match(contents, /<svg [^>]*role="img"/);
    t.match(contents, /<title id="([^"]+)">[^<]+<\/title>\n<desc id="[^"]+">[^<]+<\/desc>/);
  }
  const broken = [{ fileName: 'x.svg', contents: files[0]!.replace('</title>', '') }];
  t.notOk(
    (await validateXML({ xml: broken, normalization: 'format' })).valid,
    'the check can fail',
  );
});

t.test('looks: accent, final, initial, nested', async (t) => {
  const svg = await drawSvg(base);
  const group = (key: string) => {
    const at = svg.indexOf(`>${key}</text>`);
    return svg.slice(svg.lastIndexOf('<g>', at), at);
  };
  t.match(group('stored'), /f-accentBox/);
  t.match(group('deleted-by-user'), /f-accentBox/);
  t.match(group('settling'), /f-box/);
  t.equal(group('dropped').match(/<rect/g)?.length, 2, 'double border');
  t.equal(group('settling').match(/<rect/g)?.length, 1);
  t.equal(svg.match(/<circle/g)?.length, 2, 'a dot for the machine and one inside reporting');
  t.equal(svg.match(/class="f-inside"/g)?.length, 3, 'the container and the two labels in it');
  t.match(svg, /prefers-color-scheme:dark/);
});

t.test('the way of a message lies on the same picture', async (t) => {
  const bare = await drawSvg(base);
  const path = [
    'stored',
    { state: 'delivering', event: 'recipient.registered' },
    { state: 'stored', event: 'delivery.answered' },
    { state: 'delivering', event: 'recipient.registered' },
    { state: 'delivered', event: 'delivery.answered' },
  ];
  const svg = await drawSvg(base, {
    path,
    current: 'delivered',
    counts: { stored: 12345, dropped: 7 },
  });
  const texts = textsOf(svg);
  for (const badge of ['1 · 3', '2 · 4', '5', '12.3k', '7']) t.ok(texts.includes(badge), badge);
  t.equal(
    svg.match(/-way\)/g)?.length,
    2,
    'arrows taken: stored to delivering, delivering to delivered',
  );
  t.notMatch(bare, /-way\)/);
  const size = /width="\d+" height="\d+"/;
  t.equal(svg.match(size)?.[0], bare.match(size)?.[0]);
  t.match(svg, /The way of one message: stored, delivering, stored, delivering, delivered\./);
  const many = await drawSvg(base, {
    path: ['stored', 'delivering', 'stored', 'delivering', 'stored'],
  });
  t.ok(textsOf(many).includes('1 … 5'));
});

t.test('counts stay short', async (t) => {
  const counts = {
    stored: 0,
    delivering: 9999,
    expired: 10000,
    refused: 1_234_567,
    dropped: 250e6,
  };
  const texts = textsOf(await drawSvg(base, { counts }));
  for (const label of ['0', '9999', '10k', '1.2M', '250M']) t.ok(texts.includes(label), label);
});

t.test('text has one width on every machine', async (t) => {
  t.equal(textWidth('', 12), 0);
  t.equal(textWidth('iiii', 1000), 888);
  t.ok(textWidth('message', 12, true) > textWidth('message', 12));
  t.equal(textWidth('漢', 1000), 1000);
  t.equal(textWidth('é', 1000), 600);
  t.equal(textWidth('constructor', 12), textWidth('rotcurtsnoc', 12));
});

t.test('a chart that cannot be laid out is an error with its cause', async (t) => {
  const arrow = {
    id: 'e',
    from: 'a',
    to: 'nowhere',
    lines: [],
    transitions: [],
    width: 0,
    height: 0,
  };
  await t.rejects(layout({ boxes: [], arrows: [arrow] }), { message: /laid out/, cause: Object });
});

t.test('docs/machines is what the policies give today', async (t) => {
  // A machine that was laid out above need not be laid out again.
  const known = (machine: PolicyFile['machine']) =>
    graphs[machines.findIndex((one) => isDeepStrictEqual(one, machine))] ?? graphOf(machine);
  const pages = await generatedCharts(known);
  const policies = readdirSync(join(repositoryRoot, 'machines', 'policies'));
  t.equal(pages.size, 2 * policies.length);
  for (const [path, content] of pages) {
    t.equal(readFileSync(join(repositoryRoot, path), 'utf8'), content, path);
  }
  const committed = readdirSync(join(repositoryRoot, 'docs', 'machines'));
  const names = [...pages.keys()].map((path) => path.slice('docs/machines/'.length));
  t.same(committed.filter((name) => /\.(svg|md)$/.test(name)).sort(), names.sort());
});

t.test('a page holds picture, table, settings and mermaid text', async (t) => {
  const policy = shippedPolicy('delete-and-report') as PolicyFile;
  const text = page(policy);
  t.match(text, /!\[Statechart of delete-and-report\]\(delete-and-report\.svg\)/);
  t.match(text, /```mermaid\nstateDiagram-v2\n/);
  t.match(text, /\| `maxLifetimeSeconds` \| 90 d \|/);
  t.match(text, /\| `retryStepsSeconds` \| 1 min, 5 min, 30 min \|/);
  t.match(text, /\| `delays\.reportRetry` \| 5 minutes \|/);
  const wild = page({ ...policy, title: hostileText, description: hostileText });
  t.notMatch(wild, /[^\\]<script/);
  t.equal(wild.split('\n').length, text.split('\n').length);
});

t.test('transitions that stay are listed inside their state', async (t) => {
  const inner = base.transitions.filter(isInner);
  t.ok(inner.length > 0);
  const rows = chartModel(base).boxes.find((box) => box.path === 'delivering')!.rows;
  t.equal(rows.length, 1 + inner.length);
});
