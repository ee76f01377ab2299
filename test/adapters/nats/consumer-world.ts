// What the tests of the consumer share: one over a bus in memory and a runtime that records.
import {
  type Consumer,
  type Malformed,
  type SipCodec,
  startConsumer,
  subjects,
} from '../../../adapters/nats/index.js';
import type { Reply } from '../../../runtime/index.js';
import {
  countingEntropy,
  type FakeRuntime,
  fakeCodec,
  fakeRuntime,
  type ManualClock,
  type MemoryBus,
  manualClock,
  memoryBus,
} from './fakes.js';

export interface World {
  readonly bus: MemoryBus;
  readonly runtime: FakeRuntime;
  readonly clock: ManualClock;
  readonly consumer: Consumer;
  readonly malformed: Malformed[];
  readonly failures: string[];
  readonly nodes: string[];
}

export function world(
  codec: Partial<SipCodec> = {},
  limits: Parameters<typeof startConsumer>[3]['limits'] = {},
): World {
  const bus = memoryBus();
  const runtime = fakeRuntime();
  const clock = manualClock();
  const malformed: Malformed[] = [];
  const failures: string[] = [];
  const nodes: string[] = [];
  const consumer = startConsumer(bus, runtime, fakeCodec(codec), {
    clock,
    entropy: countingEntropy(),
    limits,
    onMalformed: (m) => malformed.push(m),
    onFailure: (where, error) => failures.push(`${where}: ${String(error)}`),
    onNode: (node) => nodes.push(node),
  });
  return { bus, runtime, clock, consumer, malformed, failures, nodes };
}

/** Code, retry-after and reason of each answer. */
export function answers(bus: MemoryBus): string[] {
  return bus.on(subjects.answer).map((text) => {
    const [, node, index, label, code, retry, reason] = text.split(' ');
    return `${node}/${index}/${label} ${code} ${retry} ${Buffer.from(reason!, 'base64')}`;
  });
}

/** A promise to be settled by hand. */
export function gate(): { promise: Promise<Reply>; open: (reply: Reply) => void } {
  let open: (reply: Reply) => void = () => undefined;
  const promise = new Promise<Reply>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

export const accepted: Extract<Reply, { kind: 'accepted' }> = {
  kind: 'accepted',
  deferredId: 'd1@store',
  duplicate: false,
};
