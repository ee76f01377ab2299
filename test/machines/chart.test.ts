// Charts as text: nothing of a policy is missing in any rendering, names cannot break out of one,
// and the way of a message is the one it took.
import t from 'tap';
import { mermaid, textChart, transitionTable } from '../../machines/chart.js';
import {
  orderStates,
  pathOfTrail,
  takenOn,
  transitionParts,
  transitionText,
  visible,
} from '../../machines/chart-parts.js';
import {
  type Graph,
  graphOf,
  type PolicyFile,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';
import { hostileMachine, hostileText, nestedMachine, reordered } from '../support/chart-samples.js';

const graphs = shippedPolicyIds.map((id) => graphOf((shippedPolicy(id) as PolicyFile).machine));
const base = graphs[0] as Graph;
const nested = graphOf(nestedMachine);
const escapeSign = '\u001B';

const real = (graph: Graph) => graph.transitions.filter((one) => one.trigger !== 'initial');
const count = (text: string, part: string) => text.split(part).length - 1;

t.test('the base chart reads as agreed', async (t) => {
  const text = mermaid(base);
  t.ok(text.startsWith('stateDiagram-v2\n'));
  for (const line of [
    '  [*] --> s_stored',
    '  s_stored --> s_delivering : recipient.registered',
    '  s_stored --> s_expired : after expiry',
    '  s_settling --> s_stored : [else]',
    '  state "reporting" as s_reporting {',
    '    [*] --> s_reporting_sending',
    '    s_reporting_backing_off --> s_reporting_sending : after reportRetry',
    '  s_reporting_sending --> s_reported : report.answered [answered(success)]',
    '  s_dropped --> [*]',
    '    message.deleted / noteEnding(deleted)',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
  const table = transitionTable(base).split('\n');
  t.equal(table[0], '| state | on | guard | do | go to |');
  for (const row of [
    '| start | initial |  |  | `stored` |',
    '| `stored` | `delivery.answered` | `answered(class: success)` |  | `delivered` |',
    '| `delivering` | entry |  | `deliver` |  |',
    '| `delivering` | `message.deleted` |  | `noteEnding(cause: deleted)` | stays |',
    '| `settling` | always | else |  | `stored` |',
    '| `dropped` | final |  |  | outcome `dropped` |',
  ]) {
    t.ok(table.includes(row), row);
  }
});

t.test('every state and transition appears in each rendering', async (t) => {
  for (const graph of [...graphs, nested]) {
    const texts = { mermaid: mermaid(graph), text: textChart(graph, { width: 200 }) };
    const table = transitionTable(graph).split('\n');
    for (const state of graph.states.filter((one) => one.path !== '')) {
      t.ok(texts.mermaid.includes(`state "${state.key}" as `), `mermaid ${state.path}`);
      t.match(texts.text, new RegExp(`[o#] ${state.key}\\b`), `text ${state.path}`);
    }
    const written = new Map<string, number>();
    for (const one of real(graph)) {
      const text = transitionText(one);
      written.set(text, (written.get(text) ?? 0) + 1);
    }
    for (const [text, times] of written) {
      t.ok(count(texts.mermaid, text) >= times, `mermaid ${text}`);
      t.ok(count(texts.text, text) >= times, `text ${text}`);
    }
    const rows = table.filter((row) => row.startsWith('| ') && !row.includes('| final |'));
    const doing = graph.states
      .flatMap((one) => [one.entry, one.exit])
      .filter((one) => one.length > 0);
    t.equal(rows.length - 1, graph.transitions.length + doing.length, `table of ${graph.id}`);
  }
});

t.test('an edge of mermaid stands in the innermost block that holds both ends', async (t) => {
  const lines = mermaid(nested).split('\n');
  const depth = (line: string) =>
    lines.filter((one) => one.trim() === line).map((one) => one.search(/\S/));
  t.same(depth('s_outer_one --> s_outer_two : next'), [4]);
  t.same(depth('s_outer_two_deep --> s_over : out'), [2]);
  t.same(depth('s_outer --> s_outer_two : inward'), [2]);
  t.same(depth('s_ --> s_over : halt'), [2]);
  t.same(depth('s_outer_end_ --> [*]'), [4], 'not the id mermaid makes for the end of outer');
  t.equal(count(mermaid(nested), '{'), count(mermaid(nested), '}'));
});

t.test(
  'renderings are the same each time, and key order inside an object means nothing',
  async (t) => {
    for (const id of shippedPolicyIds) {
      const { machine } = shippedPolicy(id) as PolicyFile;
      const one = graphOf(machine);
      const other = graphOf(reordered(machine));
      t.equal(mermaid(one), mermaid(other));
      t.equal(transitionTable(one), transitionTable(other));
      t.equal(textChart(one), textChart(other));
    }
  },
);

t.test('hostile names stay text', async (t) => {
  const graph = graphOf(hostileMachine);
  const diagram = mermaid(graph);
  for (const line of diagram.trimEnd().split('\n').slice(1)) {
    t.match(
      line,
      /^ *(state ".*" as \w+( \{)?|\}|note right of \w+|end note|[\w[\]*]+ --> .*|.* [/→] .*)$/,
    );
  }
  const labels = diagram
    .split('\n')
    .filter((line) => / --> \w+ : /.test(line))
    .map((line) => line.slice(line.indexOf(' : ') + 3));
  t.equal(labels.length, real(graph).filter((one) => one.to !== null).length);
  for (const label of labels) t.notMatch(label, /[:;"<>#%{}`|]/);
  t.equal(count(diagram, 'end note'), count(diagram, 'note right of'));
  for (const row of transitionTable(graph).trimEnd().split('\n').slice(2)) {
    t.equal(count(row, '|'), 6, 'five cells');
    t.equal(count(row, '`') % 2, 0, 'code is closed');
  }
  const plain = textChart(graph);
  t.notOk([...plain].some((sign) => sign < ' ' && sign !== '\n'));
  t.notOk(plain.includes(escapeSign));
  t.equal(visible(hostileText).includes('\n'), false);
  t.equal(visible('a\u202Eb\u0000c\uD800d\uFFFEe'), 'a\uFFFDb\uFFFDc\uFFFDd\uFFFDe');
});

t.test('colour is only there when asked for, and marks nothing but the looks', async (t) => {
  const options = { path: ['stored', 'delivering'], current: 'delivering' };
  t.notOk(textChart(base, options).includes(escapeSign));
  t.match(
    [...textChart(base, options)].every((sign) => sign < '\u007F'),
    true,
    'plain ASCII',
  );
  t.ok(textChart(base, { ...options, color: true }).includes(`${escapeSign}[1;`));
  t.ok(textChart(base, { color: true }).includes(`${escapeSign}[34m○ stored`));
  t.ok(textChart(base, { color: true }).includes(`${escapeSign}[39m○ settling`));
});

t.test('lines keep to the width asked for', async (t) => {
  for (const width of [72, 80, 120]) {
    const longest = Math.max(
      ...textChart(base, { width })
        .split('\n')
        .map((line) => line.length),
    );
    t.ok(longest <= width, `${longest} <= ${width}`);
  }
});

const life = [
  { event: 'message.received', from: null, to: 'stored' },
  { event: 'recipient.registered', from: 'stored', to: 'delivering' },
  { event: 'delivery.answered', from: 'delivering', to: 'stored' },
  { event: 'after expiry', from: 'stored', to: 'reporting.sending' },
  { event: 'report.answered', from: 'reporting.sending', to: 'reported' },
];

t.test('a trail becomes the way of the message, with what it passed through', async (t) => {
  const path = pathOfTrail(base, life);
  t.same(
    path.map((stop) => stop.state),
    ['stored', 'delivering', 'settling', 'stored', 'expired', 'reporting.sending', 'reported'],
  );
  const taken = takenOn(base, path).map(
    (one) => `${one.step} ${one.transition.from} ${transitionText(one.transition)}`,
  );
  t.same(taken, [
    '1 stored recipient.registered',
    '2 delivering delivery.answered [else]',
    '3 settling [else]',
    '4 stored after expiry',
    '5 expired [reportOwed]',
    '6 reporting.sending report.answered [answered(success)]',
  ]);
  const text = textChart(base, { path, current: 'reported' });
  t.match(text, /o stored \(1, 4\)/);
  t.match(text, /> after expiry +-> expired {2}\(4-5\)/);
  t.match(text, /\* reported \(7\) final now/);
  t.notMatch(text, /> message\.outlived/);
  t.match(textChart(base, { path: pathOfTrail(base, life.slice(1)) }), /o stored \(1, 4\)/);
});

t.test('where several ways lead on, none is invented', async (t) => {
  const path = pathOfTrail(base, [
    { event: 'delivery.answered', from: 'delivering', to: 'reporting.sending' },
  ]);
  t.same(path, [
    { state: 'delivering' },
    { state: 'reporting.sending', event: 'delivery.answered' },
  ]);
  t.same(takenOn(base, path), []);
});

t.test('only what the message touched, when asked for', async (t) => {
  const text = textChart(base, { path: pathOfTrail(base, life), pathOnly: true });
  t.notMatch(text, /withdrawn/);
  t.match(text, /o reporting\n/);
  t.ok(text.split('\n').length < 20);
});

t.test('a transition that stays is part of a way', async (t) => {
  const path = [
    { state: 'delivering' },
    { state: 'delivering', event: 'message.deleted' },
    { state: 'settling', event: 'delivery.answered' },
  ];
  const text = textChart(base, { path });
  t.match(text, /> message\.deleted \/ noteEnding\(deleted\) {2}\(1-2\)/);
  t.notMatch(text, /> message\.evicted/);
});

t.test('a way of another policy draws no arrows that are not there', async (t) => {
  t.same(takenOn(base, ['stored', 'nowhere', 'dropped']), []);
  t.notMatch(textChart(base, { path: ['nowhere'] }), /^ *> /m);
});

t.test('small words', async (t) => {
  t.same([...orderStates].sort(), [
    'deleted-by-user',
    'delivered',
    'dropped',
    'expired',
    'reported',
    'stored',
  ]);
  const odd = graphOf({
    id: 'odd',
    initial: 'a',
    states: {
      a: { on: { go: { target: 'lost', actions: ['x', { type: 'y', params: { n: 1 } }] } } },
      b: { initial: 'c', states: { c: { type: 'final' } }, onDone: 'a', exit: 'bye' },
    },
  });
  const [stays, done] = real(odd);
  t.same(transitionParts(stays!), { trigger: 'go', guard: null, actions: 'x, y(1)' });
  t.equal(transitionText(done!), 'done');
  t.match(
    transitionTable(odd),
    /\| `a` \| `go` \| {2}\| `x`, `y\(n: 1\)` \| `lost` \(unknown\) \|/,
  );
  t.match(textChart(odd), /go \/ x, y\(1\) -> lost\?/);
  t.match(textChart(odd), /exit \/ bye/);
  t.match(mermaid(odd), /s_b --> s_a : done/);
});
