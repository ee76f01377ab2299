// The bare loop as a process of its own: the same NATS client and subjects as the engine, and a real store, synced.
import { connect } from 'nats';
import { storeSumKey } from '../../runtime/keys.js';
import { createStore, openStore } from '../../runtime/store.js';
import { BareLoop, type BareOptions, sealed } from './bare-loop.js';
import { givenOptions, tellStep } from './stage.js';
import { answerSubject, storeSubject } from './wire.js';

export interface BareProcessOptions extends BareOptions {
  readonly url: string;
  readonly folder: string;
}

const options = givenOptions<BareProcessOptions>();
await createStore({ folder: options.folder }, [
  sealed(storeSumKey, { epoch: 1, seq: 0, timeMs: 0 }),
]);
const store = await openStore({ folder: options.folder });
const bus = await connect({ servers: options.url, name: 'bench-bare', noAsyncTraces: true });
const loop = new BareLoop(store, options, (line) => bus.publish(answerSubject, line));
const intake = bus.subscribe(storeSubject, {
  queue: 'deferred-im',
  callback: (_error, message) => loop.hear(message.data),
});
await bus.flush();
tellStep('serving');
process.once('SIGTERM', async () => {
  intake.unsubscribe();
  await bus.drain();
  await store.close();
  process.exit(0);
});
