// Machines for the chart tests: one that nests, runs in parallel and remembers, and one whose every
// name tries to break out of the text it stands in.
import type { PolicyFile } from '../../machines/index.js';

type Machine = PolicyFile['machine'];

export const nestedMachine: Machine = {
  id: 'nested',
  initial: 'outer',
  on: { halt: { target: '.over' }, poke: { actions: 'note' } },
  states: {
    outer: {
      initial: 'one',
      entry: ['begin', 'count'],
      on: { inward: '.two', self: 'outer' },
      onDone: 'both',
      states: {
        one: { on: { next: 'two' } },
        two: {
          initial: 'deep',
          states: { deep: { on: { out: '#nested.over', up: '#nested.outer.end' } } },
        },
        end: { type: 'final' },
      },
    },
    both: {
      type: 'parallel',
      on: { back: 'memory' },
      states: {
        left: { initial: 'l1', states: { l1: { on: { flip: 'l2' } }, l2: { on: { flip: 'l1' } } } },
        right: { initial: 'r1', states: { r1: { after: { late: '#nested.over' } } } },
      },
    },
    memory: { type: 'history', target: 'outer' },
    over: { type: 'final' },
  },
};

export const hostileText =
  '"/><script>alert(1)</script>\n end note\n--> [*] : ; %% {x} | `y` #35; & \u001B[31m]]>';

export const hostileMachine: Machine = {
  id: hostileText,
  initial: 'a-b',
  states: {
    'a-b': {
      description: hostileText,
      entry: hostileText,
      on: {
        [hostileText]: [
          { guard: { type: hostileText, params: { p: hostileText } }, target: 'a_b' },
          { actions: hostileText },
        ],
        end: { target: 'end' },
      },
    },
    a_b: { exit: hostileText, after: { [hostileText]: 'end' } },
    end: { on: { note: { target: hostileText } } },
    state: { initial: '<b>', states: { '<b>': { type: 'final' } }, onDone: 'a-b' },
  },
};

/**
 * The same machine with the keys of every object turned round, but for those whose order is the
 * document's.
 */
export function reordered(machine: Machine): Machine {
  return turned(machine, '') as Machine;
}

const ordered = new Set(['states', 'on', 'after', 'params']);

function turned(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => turned(item, ''));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([name, item]) => [name, turned(item, name)] as const);
  return Object.fromEntries(ordered.has(key) ? entries : entries.reverse());
}
