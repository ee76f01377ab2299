// A machine as a graph: every state and transition once, targets resolved by XState's rules.
import t from 'tap';
import { graphOf, isWithin } from '../../machines/index.js';
import { compiled, nested, parallel, remembering, shipped } from '../support/policies.js';

t.test('states with their kinds and places', async (t) => {
  const { graph } = compiled(nested);
  const kinds = Object.fromEntries(graph.states.map((one) => [one.path, one.kind]));
  t.same(kinds, {
    '': 'compound',
    outer: 'compound',
    'outer.one': 'atomic',
    'outer.two': 'compound',
    'outer.two.deep': 'atomic',
    'outer.two.deeper': 'final',
    over: 'final',
    passing: 'atomic',
  });
  t.match(
    graph.states.find((one) => one.path === 'outer'),
    {
      initial: 'outer.one',
      entry: ['deliver', 'noteEnding(cause: evicted)'],
      exit: ['markExpired'],
    },
  );
  t.equal(compiled(parallel).graph.states.find((one) => one.path === 'both')?.kind, 'parallel');
  const kindOf = (path: string) =>
    compiled(remembering).graph.states.find((one) => one.path === path)?.kind;
  t.equal(kindOf('work.exactly'), 'history');
});

t.test('targets are resolved as XState resolves them', async (t) => {
  for (const policy of [compiled(nested), compiled(parallel), shipped('deliver-late')]) {
    for (const one of policy.graph.transitions) {
      if (one.trigger === 'initial' || one.to === null) continue;
      const id = one.from === '' ? policy.machine.id : `${policy.machine.id}.${one.from}`;
      const node = policy.machine.getStateNodeById(id);
      const targets = [...node.transitions.values(), node.always ?? []]
        .flat()
        .flatMap((transition) => transition.target ?? [])
        .map((target) => target.path.join('.'));
      t.ok(targets.includes(one.to), `${one.from} -> ${one.to}`);
    }
  }
});

t.test('an unresolved target is kept as it was written', async (t) => {
  const graph = graphOf({ id: 'm', initial: 'a', states: { a: { on: { x: '#n.b' } } } } as never);
  t.match(
    graph.transitions.find((one) => one.trigger === 'event'),
    { to: null, unresolved: '#n.b' },
  );
  t.equal(isWithin('ab', 'a'), false);
  t.equal(isWithin('a.b', 'a'), true);
  t.equal(isWithin('a', ''), true);
});
