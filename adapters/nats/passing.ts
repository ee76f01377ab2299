// Disposition notifications that go through us: handed on while their sender is held, and answered with what the next hop
// answered. Nothing is stored, so nothing accepted can be lost: without an answer in time he hears 503, and may repeat.
// Invariant: a repetition is the same effect, which the proxy sends once.
import type { Cancel, Entropy, Runtime } from '../../runtime/index.js';
import type { Decision } from './answers.js';
import type { Bus, BusClock } from './bus.js';
import type { PassedImdn } from './codec.js';
import { refusal } from './held.js';
import { newToken } from './identity.js';
import { natsLimits } from './limits.js';
import type { OutcomeLine, RequestLine } from './lines.js';
import { formatSend } from './send.js';
import { subjects } from './subjects.js';

export interface Passage {
  /** Hands one on; null when no answer came within the hold. */
  pass(line: RequestLine, imdn: PassedImdn): Promise<Decision | null>;
  /** Hears the outcome of one of these (`i-`). */
  answered(outcome: OutcomeLine): void;
}

export interface PassageOptions {
  readonly clock: BusClock;
  readonly entropy: Entropy;
  readonly onFailure: (where: string, error: unknown) => void;
}

interface Flight {
  readonly token: string;
  readonly ended: Promise<number | null>;
  readonly end: (status: number | null) => void;
}

export function createPassage(bus: Bus, runtime: Runtime, options: PassageOptions): Passage {
  const flights = new Map<string, Flight>();

  /** One MESSAGE is pending for a target (RFC 3428 section 8): this one waits for its turn. */
  function begin(line: RequestLine, { effectId, parts }: PassedImdn): Flight {
    const token = newToken(options.entropy);
    let settle: (status: number | null) => void = () => {};
    const ended = new Promise<number | null>((resolve) => {
      settle = resolve;
    });
    const cancels: Cancel[] = [];
    const end = (status: number | null) => {
      if (flights.get(effectId)?.token !== token) return;
      flights.delete(effectId);
      for (const cancel of cancels) cancel();
      settle(status);
    };
    flights.set(effectId, { token, ended, end });
    cancels.push(options.clock.after(line.holdMs, () => end(null)));
    cancels.push(runtime.reserve(parts.ruri, () => transmit(line.node, effectId, token, parts)));
    return flights.get(effectId) ?? { token, ended, end };
  }

  function transmit(node: string, effectId: string, token: string, parts: PassedImdn['parts']) {
    const text = formatSend(node, effectId, token, parts);
    if (text.ok) bus.publish(subjects.send, text.value);
    else options.onFailure('imdn', new TypeError(text.finding.message));
  }

  return {
    async pass(line, imdn) {
      const known = flights.get(imdn.effectId);
      if (known === undefined && flights.size >= natsLimits.passedMax)
        return refusal(503, 'Busy', natsLimits.retryAfterSeconds);
      const status = await (known ?? begin(line, imdn)).ended;
      if (status === null) return null;
      if (status < 200 || status >= 300)
        return refusal(status === 0 ? 480 : status, 'Not Passed On');
      if (imdn.about !== null)
        await runtime.submit({ type: 'disposition.passed', sent: imdn.about });
      return { code: status, reason: 'Passed On', retryAfterSeconds: null, promised: null };
    },
    answered({ effectId, token, status }) {
      const flight = flights.get(effectId);
      if (flight?.token === token) flight.end(status);
    },
  };
}
