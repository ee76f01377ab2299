// The way out: committed effects become send lines, and the beat tells the proxies that the store
// is alive. Each proxy answers the beat (`alive`), so who is there is known within a second of the
// start, however quiet the users are. A proxy's silence is counted in beats it left unanswered, not
// in time: while we send none (starting, halted, the bus away) nobody grows silent.
// Repeats nothing and remembers nothing but the proxies it has heard: the outbox owns every
// repetition.
import type { Cancel, EffectPort, OutgoingEffect } from '../../runtime/index.js';
import type { Bus, BusClock } from './bus.js';
import type { SipCodec, SipRequestParts } from './codec.js';
import { natsLimits } from './limits.js';
import { beatLine, queueLine } from './lines.js';
import { formatSend } from './send.js';
import { subjects } from './subjects.js';

export interface PublisherOptions {
  /** The real clock: beats and proxies live in real time, whatever time the messages live in. */
  readonly clock: BusClock;
  /** Name of the store in the beat: `^[A-Za-z0-9_-]{1,64}$`. */
  readonly storeId: () => string;
  /** False while nothing can be stored: no beat, and the proxies refuse at once. */
  readonly canStore: () => boolean;
  /** Where the SIP leg of large messages is, and its token; told to the proxies in the beat. */
  readonly leg?: { readonly at: string; readonly token: string };
  /** An effect that can never be sent has its outcome at once; hand it to `effect.answered`. */
  readonly answered: (effectId: string, token: string, status: number) => void;
  readonly onFailure?: (where: string, error: unknown) => void;
}

/** `ready()` means: the bus is ready and a proxy was heard within the last ten beats. */
export interface Publisher extends EffectPort {
  /** Every proxy is told to queue live messages of a user behind his backlog, or no longer. */
  queue(aor: string, forMs: number): void;
  /** A proxy spoke; `inner` is where the SIP leg may call through it, when it says so. */
  heard(node: string, inner?: string): void;
  /** Where calls go out for a node: its own proxy while it is kept, else the one heard last; null when none is known. */
  innerOf(node: string | null): string | null;
  /** Called each time `ready()` turns true; wake the runtime then. */
  onReady(run: () => void): void;
  /** Proxies heard within the last ten beats, the latest first. */
  liveNodes(): readonly string[];
  /** Starts the beat. */
  start(): void;
  stop(): void;
}

export function createPublisher(bus: Bus, codec: SipCodec, options: PublisherOptions): Publisher {
  /** Node to the number of beats sent when it was heard, in order: the latest last. */
  const nodes = new Map<string, number>();
  /** Where the SIP leg may call through a proxy. */
  const inners = new Map<string, string>();
  const listeners: (() => void)[] = [];
  let cancelBeat: Cancel | null = null;
  let seq = 0;
  /** Beats that went out. */
  let sent = 0;
  /** `sent` when any proxy was heard last. */
  let lastHeard = Number.NEGATIVE_INFINITY;
  /** Whom effects without a proxy of their own go through. */
  let chosen: string | null = null;

  const within = (heardAt: number, beats: number) => sent - heardAt <= beats;
  const ready = () => bus.ready() && within(lastHeard, natsLimits.silentBeatsMax);
  const tell = () => {
    if (ready()) for (const run of listeners) run();
  };
  bus.onReady(tell);

  function isLive(node: string): boolean {
    const heardAt = nodes.get(node);
    return heardAt !== undefined && within(heardAt, natsLimits.silentBeatsMax);
  }

  /**
   * One that was heard is kept for sixty beats. One that was not has the first ten beats to answer:
   * after a restart the effects under way are remembered where they were, and another proxy that
   * answers a moment earlier must not send them again.
   */
  function isKept(node: string): boolean {
    const heardAt = nodes.get(node);
    if (heardAt === undefined) return within(0, natsLimits.silentBeatsMax);
    return within(heardAt, natsLimits.keptBeatsMax);
  }

  /**
   * The proxy asked for while it is kept; else the one heard last. That one stays the choice while
   * it lives, so that the repetition of an effect reaches the proxy that knows it. When nobody
   * lives, better a try than nothing.
   */
  function nodeFor(wanted: string | null): string | undefined {
    if (wanted !== null && (isKept(wanted) || !within(lastHeard, natsLimits.silentBeatsMax)))
      return wanted;
    if (chosen === null || !isLive(chosen)) chosen = [...nodes.keys()].at(-1) ?? null;
    return chosen ?? undefined;
  }

  function beat(): void {
    cancelBeat = options.clock.after(natsLimits.beatEveryMs, beat);
    if (!options.canStore()) return;
    const { leg } = options;
    const place = leg === undefined ? {} : { leg: leg.at, legToken: leg.token };
    const line = beatLine.format({ storeId: options.storeId(), seq, ...place });
    seq += 1;
    if (!line.ok) options.onFailure?.('beat', new TypeError(line.finding.message));
    else if (bus.publish(subjects.beat, line.value)) sent += 1;
  }

  return {
    ready,
    liveNodes: () => [...nodes.keys()].filter(isLive).reverse(),
    send(effect) {
      const node = nodeFor(effect.node);
      if (node === undefined) return;
      const go = (parts: () => SipRequestParts) => {
        const line = lineOf(node, effect, parts, options);
        if (line === null) options.answered(effect.effectId, effect.token, 513);
        else bus.publish(subjects.send, line);
      };
      if (effect.type === 'deliver') go(() => codec.deliverRequest(effect));
      else if (effect.type === 'report') go(() => codec.reportRequest(effect));
      else
        effect.list(codec.noticeRowsMax).then(
          ({ messages }) => go(() => codec.noticeRequest(effect, messages)),
          (error: unknown) => options.onFailure?.(effect.effectId, error),
        );
    },
    queue(aor, forMs) {
      const line = queueLine.format({ aor, seconds: Math.ceil(forMs / 1000) });
      if (line.ok) bus.publish(subjects.queue, line.value);
      else options.onFailure?.('queue', new TypeError(line.finding.message));
    },
    innerOf(node) {
      const wanted = nodeFor(node);
      const own = wanted === undefined ? undefined : inners.get(wanted);
      return own ?? [...inners.values()].at(-1) ?? null;
    },
    heard(node, inner) {
      if (inner !== undefined) {
        inners.delete(node);
        inners.set(node, inner);
        if (inners.size > natsLimits.nodesMax) inners.delete(inners.keys().next().value!);
      }
      const silent = !within(lastHeard, natsLimits.silentBeatsMax);
      lastHeard = sent;
      nodes.delete(node);
      nodes.set(node, sent);
      if (nodes.size > natsLimits.nodesMax) nodes.delete(nodes.keys().next().value!);
      if (silent) tell();
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
  node: string,
  effect: OutgoingEffect,
  parts: () => SipRequestParts,
  options: PublisherOptions,
): string | null {
  try {
    const line = formatSend(node, effect.effectId, effect.token, parts());
    if (line.ok) return line.value;
    options.onFailure?.(effect.effectId, new TypeError(line.finding.message));
  } catch (error) {
    options.onFailure?.(effect.effectId, error);
  }
  return null;
}
