// Accepting a message: known already, wanted, allowed, how long it lives, whether a report may be owed; then its first
// step. The order of the checks is that of spec 2.1; nothing is written before the last of them has passed.
import {
  admissionOf,
  answerClass,
  coversType,
  domainOf,
  earlyReport,
  type IncomingMessage,
  isKnown,
  type Message,
  type Policy,
  type PolicySettings,
  type ReportRules,
  reportException,
  reportTarget,
  type Wishes,
} from '../../machines/index.js';
import { excessOf, reachable, readUser, writeUser } from '../accounts.js';
import type { Command, Reply, Summoned } from '../commands.js';
import { contextOf } from '../consequences.js';
import { quotaRefusals, type RefusalCode, refusalOf } from '../errors.js';
import {
  arrivalNumber,
  dedupDigest,
  digestOf,
  keys,
  localId,
  partitionOf,
  sentDigest,
} from '../keys.js';
import { bear, readActor, rewrite } from '../life.js';
import { limits } from '../limits.js';
import { touchPreferences, wishesFor } from '../preferences.js';
import type { ActorRow, DedupRow } from '../rows.js';
import {
  forgetSwallowed,
  isSwallowed,
  rememberSwallowed,
  type SwallowedRow,
} from '../swallowed.js';
import type { Turn } from '../turn.js';

type Received = Extract<Command, { type: 'message.received' }>;

/** Stores a message, or says why not. A repetition finds the first copy (spec 2.7). */
export function receive(turn: Turn, command: Received): Reply {
  const { message } = command;
  const sender = senderOf(message);
  const digest = dedupKey(message, sender);
  const bodyDigest = digestOf(message.octets.subarray(message.bodyOffset), 26);
  const known = turn.seen.mayHave(digest)
    ? turn.ledger.readJson<DedupRow>(keys.dedup(message.aor, digest))
    : null;
  const swallowed = isSwallowed(known) ? known : null;
  if (known !== null && swallowed === null) return repeated(turn, known, bodyDigest);
  const wishes = wishesFor(turn, message.aor);
  const queued = command.queued === true;
  const repeats = swallowed !== null;
  const refusal = admit(turn, message, { sender, wishes, queued, repeats });
  const named = { sender, digest, bodyDigest, wishes };
  if (refusal === 'swallowed') return swallow(turn, message, named, swallowed);
  if (refusal === 'media-type') return refuse(refusal, '', turn.settings.mediaTypes);
  if (refusal !== null) return refuseAs(turn, refusal);
  if (swallowed !== null) forgetSwallowed(turn, message.aor, digest, swallowed);
  const reply = store(turn, message, named);
  pass(turn, message.aor, queued);
  return reply;
}

type Refused = Extract<Reply, { kind: 'refused' }>;

/** A refusal of the table, as a reply. */
export function refuse(
  code: RefusalCode,
  details = '',
  accept: readonly string[] | null = null,
): Refused {
  const row = refusalOf(code)!;
  const reason = details === '' ? row.meaning : `${row.meaning} ${details}`;
  const retryAfterSeconds = row.retryAfterSeconds ?? null;
  const refused = { kind: 'refused', status: row.status, code, reason, retryAfterSeconds } as const;
  return accept === null ? refused : { ...refused, accept };
}

const isAwayOnly = (code: string): boolean => code === 'deferral-off' || code === 'not-permitted';

// What a sender hears whose message may not be kept for somebody who is away is the operator's to say (C69).
function refuseAs({ settings }: Pick<Turn, 'settings'>, code: RefusalCode): Refused {
  const refused = refuse(code);
  return isAwayOnly(code) ? { ...refused, status: settings.refusedStatus } : refused;
}

// Takes as long as storing, and a repetition hears what it would hear of a message that was kept: the sender must not see
// what the answer hides (spec 7.3).
function swallow(
  turn: Turn,
  message: IncomingMessage,
  { digest, bodyDigest, wishes }: Named,
  before: SwallowedRow | null,
): Reply {
  if (before !== null && before.bodyDigest !== bodyDigest) return refuse('duplicate-conflict');
  turn.notices.push({ type: 'counted', what: 'polite-block', local: null });
  touchPreferences(turn, message.aor);
  const policy = policyFor(turn, wishes, message);
  const expiresAtMs = expiryInstant(message, policy.settings, turn.nowMs);
  const swallowing = { message, digest, bodyDigest, policy, wishes, expiresAtMs };
  if (before === null) rememberSwallowed(turn, swallowing);
  return { kind: 'swallowed' };
}

