// A policy's `machine` is XState's own JSON: it opens in XState and its tools as it stands, with stubs in place of the words.
import t from 'tap';
import { createActor, createMachine } from 'xstate';
import { type PolicyFile, shippedPolicy, shippedPolicyIds } from '../../../machines/index.js';
import { soundCases } from './cases.js';

/** Any name there is, as a stub. */
const stubs = (make: () => unknown): object =>
  new Proxy({}, { get: () => make(), has: () => true, getOwnPropertyDescriptor: () => undefined });

t.test(
  'the machine of every shipped and every sound policy opens in XState unchanged',
  async (t) => {
    const files = [
      ...shippedPolicyIds.map((id) => shippedPolicy(id)),
      ...soundCases().map(({ source }) => source),
    ] as readonly PolicyFile[];
    for (const { id, machine: config, settings } of files) {
      const delays = Object.fromEntries(
        Object.keys(settings?.delays ?? {}).map((name) => [name, 1e6]),
      );
      const machine = createMachine(
        config as never,
        {
          guards: stubs(() => () => true),
          actions: stubs(() => () => {}),
          delays: { ...delays, expiry: 1e6, answerTimeout: 1e6 },
        } as never,
      );
      t.equal(machine.id, id);
      const actor = createActor(machine).start();
      t.ok(actor.getSnapshot().matches(config['initial'] as never), id);
      actor.send({ type: 'message.deleted' } as never);
      t.equal(actor.getSnapshot().status === 'error', false, `${id} takes an event`);
      actor.stop();
    }
  },
);
