// What goes out and what comes back over the bus, started with the rest of the service in view: the publisher, the
// options of the consumer, and how an answer of the network reaches the runtime. Part of the composition root.
import { hostClock, hostEntropy, type Opened } from '../runtime/index.js';
import type { Log } from './log.js';
import {
  type Bus,
  createPublisher,
  type Doubtful,
  type Publisher,
  type SipCodec,
} from './nats/index.js';
import type { ServiceHooks } from './service-options.js';

/** Takes what the network said of an effect. */
export type Answered = (effectId: string, token: string, status: number) => void;

/** Tells the runtime; what it cannot take is logged, and asked again by the outbox. */
export const answering =
  ({ engine }: Opened, log: Log): Answered =>
  (effectId, token, status) => {
    engine.submit({ type: 'effect.answered', effectId, token, status }).catch((cause: unknown) => {
      log('warn', 'effect.unanswered', { effectId, why: String(cause) });
    });
  };

/** What the publisher needs beside bus and store. */
export interface Publishing {
  readonly codec: SipCodec;
  readonly answered: Answered;
  readonly log: Log;
  readonly leg: { readonly at: string; readonly token: string } | undefined;
}

/** Begins to publish what the outbox hands out, and to beat for the proxies. */
export function startPublisher(
  bus: Bus,
  opened: Opened,
  { codec, answered, log, leg }: Publishing,
): Publisher {
  const { engine } = opened;
  const publisher = createPublisher(bus, codec, {
    clock: hostClock,
    storeId: () => engine.stats().storeId,
    canStore: () => opened.progress().admitted > 1,
    answered,
    ...(leg === undefined ? {} : { leg }),
    onFailure: (where, error) => log('error', 'publisher.failed', { where, why: String(error) }),
  });
  publisher.onReady(() => engine.wake());
  publisher.start();
  return publisher;
}

/** What the consumer tells of, and by which clock. */
export const consumerOptions = (publisher: Publisher, { log, failpoint }: ServiceHooks) => ({
  clock: hostClock,
  entropy: hostEntropy,
  ...(failpoint === undefined ? {} : { failpoint }),
  onNode: (node: string, inner?: string) => publisher.heard(node, inner),
  onMalformed: ({ where, code, message }: { where: string; code: string; message: string }) =>
    log('warn', 'payload.malformed', { where, code, message }),
  onDoubtful: ({ event, ...what }: Doubtful) => log('warn', event, { ...what }),
  onFailure: (where: string, error: unknown) =>
    log('error', 'consumer.failed', { where, why: String(error) }),
});
