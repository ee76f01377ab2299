// The engine and the bare loop in this process, between a bus and a store that only count: what is measured here is what
// they compute. Lines come as the client hands them over, answers are counted as it would publish them.
import { type Bus, type BusHandler, startConsumer } from '../../adapters/nats/index.js';
import * as sip from '../../adapters/sip/index.js';
import { foundingRows } from '../../runtime/found.js';
import { hostClock, hostEntropy, openRuntime, type StorePort } from '../../runtime/index.js';
import { BareLoop } from './bare-loop.js';
import { type Contents, countRows } from './contents.js';
import type { Shape } from './shape.js';
import { node, storeLine, storeSubject } from './wire.js';

/** One side: takes lines, and counts what it has answered with 202. */
export interface Side {
  readonly hear: (line: Uint8Array) => void;
  readonly accepted: () => number;
  /** What was written last under each key that is kept. */
  readonly contents: () => Contents;
  readonly stop: () => Promise<void>;
}

// What passes through the engine on its way to others is no part of storing.
const codec = { ...sip, readPassedImdn: () => null };

const openRate = { ratePerSecond: 1e9, rateBurst: 1e9, inFlightMax: 1e6, inFlightBytesMax: 1e9 };

/** The engine behind its bus adapter, on a store of its own in memory. */
export async function engineSide(keepsAll: boolean): Promise<Side> {
  const rows = new Map<string, Uint8Array>();
  const founding = foundingRows(hostClock, hostEntropy, { host: 'store.example.org' });
  for (const { key, value } of founding) if (value !== null) rows.set(key, value);
  const opened = await openRuntime(memoryStore(rows, keepsAll), {
    effects: { ready: () => true, send: () => {} },
    exit: (_code, why) => {
      throw new Error(why);
    },
  });
  await opened.ready;
  const bus = countingBus();
  const consumer = startConsumer(bus, opened.engine, codec, {
    ...{ clock: hostClock, entropy: hostEntropy, limits: openRate },
    onFailure: (where, error) => {
      throw new Error(where, { cause: error });
    },
  });
  return {
    hear: (line) => bus.bring(storeSubject, line),
    accepted: bus.accepted,
    contents: () => countRows(rows),
    stop: async () => {
      await consumer.stop();
      await opened.engine.close();
    },
  };
}

/** The bare loop on the same bus and a store that keeps nothing. */
export function bareSide(users: number, shape: Shape): Side {
  let accepted = 0;
  const loop = new BareLoop({ commit: landed }, { users, shape }, () => {
    accepted += 1;
  });
  return {
    hear: (line) => loop.hear(line),
    accepted: () => accepted,
    contents: () => countRows([]),
    stop: async () => {},
  };
}

// A group lands in the next turn of the event loop, as the sooner ones do on a disk.
const landed = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

// The rows of one message are not read again while others come in; those of users are.
const kept = (key: string): boolean => !'abdrt'.includes(key[3] ?? '');

function memoryStore(rows: Map<string, Uint8Array>, keepsAll: boolean): StorePort {
  return {
    get: (key) => rows.get(key),
    scan: async function* (from, to) {
      const within = [...rows].filter(([key]) => key >= from && key < to);
      yield* within.sort(([a], [b]) => (a < b ? -1 : 1));
    },
    commit: (written) => {
      for (const { key, value } of written) {
        if (value === null) rows.delete(key);
        else if (keepsAll || kept(key)) rows.set(key, value);
      }
      return landed();
    },
    close: async () => {},
  };
}

type CountingBus = Bus & {
  bring(subject: string, line: Uint8Array): void;
  accepted(): number;
};

function countingBus(): CountingBus {
  const handlers = new Map<string, BusHandler>();
  let accepted = 0;
  return {
    publish: (_subject, line) => {
      if (String(line).startsWith(`v1 ${node} `) && String(line).split(' ', 5)[4] === '202')
        accepted += 1;
      return true;
    },
    subscribe: (subject, _queue, handler) => {
      handlers.set(subject, handler);
      return () => {};
    },
    ready: () => true,
    reason: () => null,
    onReady: () => {},
    flush: async () => true,
    close: async () => {},
    bring: (subject, line) => handlers.get(subject)?.(line, null),
    accepted: () => accepted,
  };
}

/** CPU microseconds of this process for each of `messages` messages, heard `window` at a time. */
export async function measureSide(
  side: Side,
  { messages, window, users }: { messages: number; window: number; users: number },
): Promise<number> {
  let usedUs = 0;
  for (let from = 0; from < messages; from += window) {
    const lines = linesOf(from, Math.min(window, messages - from), users);
    const goal = side.accepted() + lines.length;
    const before = process.cpuUsage();
    for (const line of lines) side.hear(line);
    for (let turns = 0; side.accepted() < goal; turns += 1) {
      if (turns > 100_000) throw new Error(`${goal - side.accepted()} messages were not taken`);
      await landed();
    }
    const { user, system } = process.cpuUsage(before);
    usedUs += user + system;
  }
  return usedUs / messages;
}

/** Store lines of different messages, side by side in one piece of memory as they come from a socket. */
export function linesOf(from: number, count: number, users: number): readonly Uint8Array[] {
  const letters = Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return storeLine(number, { recipient: number % users, id: `parts-${number}`, port: 5080 });
  });
  const whole = Buffer.concat(letters);
  let at = 0;
  return letters.map(({ length }) => {
    at += length;
    return new Uint8Array(whole.buffer, whole.byteOffset + at - length, length);
  });
}
