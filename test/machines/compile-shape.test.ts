// Charts that cannot be lived: endless, deaf, unreachable, too large, or no JSON at all. Each is refused where it stands.
import t from 'tap';
import { canonicalJson, compilePolicy, policyBounds } from '../../machines/index.js';
import { changed, codesOf, type Loose, policyOf, stored } from '../support/policies.js';
import { processorMs } from '../support/processor-time.js';

t.test('F1 an endless always is refused, guarded or not', async (t) => {
  const loops: ((policy: Loose) => void)[] = [
    (p) => {
      p.machine.states.settling.always = [{ target: 'settling' }];
    },
    (p) => {
      p.machine.states.expired.always = [{ target: 'settling' }];
    },
    (p) => {
      stored(p).always = [{ guard: 'expired', target: 'settling' }];
    },
    (p) => {
      p.machine.states.expired.always = [{ actions: 'markExpired' }];
    },
  ];
  for (const [index, loop] of loops.entries())
    t.ok(codesOf(changed(loop)).includes('endless-always'), `loop ${index}`);
});

t.test('F7 unreachable states and dead ends are refused', async (t) => {
  t.ok(
    codesOf(
      changed((p) => {
        p.machine.states.island = { on: { 'message.outlived': 'dropped' } };
      }),
    ).includes('unreachable'),
  );
  t.ok(
    codesOf(
      changed((p) => {
        stored(p).on['message.evicted'] = 'trap';
        p.machine.states.trap = { on: { 'message.outlived': { actions: 'markExpired' } } };
      }),
    ).includes('dead-end'),
  );
});

t.test('RC4 RC9 no message is deaf to its end', async (t) => {
  t.ok(
    codesOf(
      changed((p) => {
        delete stored(p).on['message.outlived'];
      }),
    ).includes('deaf-to-its-end'),
  );
  t.ok(
    codesOf(
      changed((p) => {
        delete stored(p).on['message.deleted'];
      }),
    ).includes('unhandled'),
  );
  const untagged = changed((p) => {
    delete stored(p).on['message.deleted'];
    delete stored(p).tags;
  });
  t.notOk(codesOf(untagged).includes('unhandled'), 'what is not in the mailbox is not deleted');
});

t.test('shape: initial, outcome, empty transition, ids', async (t) => {
  t.ok(
    codesOf(
      changed((p) => {
        delete p.machine.states.reporting.initial;
      }),
    ).includes('no-initial'),
  );
  t.ok(
    codesOf(
      changed((p) => {
        delete p.machine.states.dropped.meta;
      }),
    ).includes('no-outcome'),
  );
  t.same(
    codesOf(
      changed((p) => {
        p.machine.id = 'other';
      }),
    )[0],
    'id-mismatch',
  );
  t.ok(
    codesOf(
      changed((p) => {
        stored(p).on['message.withdrawn'] = { guard: 'expired' };
      }),
    ).includes('empty-transition'),
  );
});

t.test('F4 deep, large and numerous are refused, quickly', async (t) => {
  const deep = (levels: number) => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level += 1) value = { states: value };
    return value;
  };
  const many = (count: number) =>
    policyOf({
      initial: 's0',
      on: { 'message.outlived': '.over', 'message.deleted': '.over' },
      states: Object.fromEntries([
        ...Array.from({ length: count - 1 }, (_, n) => [
          `s${n}`,
          n + 2 < count ? { on: { 'message.evicted': `s${n + 1}` } } : {},
        ]),
        ['over', { type: 'final', meta: { outcome: 'done' } }],
      ]),
    });
  t.same(codesOf(many(256)), []);
  const cyclic: Loose = {};
  cyclic.machine = cyclic;
  const cases: [string, unknown][] = [
    ['too-deep', deep(5000)],
    ['too-deep', deep(33)],
    ['too-deep', cyclic],
    [
      'too-large',
      changed((p) => {
        p.description = 'x'.repeat(policyBounds.octetsMax);
      }),
    ],
  ];
  for (const [code, source] of cases) {
    const tookMs = processorMs(() => t.same(codesOf(source), [code]));
    t.ok(tookMs < 200, `${code} took ${tookMs} ms`);
  }
  t.not(codesOf(many(257)).length, 0, '257 states');
});

t.test('F4 the dearest policy that fits is judged in under a second', async (t) => {
  // A chain in the worst order for every search, as many transitions as the octets allow.
  const count = 250;
  const states: Loose = { over: { type: 'final', meta: { outcome: 'done' } } };
  for (let n = count; n > 0; n -= 1) {
    const next = n === 1 ? 'over' : `s${n - 1}`;
    states[`s${n}`] = { always: [{ guard: 'expired', target: next }, next, next, next, next] };
  }
  const events = { 'message.outlived': '.over', 'message.deleted': '.over' };
  const source = policyOf({ initial: `s${count}`, on: events, states });
  const filler = Math.floor((policyBounds.octetsMax - canonicalJson(source).length) / 10);
  for (let added = 0; added < filler - 50; added += 1) {
    const always = states[`s${1 + (added % count)}`].always;
    if (always.length < 64) always.push('over');
  }
  t.ok(canonicalJson(source).length > 50_000);
  const tookMs = processorMs(() => compilePolicy(source));
  t.ok(tookMs < 1000, `${Math.round(tookMs)} ms`);
});

t.test('F10 what is not JSON is refused, not thrown', async (t) => {
  const sources: unknown[] = [
    undefined,
    null,
    true,
    7,
    'text',
    [],
    {},
    Symbol('x'),
    1n,
    () => {},
    Number.NaN,
    changed((p) => {
      p.settings = undefined;
    }),
    changed((p) => {
      p.settings.maxLifetimeSeconds = Number.POSITIVE_INFINITY;
    }),
    changed((p) => {
      p.settings.maxLifetimeSeconds = 10n;
    }),
    changed((p) => {
      stored(p).entry = () => {};
    }),
  ];
  for (const source of sources) t.not(codesOf(source).length, 0, String(source));
});
