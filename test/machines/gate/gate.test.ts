// The gate on its two collections, on random slips, and on files that mean harm. `npm run policy-gate` is the long form.
import t from 'tap';
import {
  canonicalJson,
  type FindingCode,
  findingKinds,
  firstDifference,
  policyBounds,
  type ReleaseCheck,
  releaseChecks,
} from '../../../machines/index.js';
import { judge } from '../../../runtime/index.js';
import { changed, type Loose, policyOf, shipped } from '../../support/policies.js';
import { processorMs } from '../../support/processor-time.js';
import {
  brokenCases,
  brokenComplaint,
  brokenSource,
  soundCases,
  soundComplaint,
  valueAt,
} from './cases.js';

const broken = brokenCases();
const sound = soundCases();

t.test(
  'F7 J6 every broken policy is refused for all that is wrong with it, and nothing else',
  async (t) => {
    t.ok(broken.length >= 60, `${broken.length}`);
    for (const one of broken) t.equal(brokenComplaint(one), null, `${one.name}: ${one.what}`);
  },
);

t.test('J6 every sound policy is let in, unusual as it is', async (t) => {
  t.ok(sound.length >= 19, `${sound.length}`);
  for (const one of sound) t.equal(soundComplaint(one), null, one.name);
});

// Judged before they are explored, or by a second policy beside them; each is shown by a test of its own.
const shownElsewhere: readonly FindingCode[] = [
  ...(['json', 'not-json', 'too-large', 'too-deep', 'too-many-states', 'machine'] as const),
  ...(['unused-delay', 'deaf', 'no-patience', 'step-fails'] as const),
];

t.test(
  'every finding there can be is shown by a broken policy, every check by several',
  async (t) => {
    const found = broken.flatMap((one) => one.finds.map(({ code }) => code));
    const silent = (Object.keys(findingKinds) as FindingCode[]).filter(
      (code) =>
        findingKinds[code].check !== 'RC12' &&
        !found.includes(code) &&
        !shownElsewhere.includes(code),
    );
    t.strictSame(silent, []);
    const others: readonly ReleaseCheck[] = ['RC12', 'RC13'];
    for (const check of Object.keys(releaseChecks) as ReleaseCheck[])
      if (!others.includes(check))
        t.ok(
          found.some((code) => findingKinds[code].check === check),
          check,
        );
    t.ok(broken.filter(({ finds }) => new Set(finds.map((one) => one.code)).size > 1).length >= 5);
  },
);

t.test(
  'every pointer names something in its file, every history begins with the message',
  async (t) => {
    for (const one of broken) {
      const source = brokenSource(one);
      for (const { pointer, path } of one.finds) {
        const named = pointer.endsWith('/params') ? pointer.slice(0, -'/params'.length) : pointer;
        t.not(valueAt(source, named), undefined, `${one.name}: ${pointer}`);
        if (path !== undefined) t.equal(path[0], 'message.received', one.name);
      }
    }
  },
);

t.test('warnings are told and let in', async (t) => {
  const told = (change: (policy: Loose) => void) => {
    const { ok, findings } = judge(changed(change));
    t.ok(ok);
    return findings.map(({ code, severity, pointer }) => `${severity} ${code} ${pointer}`);
  };
  const idle = (p: Loose) => {
    p.settings.delays.pause = { days: 1 };
  };
  t.strictSame(told(idle), ['warning unused-delay /settings/delays/pause']);
  const deaf = (p: Loose) => {
    delete p.machine.states.stored.on['message.evicted'];
  };
  t.strictSame(told(deaf), ['warning deaf /machine/states/stored']);
  const hasty = (p: Loose) => {
    delete p.machine.states.delivering.after.answerTimeout;
  };
  t.strictSame(told(hasty), ['warning no-patience /machine/states/delivering']);
});

t.test(
  'two policies are told apart by the shortest history, by nothing but what they do',
  async (t) => {
    const explored = (source: unknown) => judge(source).known!.exploration;
    const original = explored(shipped('delete-and-report').file);
    const renamed = changed((p: Loose) => {
      p.machine.states.waiting = p.machine.states.stored;
      delete p.machine.states.stored;
      p.machine.initial = 'waiting';
      p.machine.states.settling.always.at(-1).target = 'waiting';
    });
    t.equal(firstDifference(original, explored(renamed)), null, 'names mean nothing');
    const evicting = changed((p: Loose) => {
      p.machine.states.stored.on['message.evicted'].target = 'withdrawn';
    });
    t.notOk(judge(evicting).ok, 'an eviction without a report');
    t.match(firstDifference(original, explored(evicting)), {
      path: ['message.received', 'message.evicted'],
      first: 'asks for report, goes on',
      second: 'ends as withdrawn',
    });
  },
);

t.test('F4 J5 a file that means harm is refused in under a second', async (t) => {
  const regions = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        `r${n}`,
        { initial: 'a', states: { a: { after: { pause: 'b' } }, b: { after: { pause: 'a' } } } },
      ]),
    );
  const wide = (count: number) =>
    policyOf(
      {
        initial: 'both',
        on: { 'message.outlived': '.over', 'message.deleted': '.over' },
        states: {
          both: { tags: ['live'], type: 'parallel', states: regions(count) },
          over: { type: 'final', meta: { outcome: 'over' } },
        },
      },
      { delays: { pause: { seconds: 30 } } },
    );
  const chain = (count: number) =>
    policyOf({
      initial: 's0',
      on: { 'message.outlived': '.over', 'message.deleted': '.over' },
      states: Object.fromEntries([
        ...Array.from({ length: count }, (_, n) => [
          `s${n}`,
          { tags: ['live'], on: { 'recipient.registered': n + 1 < count ? `s${n + 1}` : 'over' } },
        ]),
        ['over', { type: 'final', meta: { outcome: 'over' } }],
      ]),
    });
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level += 1) deep = { states: deep };
  const cyclic: Loose = { id: 'x' };
  cyclic.machine = cyclic;
  const filled = changed((p: Loose) => {
    p.description = 'x'.repeat(policyBounds.octetsMax);
  });
  const cases: [string, unknown, string][] = [
    ['20,000 levels', deep, 'too-deep'],
    ['a cycle', cyclic, 'too-deep'],
    ['64 KiB of text', filled, 'too-large'],
    ['50,000 states', chain(50_000), 'too-large'],
    ['__proto__', JSON.parse('{"__proto__": {"id": "x"}, "id": "x"}'), 'forbidden-name'],
    [
      'its own bounds',
      changed((p: Loose) => (p.machine.options = { maxIterations: 1e9 })),
      'schema',
    ],
    ['twenty regions', wide(20), 'too-many-situations'],
    ['sixty regions', wide(60), 'too-many-situations'],
  ];
  for (const [what, source, code] of cases) {
    let codes: readonly string[] = [];
    const tookMs = processorMs(() => {
      codes = judge(source).findings.map((one) => one.code);
    });
    t.ok(codes.includes(code), `${what}: ${codes.join(', ').slice(0, 200)}`);
    t.ok(tookMs < 1000, `${what} took ${Math.round(tookMs)} ms`);
  }
  t.equal(({} as Loose).id, undefined, 'nothing was polluted');
  const longest = chain(250);
  t.ok(canonicalJson(longest).length < policyBounds.octetsMax);
  t.ok(processorMs(() => t.notOk(judge(longest).ok)) < 1000, '250 states in a row');
});