// With an IMDN Message-ID the sender's own id counts, else what makes the SIP request (reliability R17, X12).
function dedupKey(message: IncomingMessage, sender: string): string {
  const id = message.cpim?.imdnMessageId;
  if (id) return sentDigest(sender, id, message.aor);
  const request = ['sip', message.callId, String(message.cseq), message.fromTag, message.aor];
  // A session may bring several messages.
  const within = message.session === undefined ? [] : [message.session.msrpMessageId];
  return dedupDigest([...request, ...within]);
}

function repeated(turn: Turn, known: DedupRow, bodyDigest: string): Reply {
  if (known.bodyDigest !== bodyDigest) {
    turn.notices.push({ type: 'counted', what: 'duplicate-conflict', local: known.local });
    return refuse('duplicate-conflict');
  }
  const row = readActor(turn, known.local);
  // The sender hears 202 after all: from now on a failure report may be owed.
  const again = row !== null && !contextOf(row).acknowledged;
  if (again && endedInSilence(row)) return refuse('already-ended');
  if (again) setAcknowledged(turn, known.local, row, true);
  return {
    kind: 'accepted',
    deferredId: turn.identities.deferredId(known.local),
    duplicate: true,
    ...(again ? { acknowledgedAgain: true } : {}),
  };
}

// Nobody got it, and no report was owed as its sender had heard no 202. A 202 now would never be followed by one.
function endedInSilence(row: ActorRow): boolean {
  if (row.live || contextOf(row).reported) return false;
  const last = row.trail.at(-1);
  const answered =
    last?.event === 'delivery.answered' && answerClass(last.status ?? 0) === 'success';
  return !answered && last?.event !== 'message.retrieved' && last?.event !== 'message.withdrawn';
}

// What of it all is asked is told nobody but the first that says no.
function admit(
  turn: Turn,
  message: IncomingMessage,
  { sender, wishes, ...how }: Pick<Named, 'sender' | 'wishes'> & Pick<Asked, 'queued' | 'repeats'>,
): RefusalCode | 'swallowed' | null {
  const { aor, asserted, anonymous, contentType, kind } = message;
  const octets = message.octets.length;
  const asked = { aor, sender, asserted, anonymous, octets, contentType, ...how };
  return admission(turn, { ...asked, large: kind === 'large' }, wishes);
}

/** What is asked about a message before it is stored. */
interface Asked extends Summoned {
  readonly octets: number;
  /** Null while it is not known. */
  readonly contentType: string | null;
  readonly queued: boolean;
  /** Its like was swallowed before: it hears the same. */
  readonly repeats: boolean;
  readonly large: boolean;
}

type Admitting = Pick<Turn, 'gate' | 'ledger' | 'settings' | 'seen'>;

/**
 * Why a session that would bring a large message is refused, or null. A polite block lets it come (spec 7.3), and so does a
 * full mailbox where older messages make room: for how much is known when the message is here.
 */
export function sessionRefusal(source: Admitting, summoned: Summoned): Refused | null {
  const { queued = false } = summoned;
  const unknown = { octets: 0, contentType: null, queued, repeats: false, large: true } as const;
  const wishes = wishesFor(source, summoned.aor);
  const refusal = admission(source, { ...summoned, ...unknown }, wishes);
  if (refusal === null || refusal === 'swallowed') return null;
  const makesRoom = source.settings.atLimit === 'drop-oldest' && quotaRefusals.has(refusal);
  return makesRoom ? null : refuseAs(source, refusal);
}

function admission(
  turn: Admitting,
  asked: Asked,
  wishes: Wishes,
): RefusalCode | 'swallowed' | null {
  const { settings } = turn;
  const { aor, sender, octets, contentType } = asked;
  if (!serves(settings.servedDomains, aor)) return 'not-served';
  const admission = admissionOf(wishes, asked);
  // A live message that waits behind a backlog is not kept for somebody who is away.
  const silent = admission === 'swallowed';
  if (silent && asked.repeats) return admission;
  if (admission !== 'stored' && !silent && !(asked.queued && isAwayOnly(admission)))
    return admission;
  // A large message has a limit of its own, at its own door.
  if (!asked.large && octets > settings.messageOctetsMax) return 'too-large';
  if (contentType !== null && !takes(settings.mediaTypes, contentType)) return 'media-type';
  const closed = turn.gate();
  if (closed !== null) return closed;
  // Whom a block hides from hears of limits what anybody hears (ADR 0033); he makes no room.
  if (silent && settings.atLimit === 'drop-oldest') return admission;
  const stranger = isStranger(turn, asked, wishes);
  const counted = { sender, octets, stranger };
  const excess = excessOf(turn, aor, counted, settings);
  if (excess.pair > 0) return 'pair-full';
  if (excess.strangerMessages > 0 || excess.strangerOctets > 0) return 'strangers-full';
  if (excess.messages > 0 || excess.octets > 0) return 'mailbox-full';
  return silent ? admission : null;
}

