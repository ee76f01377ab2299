// The way in: subscribes all that comes from the proxies and the users, turns each line into a
// command, and answers only after commit. A line that is not understood is counted and told, never
// thrown.
import {
  type Cancel,
  type Command,
  type Entropy,
  type FailpointHook,
  partitionOfLocal,
  type Runtime,
} from '../../runtime/index.js';
import { type AdmissionLimits, createAdmission } from './admission.js';
import type { Decision } from './answers.js';
import type { Bus, BusClock } from './bus.js';
import type { CodecRefusal, SipCodec } from './codec.js';
import { type Counters, createCounters } from './counters.js';
import type { Parsed } from './fields.js';
import { createHeldDoor, type HeldDoor, readRefusal, refusal, storeDecision } from './held.js';
import { natsLimits } from './limits.js';
import {
  aliveLine,
  type LineForm,
  lateLine,
  type OfflineLine,
  type OnlineLine,
  type OutcomeLine,
  offlineLine,
  onlineLine,
  outcomeLine,
  type RequestPayload,
} from './lines.js';
import { createMergedMemory, type MergedMemory } from './merged.js';
import { createPassage, type Passage } from './passing.js';
import type { Malformed } from './requests.js';
import { createResultSender, type ResultSender } from './results.js';
import { decideSender, type SenderDesk, serveSenderRequests } from './sender.js';
import { decideCommand } from './sip-command.js';
import { engineQueue, subjects } from './subjects.js';
import { decideSubscribe } from './subscribe.js';
import { serveUserCommands } from './user.js';

export interface ConsumerOptions {
  /**
   * The real clock: holds, buckets and repetitions live in real time, whatever time the messages
   * live in.
   */
  readonly clock: BusClock;
  /** The time messages live in, from which a binding's life counts; the real one by default. */
  readonly engineNow?: () => number;
  readonly entropy: Entropy;
  /** A proxy spoke; hand it to `publisher.heard`. */
  readonly onNode?: (node: string, inner?: string) => void;
  /** A payload was not understood. */
  readonly onMalformed?: (malformed: Malformed) => void;
  /** A request was refused for what it says, or taken although its envelope says nothing; without a word of it. */
  readonly onDoubtful?: (doubtful: Doubtful) => void;
  /**
   * Something failed that should not: a codec threw, a reply broke its schema, the runtime is
   * closing.
   */
  readonly onFailure?: (where: string, error: unknown) => void;
  /**
   * Whom results of SIP commands come from; `sip:deferred@` and the domain of the AOR by default.
   */
  readonly serviceUri?: (aor: string) => string;
  /** Told around each acknowledgement; a test may stop the process there. */
  readonly failpoint?: FailpointHook;
  /** Raised by benchmarks, lowered by tests. */
  readonly limits?: Partial<AdmissionLimits>;
}

/** What is told about a request that could not be read, in whole or in part. */
export interface Doubtful {
  readonly event: 'message.refused' | 'command.refused' | 'cpim.unreadable';
  readonly node: string;
  /** What the sender hears; absent when it was taken. */
  readonly status?: number;
  /** Stable, of docs/reference/errors.md. */
  readonly code: string;
  /** Octet of the request; absent when it concerns the whole. */
  readonly offset?: number;
}

export interface Consumer {
  /** What was heard and thrown away, by name. */
  counters(): Readonly<Record<string, number>>;
  /** Commands submitted and not yet durable. */
  inFlight(): number;
  /**
   * Takes nothing more in, and resolves when all that came in is decided and answered, or after 5
   * s. Then close the runtime, then the bus (G1).
   */
  stop(): Promise<void>;
}

/** What every handler needs; built once. */
interface Intake {
  readonly bus: Bus;
  readonly runtime: Runtime;
  readonly codec: SipCodec;
  readonly held: HeldDoor;
  readonly merged: MergedMemory;
  readonly results: ResultSender;
  readonly desk: SenderDesk;
  readonly passage: Passage;
  readonly counters: Counters;
  readonly now: () => number;
  readonly engineNow: () => number;
  readonly onNode: (node: string, inner?: string) => void;
  readonly onMalformed: (malformed: Malformed) => void;
  readonly onDoubtful: (doubtful: Doubtful) => void;
  readonly onFailure: (where: string, error: unknown) => void;
  readonly admission: ReturnType<typeof createAdmission>;
  /** Ends one subscription each. */
  readonly doors: Cancel[];
}

