// What a policy file may be: every refusal, each by its code, none by a throw; and what its hash
// depends on.
import t from 'tap';
import {
  canonicalJson,
  compilePolicy,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';
import {
  changed,
  codesOf,
  compiled,
  type Loose,
  nested,
  parallel,
  remembering,
  shipped,
  stored,
} from '../support/policies.js';

const inherited = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];

t.test('the shipped policies and the machines of the tests pass', async (t) => {
  for (const id of shippedPolicyIds) t.same(codesOf(shippedPolicy(id)), [], id);
  for (const source of [nested, parallel, remembering]) t.same(codesOf(source), []);
});

t.test('F2 unknown names are refused, each where it stands', async (t) => {
  const cases: [string, string, (policy: Loose) => void][] = [
    [
      'unknown-guard',
      '/on/message.deleted/guard',
      (p) => {
        stored(p).on['message.deleted'].guard = 'reportOwedd';
      },
    ],
    [
      'unknown-action',
      '/entry',
      (p) => {
        stored(p).entry = 'delivr';
      },
    ],
    [
      'unknown-action',
      '/exit/1',
      (p) => {
        stored(p).exit = ['report', 'sendMail'];
      },
    ],
    [
      'unknown-action',
      '/on/message.deleted/actions',
      (p) => {
        stored(p).on['message.deleted'].actions = { type: 'xlog' };
      },
    ],
    [
      'unknown-delay',
      '/after/expirry',
      (p) => {
        stored(p).after.expirry = 'expired';
      },
    ],
    [
      'unknown-event',
      '/on/message.delete',
      (p) => {
        stored(p).on['message.delete'] = 'expired';
      },
    ],
    [
      'unknown-tag',
      '/tags',
      (p) => {
        stored(p).tags = ['alive'];
      },
    ],
    [
      'unknown-target',
      '/on/message.deleted',
      (p) => {
        stored(p).on['message.deleted'].target = 'nowhere';
      },
    ],
    [
      'unknown-target',
      '/on/message.deleted',
      (p) => {
        stored(p).on['message.deleted'].target = '#elsewhere.stored';
      },
    ],
    [
      'unknown-parameter',
      '/guard/params/klass',
      (p) => {
        stored(p).on['delivery.answered'].guard.params.klass = 'success';
      },
    ],
    [
      'bad-parameter',
      '/guard/params/class',
      (p) => {
        stored(p).on['delivery.answered'].guard.params.class = 'succes';
      },
    ],
    [
      'missing-parameter',
      '/guard/params',
      (p) => {
        stored(p).on['delivery.answered'].guard = 'answered';
      },
    ],
  ];
  for (const [code, pointer, change] of cases) {
    const result = compilePolicy(changed(change));
    t.equal(result.ok, false, code);
    const found = result.ok ? [] : result.findings;
    t.ok(
      found.some(
        (one) =>
          one.code === code &&
          one.pointer.startsWith('/machine/states/stored') &&
          one.pointer.endsWith(pointer),
      ),
      `${code} at ${pointer}: ${JSON.stringify(found)}`,
    );
  }
});

t.test('F3 names like constructor and __proto__ mean nothing anywhere', async (t) => {
  for (const name of inherited) {
    const places: ((policy: Loose) => void)[] = [
      (p) => {
        stored(p).on['message.deleted'].guard = name;
      },
      (p) => {
        stored(p).on['message.deleted'].guard = { type: name };
      },
      (p) => {
        stored(p).entry = name;
      },
      (p) => {
        stored(p).tags = [name];
      },
      (p) => {
        stored(p).on['message.deleted'].target = name;
      },
      (p) => {
        stored(p).on = JSON.parse(`{"${name}": "expired"}`);
      },
      (p) => {
        stored(p).after = JSON.parse(`{"${name}": "expired"}`);
      },
      (p) => {
        p.machine.initial = name;
      },
      (p) => {
        stored(p).on['delivery.answered'].guard.params = JSON.parse(`{"${name}": 1}`);
      },
      (p) => {
        p.settings = JSON.parse(`{"${name}": 1}`);
      },
    ];
    for (const [index, place] of places.entries())
      t.not(codesOf(changed(place)).length, 0, `${name} in place ${index}`);
  }
});