/** Whose quota a message counts for. */
export const senderOf = (message: IncomingMessage): string =>
  message.asserted ?? message.fromAor ?? message.fromUri;

/** Whether a message counts among those of strangers; nobody does where they may fill all of a mailbox (X6). */
export const isStranger = (
  { settings }: Pick<Turn, 'settings'>,
  { asserted, anonymous }: Pick<IncomingMessage, 'asserted' | 'anonymous'>,
  { rules }: Wishes,
): boolean => settings.strangersPercent < 100 && !isKnown(rules, { asserted, anonymous });

// No domains: the proxy alone decides who is served.
const serves = (domains: readonly string[], aor: string): boolean =>
  domains.length === 0 || domains.includes(domainOf(aor));

// No types: everything is taken. `text/*` takes every text.
const takes = (types: readonly string[], type: string): boolean =>
  types.length === 0 || types.some((one) => coversType(one, type));

interface Named {
  readonly sender: string;
  readonly digest: string;
  readonly bodyDigest: string;
  readonly wishes: Wishes;
}

function store(turn: Turn, incoming: IncomingMessage, named: Named): Reply {
  const policy = policyFor(turn, named.wishes, incoming);
  const partition = partitionOf(incoming.aor);
  const local = localId(partition, turn.random(17));
  const state = turn.partitions[partition]!;
  state.arrivals += 1;
  const deferredId = turn.identities.deferredId(local);
  const rules = reportRulesFor(turn, named.wishes);
  const message = factsOf(turn, incoming, { settings: policy.settings, rules, deferredId });
  // Dead on arrival it is answered 202, then handled like any expired message (RFC 5438 section 12.1.3.1): by its timer, which
  // is due at once. Not in this group: a sender who has heard 503 meanwhile has his promise taken back before it fires (A4).
  bear(turn, policy, {
    local,
    message,
    octets: incoming.octets,
    dedup: named.digest,
    bodyDigest: named.bodyDigest,
    sender: named.sender,
    stranger: isStranger(turn, incoming, named.wishes),
    arrival: arrivalNumber(state.arrivals),
    early: dead(message, turn) ? null : earlyReport(incoming, rules),
  });
  noteWithheld(turn, local, message);
  return { kind: 'accepted', deferredId: message.deferredId, duplicate: false };
}

// The user's choice where the operator offers it, else what the rules choose, else the active policy.
function policyFor({ registry }: Turn, { expired }: Wishes, incoming: IncomingMessage): Policy {
  const wanted = expired === null ? null : registry.newest(expired);
  if (wanted !== null) return registry.inForce(wanted);
  const { aor, asserted, contentType, kind = 'page' } = incoming;
  const ruled = registry.course.chosen({ aor, asserted, contentType, kind });
  return registry.inForce((ruled === null ? null : registry.get(ruled)) ?? registry.active);
}

const dead = (message: Message, turn: Turn): boolean =>
  message.expiresAtMs !== null && message.expiresAtMs <= turn.nowMs;

// A report that was asked for and will not be sent is worth a line in the log (spec 6.3, 6.9).
function noteWithheld(turn: Turn, local: string, { reportException }: Message): void {
  if (reportException === null || reportException === 'not-asked') return;
  turn.notices.push({ type: 'counted', what: `no-report-${reportException}`, local });
}

// What was queued behind a backlog joins its delivery run, or begins one that has just ended.
function pass(turn: Turn, aor: string, behindBacklog: boolean): void {
  const queued = behindBacklog && reachable(readUser(turn, aor), turn.nowMs);
  turn.notices.push({ type: 'arrived', aor, queued });
  if (!queued) retryLater(turn, aor, turn.registry.active.settings.retryStepsSeconds[0]);
}