export function startConsumer(
  bus: Bus,
  runtime: Runtime,
  codec: SipCodec,
  options: ConsumerOptions,
): Consumer {
  const intake = createIntake(bus, runtime, codec, options);
  subscribeHeld(intake);
  subscribeFacts(intake);
  const { now, onMalformed, onFailure } = intake;
  const { entropy } = options;
  intake.doors.push(
    serveUserCommands(bus, runtime, codec, { now, entropy, onMalformed, onFailure }),
    serveSenderRequests(bus, runtime, codec, { onMalformed, onFailure }),
  );
  return {
    counters: () => intake.counters.read(),
    inFlight: () => intake.admission.inFlight,
    stop: () => stop(intake),
  };
}

async function stop(intake: Intake): Promise<void> {
  for (const close of intake.doors.splice(0)) close();
  // A line the server had sent already is still on its way to the handler.
  await intake.bus.flush();
  for (let i = 0; i < 500 && intake.admission.inFlight > 0; i += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  intake.results.close();
}

function createIntake(
  bus: Bus,
  runtime: Runtime,
  codec: SipCodec,
  options: ConsumerOptions,
): Intake {
  const counters = createCounters();
  const now = () => options.clock.now();
  // Ages and rates go on evenly, whatever is done to the wall clock.
  const mono = () => options.clock.mono();
  const admission = createAdmission({ ...natsLimits, ...options.limits }, mono);
  const onNode = (node: string, inner?: string) => options.onNode?.(node, inner);
  const onMalformed = (malformed: Malformed) => {
    counters.count('malformed');
    options.onMalformed?.(malformed);
  };
  const onDoubtful = (doubtful: Doubtful) => {
    counters.count(doubtful.event === 'cpim.unreadable' ? 'cpim-unreadable' : 'unreadable');
    options.onDoubtful?.(doubtful);
  };
  const onFailure = (where: string, error: unknown) => {
    counters.count('failed');
    options.onFailure?.(where, error);
  };
  const failpoint = options.failpoint ?? (() => {});
  const merged = createMergedMemory(mono);
  const onUnheard = merged.forget;
  const told = { onNode, onMalformed, onFailure, onUnheard };
  const door = { now, mono, admission, counters, failpoint, ...told };
  const held = createHeldDoor(bus, runtime, door);
  const engineNow = options.engineNow ?? now;
  const reserve = (target: string, begin: () => void) => runtime.reserve(target, begin);
  const results = createResultSender(bus, codec, { ...options, onFailure, reserve });
  const shared = { bus, runtime, codec, counters, now, engineNow, admission, merged };
  const desk = { runtime, results, clock: options.clock, waiting: { count: 0 } };
  const passage = createPassage(bus, runtime, { ...options, onFailure });
  return {
    ...shared,
    held,
    results,
    desk,
    passage,
    onNode,
    onMalformed,
    onDoubtful,
    onFailure,
    doors: [],
  };
}

function subscribeHeld(intake: Intake): void {
  const { bus, held, runtime, codec, results } = intake;
  intake.doors.push(
    bus.subscribe(subjects.store, engineQueue, (payload) =>
      held.hear(subjects.store, payload, (request) => decideStore(intake, request)),
    ),
    bus.subscribe(subjects.command, engineQueue, (payload) =>
      held.hear(
        subjects.command,
        payload,
        (request) =>
          decideSubscribe(request, runtime, codec) ??
          decideAsked(intake, request) ??
          decidePassed(intake, request) ??
          decideCommand(request, runtime, codec, results, (read) =>
            intake.onDoubtful(refusalOf('command.refused', request.line.node, read)),
          ),
      ),
    ),
  );
  facts(intake, subjects.late, lateLine, (line) => held.late(line));
}

function decideStore(intake: Intake, request: RequestPayload): Decision | Promise<Decision> {
  const { line, octets } = request;
  const asked = decideAsked(intake, request);
  if (asked !== null) return asked;
  const read = intake.codec.readMessage(octets, line.asserted);
  if (!read.ok) {
    intake.onDoubtful(refusalOf('message.refused', line.node, read));
    return readRefusal(read);
  }
  const { message, via, unreadable } = read;
  if (intake.merged.isMerged(line, message, via)) {
    intake.counters.count('merged');
    return refusal(482, 'Loop Detected');
  }
  if (unreadable)
    intake.onDoubtful({ event: 'cpim.unreadable', node: line.node, ...placeOf(unreadable) });
  return intake.runtime
    .submit({ type: 'message.received', message, node: line.node, queued: line.why === 'queued' })
    .then(storeDecision);
}

function decidePassed(
  { codec, passage }: Intake,
  { line, octets }: RequestPayload,
): Decision | Promise<Decision | null> | null {
  const read = codec.readPassedImdn?.(octets, line.asserted) ?? null;
  if (read === null) return null;
  return read.ok ? passage.pass(line, read.imdn) : refusal(read.status, read.reason);
}

// A withdrawal may come to the recipient's own address, where messages for him are stored.
function decideAsked(intake: Intake, request: RequestPayload): Decision | Promise<Decision> | null {
  const { asserted } = request.line;
  const read = intake.codec.readSenderCommand(request.octets, asserted);
  const sender = asserted === null ? null : intake.codec.canonicalAor(asserted);
  return decideSender(request, sender, read, intake.desk);
}

const refusalOf = (
  event: Doubtful['event'],
  node: string,
  { status, code, offset }: CodecRefusal,
): Doubtful => ({ event, node, status, code, ...(offset === undefined ? {} : { offset }) });

const placeOf = ({ code, offset }: { readonly code: string; readonly offset: number }) => ({
  code,
  offset,
});

function subscribeFacts(intake: Intake): void {
  facts(intake, subjects.online, onlineLine, (line) => submit(intake, onlineCommand(intake, line)));
  facts(intake, subjects.offline, offlineLine, (line) =>
    submit(intake, offlineCommand(intake, line)),
  );
  facts(intake, subjects.outcome, outcomeLine, (line) => heardOutcome(intake, line));
  // That its node is there was noticed with the line; beyond that it may say where calls go out.
  facts(intake, subjects.alive, aliveLine, async ({ node, inner }) => {
    if (inner !== undefined) intake.onNode(node, inner);
  });
}

/**
 * Subscribes one kind of fact: read, bounded, handled; repeated by the proxy or the outbox when
 * lost.
 */
function facts<T extends { readonly node: string }>(
  intake: Intake,
  subject: string,
  form: LineForm<T>,
  handle: (line: T) => Promise<void>,
): void {
  const close = intake.bus.subscribe(subject, engineQueue, (payload) => {
    const parsed: Parsed<T> = form.parse(payload);
    if (!parsed.ok) {
      intake.onMalformed({ ...parsed.finding, where: subject });
      return;
    }
    intake.onNode(parsed.value.node);
    if (!intake.admission.take(parsed.value.node) || !intake.admission.begin(payload.length)) {
      intake.counters.count('over-limit');
      return;
    }
    void guarded(intake, subject, () => handle(parsed.value)).finally(() =>
      intake.admission.end(payload.length),
    );
  });
  intake.doors.push(close);
}

async function guarded(intake: Intake, where: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    intake.onFailure(where, error);
  }
}

