// Carries the results of SIP user commands to their requesters: a page at a time, each repeated on
// the bus under one identity until its outcome comes. Bounded, and lost with the process: a list
// can be asked for again, and what a command changed is durable without its result.
import type { Cancel, Entropy } from '../../runtime/index.js';
import type { Bus, BusClock } from './bus.js';
import type { CommandResult, ResultEffect, SipCodec, SipRequestParts } from './codec.js';
import { newToken } from './identity.js';
import { natsLimits } from './limits.js';
import type { OutcomeLine } from './lines.js';
import { formatSend } from './send.js';
import { subjects } from './subjects.js';

export interface ResultSender {
  /** True when there is room for one more result of this owner. */
  room(aor: string): boolean;
  /** Sends the pages in order, through the proxy the command came by. */
  send(aor: string, node: string, result: CommandResult): void;
  /** Hears the outcome of an effect of ours (`n-`). */
  answered(outcome: OutcomeLine): void;
  close(): void;
}

export interface ResultSenderOptions {
  /** Calls `begin` when nothing else is pending at a target, and keeps it free until the result is called. */
  readonly reserve: (target: string, begin: () => void) => Cancel;
  readonly clock: BusClock;
  readonly entropy: Entropy;
  readonly serviceUri?: (aor: string) => string;
  readonly onFailure?: (where: string, error: unknown) => void;
}

interface Job {
  readonly aor: string;
  readonly node: string;
  readonly id: string;
  readonly correlation: string;
  readonly form: 'json' | 'rcs';
  readonly pages: readonly string[];
}

interface Flight {
  readonly job: Job;
  readonly page: number;
  readonly effectId: string;
  readonly token: string;
  readonly line: string;
  repeats: number;
  cancel: Cancel;
  /** Lets others go out to the same target. */
  release: Cancel;
}

const none: Cancel = () => undefined;

export function createResultSender(
  bus: Bus,
  codec: SipCodec,
  options: ResultSenderOptions,
): ResultSender {
  /**
   * Results of each owner, the one under way first: one pending MESSAGE per target (RFC 3428
   * section 8).
   */
  const queues = new Map<string, Job[]>();
  const flights = new Map<string, Flight>();
  let jobs = 0;
  let closed = false;

  function begin(job: Job, page: number): void {
    if (closed) return;
    const flight = prepare(job, page);
    if (flight === null) {
      finish(job);
      return;
    }
    flights.set(flight.effectId, flight);
    flight.release = options.reserve(job.aor, () => {
      if (flights.has(flight.effectId)) transmit(flight);
    });
  }

  function prepare(job: Job, page: number): Flight | null {
    const token = newToken(options.entropy);
    const effectId = `n-${job.id}-${page + 1}`;
    const serviceUri = (options.serviceUri ?? defaultServiceUri)(job.aor);
    const { aor, correlation, form } = job;
    const body = job.pages[page]!;
    const parts = partsOf({ aor, serviceUri, correlation, form, body, effectId });
    if (parts === null) return null;
    const line = formatSend(job.node, effectId, token, parts);
    if (line.ok)
      return {
        ...{ job, page, effectId, token },
        line: line.value,
        repeats: 0,
        cancel: none,
        release: none,
      };
    options.onFailure?.('result', new TypeError(line.finding.message));
    return null;
  }

  function partsOf(effect: ResultEffect): SipRequestParts | null {
    try {
      return codec.resultRequest(effect);
    } catch (error) {
      options.onFailure?.('result', error);
      return null;
    }
  }

  function transmit(flight: Flight): void {
    bus.publish(subjects.send, flight.line);
    const waitMs = natsLimits.resultRepeatsMs[flight.repeats];
    flight.repeats += 1;
    flight.cancel = options.clock.after(waitMs ?? 0, () => {
      if (flight.repeats < natsLimits.resultRepeatsMs.length) transmit(flight);
      else land(flight, false);
    });
  }

  function land(flight: Flight, delivered: boolean): void {
    flight.cancel();
    flights.delete(flight.effectId);
    flight.release();
    const next = flight.page + 1;
    // A page that did not arrive makes the later ones useless: the requester asks again.
    if (delivered && next < flight.job.pages.length) begin(flight.job, next);
    else finish(flight.job);
  }

  function finish(job: Job): void {
    jobs -= 1;
    const queue = queues.get(job.aor) ?? [];
    queue.shift();
    if (queue.length === 0) queues.delete(job.aor);
    else begin(queue[0]!, 0);
  }

  return {
    room(aor) {
      const own = queues.get(aor)?.length ?? 0;
      return !closed && jobs < natsLimits.resultsMax && own < natsLimits.resultsPerOwnerMax;
    },
    send(aor, node, result) {
      const pages = codec.resultPages(result);
      if (closed || pages.length === 0) return;
      const id = newToken(options.entropy);
      const form = 'outcome' in result ? result.form : 'json';
      const job: Job = { aor, node, id, correlation: result.callId, form, pages };
      const queue = queues.get(aor) ?? [];
      queues.set(aor, queue);
      jobs += 1;
      if (queue.push(job) === 1) begin(job, 0);
    },
    answered(outcome) {
      const flight = flights.get(outcome.effectId);
      if (flight?.token !== outcome.token) return;
      land(flight, outcome.status >= 200 && outcome.status < 300);
    },
    close() {
      closed = true;
      for (const flight of flights.values()) flight.cancel();
      flights.clear();
      queues.clear();
    },
  };
}

/** A telephone number has no domain of its own; its results come from a name that never answers. */
function defaultServiceUri(aor: string): string {
  const at = aor.indexOf('@');
  return `sip:deferred@${at < 0 ? 'deferred.invalid' : aor.slice(at + 1)}`;
}