// Stored although a binding lives: his phone did not answer. He is tried again as after a failed push (spec 3.2).
function retryLater(turn: Turn, aor: string, seconds: number | undefined): void {
  const user = readUser(turn, aor);
  // A try whose time has passed wakes nobody any more.
  const awaited = user.retry !== null && user.retry.atMs > turn.nowMs;
  if (seconds === undefined || awaited || !reachable(user, turn.nowMs)) return;
  const atMs = turn.nowMs + seconds * 1000;
  writeUser(turn, aor, { ...user, retry: { step: user.retry?.step ?? 0, atMs } });
  turn.notices.push({ type: 'retry', aor, atMs });
}

// A setting is for the messages that are stored while it holds (spec 7.2).
const reportRulesFor = ({ settings }: Turn, { reports }: Wishes): ReportRules => ({
  ...settings.reportRules,
  consent: reports,
});

interface Terms {
  readonly settings: PolicySettings;
  readonly rules: ReportRules;
  readonly deferredId: string;
}

function factsOf(
  turn: Turn,
  incoming: IncomingMessage,
  { settings, rules, deferredId }: Terms,
): Message {
  const reportTo = reportTarget(incoming, rules);
  const { kind, session } = incoming;
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(session === undefined ? {} : { session }),
    deferredId,
    aor: incoming.aor,
    asserted: incoming.asserted,
    fromUri: incoming.fromUri,
    toUri: incoming.toUri,
    callId: incoming.callId,
    contentType: incoming.contentType,
    octets: incoming.octets.length,
    bodyOffset: incoming.bodyOffset,
    receivedAtMs: turn.nowMs,
    dateMs: incoming.dateMs,
    expiresSeconds: incoming.expiresSeconds,
    expiresAtMs: expiryInstant(incoming, settings, turn.nowMs),
    outlivesAtMs: turn.nowMs + settings.maxLifetimeSeconds * 1000,
    cpim: incoming.cpim,
    hidden: incoming.anonymous,
    ...(incoming.chargingId == null ? {} : { chargingId: incoming.chargingId }),
    reportException: reportException(incoming, rules),
    ...(reportTo === null ? {} : { reportTo }),
    ...(rules.consent === 'send' ? {} : { declined: true }),
  };
}

/**
 * The instant of expiry, fixed at storage (spec 2.5): the sender's Expires counts from his Date, which may lie only
 * `dateSkewSeconds` ahead, else from receipt; the operator's default and cap count from receipt; the earlier wins.
 */
export function expiryInstant(
  incoming: Pick<IncomingMessage, 'dateMs' | 'expiresSeconds'>,
  settings: PolicySettings,
  nowMs: number,
): number | null {
  const base = Math.min(incoming.dateMs ?? nowMs, nowMs + settings.dateSkewSeconds * 1000);
  const asked = incoming.expiresSeconds;
  const own = asked === null ? fromNow(settings.defaultExpirySeconds, nowMs) : base + asked * 1000;
  const cap = fromNow(settings.maxExpirySeconds, nowMs);
  if (own === null) return cap;
  return cap === null ? own : Math.min(own, cap);
}

const fromNow = (seconds: number | 'none', nowMs: number): number | null =>
  seconds === 'none' ? null : nowMs + seconds * 1000;

/** The proxy reports that the sender heard 503 in place of our 202: the message lives, but owes no report. */
export function unacknowledged(
  turn: Turn,
  command: Extract<Command, { type: 'message.unacknowledged' }>,
): Reply {
  const local = turn.identities.localOf(command.deferredId);
  const row = local === null ? null : readActor(turn, local);
  if (local !== null && row !== null) setAcknowledged(turn, local, row, false);
  return { kind: 'done' };
}

function setAcknowledged(turn: Turn, local: string, row: ActorRow, acknowledged: boolean): void {
  // Said once more, it is no news.
  if (contextOf(row).acknowledged === acknowledged) return;
  const context = { ...contextOf(row), acknowledged };
  const snapshot = { ...row.actor.snapshot, context };
  const said = [
    ...(row.acknowledgements ?? []),
    { atMs: turn.nowMs, revision: row.revision, acknowledged },
  ];
  const acknowledgements = said.slice(-limits.acknowledgementsMax);
  rewrite(turn, local, row, { ...row, actor: { ...row.actor, snapshot }, acknowledgements });
}

/** The session a large message came by is over: what its BYE said is kept beside it, once. */
export function sessionEnded(
  turn: Turn,
  command: Extract<Command, { type: 'session.ended' }>,
): Reply {
  const local = turn.identities.localOf(command.deferredId);
  const row = local === null ? null : readActor(turn, local);
  if (local !== null && row !== null && row.bye === undefined)
    rewrite(turn, local, row, { ...row, bye: command.bye });
  return { kind: 'done' };
}
