// The way out: committed effects become send lines, and the beat tells the proxies that the store
// is alive. Repeats nothing and remembers nothing but the proxies it has heard: the outbox owns
// every repetition.
import type { Cancel, EffectPort, OutgoingEffect } from '../../runtime/index.js';
import type { Bus, BusClock } from './bus.js';
import type { SipCodec } from './codec.js';
import { natsLimits } from './limits.js';
import { beatLine } from './lines.js';
import { formatSend } from './send.js';
import { subjects } from './subjects.js';

export interface PublisherOptions {
  /** The real clock: beats and proxies live in real time, whatever time the messages live in. */
  readonly clock: BusClock;
  /** Name of the store in the beat: `^[A-Za-z0-9_-]{1,64}$`. */
  readonly storeId: () => string;
  /** False while nothing can be stored: no beat, and the proxies refuse at once. */
  readonly canStore: () => boolean;
  /** An effect that can never be sent has its outcome at once; hand it to `effect.answered`. */
  readonly answered: (effectId: string, token: string, status: number) => void;
  readonly onFailure?: (where: string, error: unknown) => void;
}

export interface Publisher extends EffectPort {
  /** A proxy spoke. */
  heard(node: string): void;
  /** Called each time `ready()` turns true; wake the runtime then. */
  onReady(run: () => void): void;
  /** Proxies heard lately, the latest first. */
  liveNodes(): readonly string[];
  /** Starts the beat. */
  start(): void;
  stop(): void;
}

export function createPublisher(bus: Bus, codec: SipCodec, options: PublisherOptions): Publisher {
  /** Node to when it was heard, in order: the latest last. */
  const nodes = new Map<string, number>();
  const listeners: (() => void)[] = [];
  let cancelBeat: Cancel | null = null;
  let seq = 0;

  const ready = () => bus.ready() && nodes.size > 0;
  const tell = () => {
    if (ready()) for (const run of listeners) run();
  };
  bus.onReady(tell);

  function liveNodes(): string[] {
    const oldest = options.clock.mono() - natsLimits.nodeLiveMs;
    return [...nodes]
      .filter(([, atMs]) => atMs >= oldest)
      .map(([node]) => node)
      .reverse();
  }

  /**
   * The proxy asked for while it is alive; else the latest heard: better a try than a proxy that is
   * gone.
   */
  function nodeFor(wanted: string | null): string | undefined {
    const live = liveNodes();
    if (wanted !== null && (live.includes(wanted) || live.length === 0)) return wanted;
    return live[0] ?? [...nodes.keys()].at(-1);
  }

  function beat(): void {
    cancelBeat = options.clock.after(natsLimits.beatEveryMs, beat);
    if (!options.canStore()) return;
    const line = beatLine.format({ storeId: options.storeId(), seq });
    seq += 1;
    if (line.ok) bus.publish(subjects.beat, line.value);
    else options.onFailure?.('beat', new TypeError(line.finding.message));
  }

  return {
    ready,
    liveNodes,
    send(effect) {
      const node = nodeFor(effect.node);
      if (node === undefined) return;
      const line = lineOf(codec, node, effect, options);
      if (line === null) options.answered(effect.effectId, effect.token, 513);
      else bus.publish(subjects.send, line);
    },
    heard(node) {
      const first = nodes.size === 0;
      nodes.delete(node);
      nodes.set(node, options.clock.mono());
      if (nodes.size > natsLimits.nodesMax) nodes.delete(nodes.keys().next().value!);
      if (first) tell();
    },
    onReady(run) {
      listeners.push(run);
    },
    start() {
      if (cancelBeat === null) beat();
    },
    stop() {
      cancelBeat?.();
      cancelBeat = null;
    },
  };
}

/**
 * The send line of an effect; null when it can never be sent as it is (513: unsuitable, spec.md
 * 3.2).
 */
function lineOf(
  codec: SipCodec,
  node: string,
  effect: OutgoingEffect,
  options: PublisherOptions,
): string | null {
  try {
    const parts =
      effect.type === 'deliver' ? codec.deliverRequest(effect) : codec.reportRequest(effect);
    const line = formatSend(node, effect.effectId, effect.token, parts);
    if (line.ok) return line.value;
    options.onFailure?.(effect.effectId, new TypeError(line.finding.message));
  } catch (error) {
    options.onFailure?.(effect.effectId, error);
  }
  return null;
}
