// All error and exit codes in one table; docs/reference/errors.md is held equal to it by a test. Three kinds never
// mix: a refusal is a value, an operating error is thrown as RuntimeFault, a bug is an assertion.

/** A reason why a command was refused. */
interface Refusal {
  /** What a SIP sender hears. */
  readonly status: number;
  readonly meaning: string;
  /** When it may be worth trying again. */
  readonly retryAfterSeconds?: number;
  /** The meaning goes to the sender too; else he hears no more than the status, as the recipient's settings are his own. */
  readonly told?: boolean;
}

/** Why a command was refused; travels in replies and logs. */
export const refusals = {
  'not-served': { status: 404, meaning: 'The recipient is not in a domain this store serves.' },
  blocked: { status: 403, meaning: 'The recipient has blocked this sender openly.' },
  'deferral-off': {
    status: 480,
    meaning: 'The recipient wants no messages kept while he is away, or none of this sender.',
  },
  'not-permitted': {
    status: 480,
    meaning: 'The operator permits no storage for this recipient.',
  },
  'media-type': {
    status: 415,
    meaning: 'The operator keeps no content of this type; Accept lists what is taken.',
  },
  'duplicate-conflict': {
    status: 400,
    told: true,
    meaning: 'The same sender, Message-ID and recipient were used before with another body.',
  },
  'already-ended': {
    status: 410,
    told: true,
    meaning:
      'It ended undelivered while its sender had no 202; no report follows, so this answer says it.',
  },
  'mailbox-full': {
    status: 480,
    retryAfterSeconds: 60,
    told: true,
    meaning: 'The recipient has as many messages, or octets, as the quota allows.',
  },
  'pair-full': {
    status: 480,
    retryAfterSeconds: 60,
    told: true,
    meaning: 'This sender has as many messages waiting for this recipient as allowed.',
  },
  'strangers-full': {
    status: 480,
    retryAfterSeconds: 60,
    told: true,
    meaning: 'Senders the recipient has not named have as many messages waiting as they may.',
  },
  'not-ready': {
    status: 503,
    retryAfterSeconds: 5,
    told: true,
    meaning: 'The store is being checked after a start, and not yet where this user is.',
  },
  'store-full': {
    status: 503,
    retryAfterSeconds: 60,
    told: true,
    meaning: 'The volume is short of free space; nothing new is stored.',
  },
  overloaded: {
    status: 503,
    retryAfterSeconds: 5,
    told: true,
    meaning: 'More commands wait than the engine admits.',
  },
  'damaged-row': {
    status: 500,
    meaning: 'A stored row failed its checksum; the command changed nothing.',
  },
  'too-large': { status: 413, told: true, meaning: 'The request exceeds the size limits.' },
  'too-many-rules': {
    status: 413,
    meaning: 'A user may have at most 256 rules about senders, and 64 KiB of them.',
  },
  'not-yours-to-set': {
    status: 403,
    meaning: 'Only an operator may set this, or this value is not offered.',
  },
  'no-such-message': { status: 404, meaning: "No message of this id, or not this user's." },
  'no-longer-waiting': {
    status: 410,
    meaning: 'The message was delivered or has ended: it can no longer be withdrawn.',
  },
  'not-now': {
    status: 480,
    meaning: 'The message cannot be withdrawn as it stands now.',
  },
  'not-parked': { status: 409, meaning: 'Only a message in quarantine can be retried or forced.' },
  'no-such-subscription': {
    status: 481,
    meaning: 'No subscription of this user has this dialog, or it has ended.',
  },
  'out-of-order': {
    status: 500,
    meaning: 'A request of this dialog with a higher CSeq came before.',
  },
  'policy-refused': {
    status: 422,
    meaning: 'The policy file did not pass its checks; the findings are listed.',
  },
  'no-such-policy': { status: 404, meaning: 'No installed policy has this hash.' },
  'migration-under-way': {
    status: 409,
    meaning: 'Messages are being moved to another policy; when all are, the next may begin.',
  },
  'migration-not-total': {
    status: 422,
    meaning: 'Living messages would have no place to go; nothing was changed.',
  },
  'rules-refused': {
    status: 422,
    meaning: 'The selection rules did not pass their checks; the findings are listed.',
  },
  'no-such-rules': { status: 404, meaning: 'No set of rules has this hash.' },
  'no-earlier-policy': {
    status: 409,
    meaning: 'No policy was active before this one, as far as the store remembers.',
  },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof refusals;

/** Refusals that older messages may make room for (spec 2.8). */
export const quotaRefusals: ReadonlySet<string> = new Set<RefusalCode>([
  'mailbox-full',
  'pair-full',
  'strangers-full',
]);

/** The row of a code, or null for a code that is no refusal of the engine. */
export const refusalOf = (code: string): Refusal | null =>
  Object.hasOwn(refusals, code) ? refusals[code as RefusalCode] : null;

/** Exit codes of the process (reliability 6.3). */
export const exitCodes = {
  ok: 0,
  usage: 64,
  damaged: 65,
  'bus-unusable': 69,
  internal: 70,
  io: 74,
  locked: 75,
  permissions: 77,
  'policy-invalid': 78,
} as const;

/** Operating errors: what can go wrong with the surroundings, with the exit code each leads to. */
export const faults = {
  DEFERRED_IM_CLOSED: {
    exit: 'ok',
    meaning: 'The runtime is closing or closed; repeat the command elsewhere or later.',
  },
  DEFERRED_IM_STORE_MISSING: {
    exit: 'usage',
    meaning: 'There is no store in this folder, and none was to be made.',
  },
  DEFERRED_IM_STORE_EXISTS: {
    exit: 'usage',
    meaning: 'The folder already holds a store or other files.',
  },
  DEFERRED_IM_STORE_LOCKED: { exit: 'locked', meaning: 'Another process has this store open.' },
  DEFERRED_IM_STORE_DAMAGED: {
    exit: 'damaged',
    meaning: 'The store failed its integrity check; the list says where.',
  },
  DEFERRED_IM_STORE_ROLLED_BACK: {
    exit: 'damaged',
    meaning: 'The store is older than its watermark: a cut log or a restored backup.',
  },
  DEFERRED_IM_STORE_FORMAT: {
    exit: 'damaged',
    meaning: 'The store was written by a newer format.',
  },
  DEFERRED_IM_STORE_IO: {
    exit: 'io',
    meaning: 'A read or write of the store failed: disk full, read-only or broken.',
  },
  DEFERRED_IM_STORE_PERMISSIONS: {
    exit: 'permissions',
    meaning: 'The data folder can be read by others, or not by us.',
  },
  DEFERRED_IM_STORE_VOLATILE: {
    exit: 'usage',
    meaning: 'The data folder lies on a file system that may not keep what it confirms.',
  },
  DEFERRED_IM_STORE_NOT_TEST: {
    exit: 'usage',
    meaning: 'A virtual clock was asked for, and the store was not made for tests.',
  },
  DEFERRED_IM_XCAP_OPEN: {
    exit: 'usage',
    meaning:
      'The XCAP face would show every mailbox to whoever reaches its port, so it is not opened.',
  },
  DEFERRED_IM_MSRP_TLS: {
    exit: 'usage',
    meaning: 'The certificate or key of MSRP over TLS cannot be used.',
  },
  DEFERRED_IM_POLICY_INVALID: { exit: 'policy-invalid', meaning: 'A policy file was refused.' },
} as const satisfies Record<string, { exit: keyof typeof exitCodes; meaning: string }>;

export type FaultCode = keyof typeof faults;

/** An operating error. `code` is stable, the message is for people, `details` names what and where. */
export class RuntimeFault extends Error {
  override readonly name = 'RuntimeFault';
  constructor(
    readonly code: FaultCode,
    message: string,
    readonly details: readonly string[] = [],
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  /** The exit code this fault leads to when nobody can mend it. */
  get exitCode(): number {
    return exitCodes[faults[this.code].exit];
  }
}

/** The exit code of whatever ended the process: a fault's own, LevelDB's kind of error, else a bug. */
export function exitCodeOf(cause: unknown): number {
  if (cause instanceof RuntimeFault) return cause.exitCode;
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === 'LEVEL_CORRUPTION') return exitCodes.damaged;
  return typeof code === 'string' && code.startsWith('LEVEL_') ? exitCodes.io : exitCodes.internal;
}