function onlineCommand(intake: Intake, line: OnlineLine): Command | null {
  const aor = intake.codec.canonicalAor(line.aor);
  if (aor === null) return null;
  const { contacts, expires, node } = line;
  const seconds = expires ?? natsLimits.registrationSeconds;
  const bindings =
    contacts === null ? [] : intake.codec.readContacts(contacts, seconds, intake.engineNow());
  return { type: 'recipient.registered', aor, node, bindings };
}

function offlineCommand(intake: Intake, line: OfflineLine): Command | null {
  // usrloc names an expired contact's owner without a scheme (kamailio.md section 5).
  const named = /^(?:sips?|tel):/i.test(line.aor) ? line.aor : `sip:${line.aor}`;
  const aor = intake.codec.canonicalAor(named);
  return aor === null ? null : { type: 'recipient.unregistered', aor };
}

async function submit(intake: Intake, command: Command | null): Promise<void> {
  if (command === null) intake.counters.count('aor-unusable');
  else await intake.runtime.submit(command);
}

async function heardOutcome(intake: Intake, line: OutcomeLine): Promise<void> {
  // Results have names of their own making; notices are the runtime's.
  if (line.effectId.startsWith('n-') && !isNotice(line.effectId)) {
    intake.results.answered(line);
    return;
  }
  if (line.effectId.startsWith('i-')) {
    intake.passage.answered(line);
    return;
  }
  const { effectId, token, status, retryAfterSeconds } = line;
  await intake.runtime.submit({
    type: 'effect.answered',
    ...{ effectId, token, status },
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  });
}

const isNotice = (effectId: string): boolean =>
  partitionOfLocal(effectId.split('-')[1] ?? '') !== null;