t.test('J3 no invoke, no code, no unknown key, no name of XState', async (t) => {
  const places: ((policy: Loose) => void)[] = [
    (p) => {
      stored(p).invoke = { src: 'fetch' };
    },
    (p) => {
      p.machine.context = {};
    },
    (p) => {
      p.machine.options = { maxIterations: -1 };
    },
    (p) => {
      p.machine.maxIterations = -1;
    },
    (p) => {
      p.machine.type = 'parallel';
    },
    (p) => {
      p.version = '1';
    },
    (p) => {
      stored(p).on['*'] = 'expired';
    },
    (p) => {
      stored(p).on['xstate.after.1.x'] = 'expired';
    },
    (p) => {
      stored(p).entry = { type: 'xstate.raise', params: {} };
    },
    (p) => {
      stored(p).entry = { type: 'xstate.spawnChild' };
    },
    (p) => {
      stored(p).on['message.deleted'].cond = 'x';
    },
    (p) => {
      stored(p).meta = { outcome: 'Not A Label' };
    },
    (p) => {
      stored(p).on['message.deleted'] = { guard: { type: 'and', params: {} } };
    },
  ];
  for (const [index, place] of places.entries())
    t.not(codesOf(changed(place)).length, 0, `place ${index}`);
});

t.test('a delay is a bare name with a unit, never a number', async (t) => {
  const after = (name: string) =>
    changed((p) => {
      stored(p).after[name] = 'expired';
    });
  for (const name of ['5000', '-5', '1 day', '1e400', 'abc']) {
    t.not(codesOf(after(name)).length, 0, name);
  }
  const declared = (delay: unknown) =>
    changed((p) => {
      p.settings.delays.pause = delay;
      stored(p).after.pause = 'expired';
    });
  t.same(codesOf(declared({ seconds: 5 })), []);
  for (const delay of [
    5,
    '5',
    {},
    { seconds: 0 },
    { seconds: -1 },
    { seconds: 1.5 },
    { seconds: 1, days: 1 },
    { weeks: 1 },
    { days: 100_000 },
    null,
  ]) {
    t.not(codesOf(declared(delay)).length, 0, JSON.stringify(delay));
  }
  const shadow = changed((p) => {
    p.settings.delays.expiry = { seconds: 5 };
  });
  t.same(codesOf(shadow), ['built-in-delay']);
});

t.test('settings keep their bounds', async (t) => {
  const settings: [string, unknown][] = [
    ['maxLifetimeSeconds', 'none'],
    ['maxLifetimeSeconds', 59],
    ['defaultExpirySeconds', -1],
    ['defaultExpirySeconds', 'never'],
    ['retryStepsSeconds', []],
    ['retryStepsSeconds', [9]],
    ['deliverAfterExpiry', 'yes'],
    ['unheardOf', 1],
  ];
  for (const [name, value] of settings)
    t.equal(
      codesOf(
        changed((p) => {
          p.settings[name] = value;
        }),
      )[0],
      'schema',
      name,
    );
});

t.test('key order does not change the hash, content does', async (t) => {
  const reverse = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reverse);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, reverse(item)]),
    );
  };
  const base = shipped('delete-and-report');
  const other = compiled(reverse(shippedPolicy('delete-and-report')));
  t.equal(other.hash, base.hash);
  t.match(base.hash, /^[0-9a-f]{64}$/);
  t.same(other.graph, base.graph, 'the machine is built from the canonical form');
  const renamed = compiled(
    changed((p) => {
      p.title = 'x';
    }),
  );
  t.not(renamed.hash, base.hash);
});

t.test('canonical JSON of RFC 8785', async (t) => {
  t.equal(
    canonicalJson({ b: [1, 'é"', null], a: { z: true, y: -0 } }),
    '{"a":{"y":0,"z":true},"b":[1,"é\\"",null]}',
  );
});

t.test('a policy may not lose a body it still needs', async (t) => {
  const unlive = changed((policy) => {
    policy.machine.states.delivering.tags = [];
  });
  t.ok(codesOf(unlive).includes('body-lost'), 'delivering outside the mailbox');
  const revived = changed((policy) => {
    policy.machine.states.reporting.states['backing-off'].on['message.deleted'] =
      '#delete-and-report.stored';
  });
  t.ok(codesOf(revived).includes('body-lost'), 'and nothing comes back to it');
});
