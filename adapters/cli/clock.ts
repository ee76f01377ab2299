// `clock confirm`: the operator's word that the wall clock is right after a jump (reliability R19). `clock set` and
// `clock advance` move the virtual clock of a test.
import { exitCodes } from '../../runtime/index.js';
import { askRunning, storeExits, storeFlags } from './ask.js';
import { instant } from './output.js';
import { type Call, type Verb, VerbFailure } from './verb.js';

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

const told = async (call: Call, verb: string, args: object): Promise<number> => {
  const result = (await askRunning(call, verb, args)) as { readonly now: number };
  call.output.result(result, () => `the engine's time is ${instant(result.now)}\n`);
  return 0;
};

const virtual =
  'The engine must have been started with `serve --clock virtual` on a store made with ' +
  '`--test true`. What is due by the new time happens at once; SIP and bus go on in real time, so let what ' +
  'is on its way be answered first.';

export const clockSet: Verb = {
  name: 'clock set',
  purpose: 'Move the virtual clock of a test ahead to an instant.',
  text: virtual,
  arguments: [{ name: 'INSTANT', meaning: 'ISO 8601, UTC: 2026-08-01T10:00:00Z' }],
  flags: storeFlags,
  examples: ['deferred-im clock set 2026-08-08T10:00:00Z --folder /tmp/trial'],
  exits: storeExits,
  run: (call) => told(call, 'clock.set', { to: call.args[0] }),
};

const secondsPer: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsOf(text: string): number {
  const [, digits, unit] = /^([0-9]{1,10})([smhd]?)$/.exec(text) ?? [];
  if (digits === undefined)
    throw new VerbFailure(
      exitCodes.usage,
      'usage',
      `clock advance: ${JSON.stringify(text)} is no length of time: 90, 90s, 5m, 2h, 7d`,
    );
  return Number(digits) * (secondsPer[unit || 's'] ?? 1);
}

export const clockAdvance: Verb = {
  name: 'clock advance',
  purpose: 'Move the virtual clock of a test ahead.',
  text: virtual,
  arguments: [{ name: 'TIME', meaning: 'Seconds, or a number with its unit: 90s, 5m, 2h, 7d' }],
  flags: storeFlags,
  examples: ['deferred-im clock advance 7d --folder /tmp/trial'],
  exits: storeExits,
  run: (call) => told(call, 'clock.advance', { seconds: secondsOf(call.args[0] ?? '') }),
};
