// `demo`: hands its arguments to the demo, which is loaded only when it is wanted.
import { exitCodes } from '../../runtime/index.js';
import { demoFlags } from './demo/flags.js';
import type { Verb } from './verb.js';

export const demo: Verb = {
  name: 'demo',
  purpose: 'Tell the whole story on real SIP traffic, each claim checked.',
  text:
    'Starts NATS, Kamailio and the engine on free loopback ports, sends real SIP ' +
    'messages, and shows what happens. Cleans up after itself; the last line says how ' +
    'many claims held, and so does the exit code.',
  flags: demoFlags,
  examples: ['deferred-im demo', 'deferred-im demo --in-process'],
  exits: [1, exitCodes.internal],
  raw: true,
  run: async ({ args }) => {
    const { runDemo } = await import('./demo/main.js');
    return runDemo(args);
  },
};
