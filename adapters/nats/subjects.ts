// All subjects of the bus in one table: docs/asyncapi.yaml and nats-server.conf are tested against
// it. Invariant: no part of a subject is written by a user; parts that vary are asserted before use
// (N1, N2). Subjects toward the proxies have no dots: Kamailio cuts the name of an event route at
// the first one.

/** Fixed subjects of contract version 1. */
export const subjects = {
  store: 'deferred-im.v1.store',
  command: 'deferred-im.v1.command',
  online: 'deferred-im.v1.online',
  offline: 'deferred-im.v1.offline',
  outcome: 'deferred-im.v1.outcome',
  late: 'deferred-im.v1.late',
  alive: 'deferred-im.v1.alive',
  answer: 'deferred-im-v1-answer',
  send: 'deferred-im-v1-send',
  beat: 'deferred-im-v1-beat',
  queue: 'deferred-im-v1-queue',
  event: 'deferred-im.v1.event',
  userList: 'deferred-im.v1.user.list',
  userRetrieve: 'deferred-im.v1.user.retrieve',
  userConfirm: 'deferred-im.v1.user.confirm',
  userDelete: 'deferred-im.v1.user.delete',
  userPreferences: 'deferred-im.v1.user.preferences',
  userStatus: 'deferred-im.v1.user.status',
  userWithdraw: 'deferred-im.v1.user.withdraw',
} as const;

/** All admin verbs; one verb is `adminSubject(verb)`. */
export const adminSubjects = 'deferred-im.v1.admin.*';

/** Queue group of the engine: two processes by mistake share the work instead of doubling it. */
export const engineQueue = 'deferred-im';

export type SubjectName = keyof typeof subjects;

const verbForm = /^[a-z][a-z-]{0,31}$/;
const partForm = /^[a-z2-7]{1,104}$/;
const inboxStart = '_INBOX_';

/** Subject of one admin verb. A verb is ours, so a bad one is a bug. */
export function adminSubject(verb: string): string {
  if (!verbForm.test(verb)) throw new TypeError('admin verb is not lower-case letters and hyphens');
  return `deferred-im.v1.admin.${verb}`;
}

/** Private inbox prefix of a role (N6): `_INBOX_engine`. */
export function inboxPrefix(role: string): string {
  if (!partForm.test(role)) throw new TypeError('inbox role is not base32 letters and digits');
  return `${inboxStart}${role}`;
}

/**
 * True for a reply subject we answer to: an inbox, made of plain tokens. Anything else could make
 * the engine publish its JSON on a subject the proxies listen to, or speak a wildcard (N2, N3).
 */
export function isReplySubject(subject: string): boolean {
  if (subject.length > 256 || !subject.startsWith('_INBOX')) return false;
  let tokenLength = 0;
  for (let i = 0; i < subject.length; i += 1) {
    const code = subject.charCodeAt(i);
    if (code === 0x2e) {
      if (tokenLength === 0) return false;
      tokenLength = 0;
    } else if (isTokenCode(code)) tokenLength += 1;
    else return false;
  }
  return tokenLength > 0 && subject.includes('.');
}

function isTokenCode(code: number): boolean {
  const digit = code >= 0x30 && code <= 0x39;
  const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return digit || letter || code === 0x5f || code === 0x2d;
}

// Audit events wait in the store while nobody takes them: the engine works without.
const ours: ReadonlySet<string> = new Set<string>(
  Object.values(subjects).filter((subject) => subject !== subjects.event),
);

/**
 * True for a subject without which the engine cannot do its work: a violation there takes readiness
 * away.
 */
export function isVitalSubject(subject: string): boolean {
  return ours.has(subject) || subject === adminSubjects;
}
