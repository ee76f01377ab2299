// `clock confirm`: the operator's word that the wall clock is right after a jump (reliability R19).
import { askRunning, storeExits, storeFlags } from './ask.js';
import { instant } from './output.js';
import type { Verb } from './verb.js';

export const clockConfirm: Verb = {
  name: 'clock confirm',
  purpose: 'Believe the wall clock as it stands.',
  text:
    'When the wall clock jumps ahead the engine holds all expiries and says `clock.held` ' +
    'in its log. Check the clock of the host first: what is due by it expires at once.',
  flags: storeFlags,
  examples: ['deferred-im clock confirm --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const result = (await askRunning(call, 'clock.confirm', {})) as {
      readonly now: number;
    };
    call.output.result(result, () => `the engine's time is ${instant(result.now)}\n`);
    return 0;
  },
};
