// Where the time of a stored message goes, and how near to the bare loop the engine could come if all that is not needed
// cost nothing. CPU time of one process without bus and disk, so that other programs on the machine matter little.
import { type Figure, type Findings, figure } from './figures.js';
import type { PartName, Parts } from './parts.js';
import type { Stage } from './stage.js';

/** What no engine of this contract can leave out, in the order of a message's way. */
const needed: readonly (readonly [PartName, string])[] = [
  ['line', '+ line of the proxy, with its JSON Schema'],
  ['sip', '+ SIP request: headers, identities, content'],
  ['digests', '+ digests of request and body'],
  ['step', '+ first step of the statechart'],
  ['json', '+ rows as JSON'],
  ['memory', '+ memory of answers and of merged requests'],
  ['answer', '+ line of the answer, with its JSON Schema'],
];

/** Runs the benchmark. */
export async function floor(stage: Stage): Promise<Findings> {
  const { steps: messages, storeWindow: window, users, runs } = stage.plan;
  stage.say('parts: the bare loop, the engine, and its parts');
  const parts = await stage.run<Parts>('parts.js', { messages, window, users, runs });
  return {
    title: 'What a stored message costs, in CPU',
    figures: figuresOf(parts),
    notes: [
      `one process, no bus and no disk: ${messages} messages in each run, ${window} at a time; CPU time of all its threads`,
      'floor: the bare loop and the parts no engine of this contract can leave out, each measured alone',
      'the rest: quotas, preferences, the trail, notices, promises, garbage, and what a part costs more with cold caches than alone',
      'pauses for garbage are wall time of the main thread; ADR 0034 says what all this means for the aim of 0.60',
    ],
    lost: [],
  };
}

function figuresOf(parts: Parts): Figure[] {
  const floors = parts.bare.map((bare, run) =>
    needed.reduce((sum, [name]) => sum + parts[name][run]!, bare),
  );
  const over = (whole: readonly number[]) => parts.bare.map((bare, run) => bare / whole[run]!);
  const rest = parts.engine.map((engine, run) => engine - floors[run]!);
  return [
    figure('bare loop', 'µs', parts.bare),
    ...needed.map(([name, what]) => figure(what, 'µs', parts[name])),
    figure('= floor', 'µs', floors),
    figure('+ the rest', 'µs', rest),
    figure('= engine', 'µs', parts.engine),
    figure('JSON Schema of the line alone', 'µs', parts.schema),
    figure('pauses for garbage in the engine', 'µs', parts.garbage),
    figure('bare loop / floor', 'ratio', over(floors)),
    figure('bare loop / engine', 'ratio', over(parts.engine)),
  ];
}
