// What can be asked of a store without changing it. Queries see what is decided, commits in flight included.
import { shownSender } from '../machines/index.js';
import type { MessageLife } from './api.js';
import type { AuditPlace } from './audit-sender.js';
import type { ListedMessage, Listing } from './commands.js';
import { messageOf } from './consequences.js';
import type { SeenFilter } from './filter.js';
import type { Identities } from './identity.js';
import { openRow, unlessDamaged } from './integrity.js';
import { keys, ranges, readAuditKey } from './keys.js';
import type { Ledger } from './ledger.js';
import { readActor } from './life.js';
import { partitionCount } from './limits.js';
import type { StorePort } from './ports.js';
import type { Registry } from './registry.js';
import type { ActorRow } from './rows.js';
import type { RuntimeSettings } from './turn.js';

/** What a query reads. */
export interface Source {
  readonly store: Pick<StorePort, 'scan'>;
  readonly ledger: Ledger;
  readonly identities: Identities;
  readonly registry: Registry;
  readonly now: () => number;
  readonly seen: SeenFilter;
  readonly settings: RuntimeSettings;
}

/**
 * The local id an index row stands for, or null: damaged rows are passed over, for one of them must not hide all the
 * others of its user.
 */
export const localOfRow = (key: string, value: Uint8Array): string | null =>
  unlessDamaged(() => (JSON.parse(openRow(key, value).toString()) as { local: string }).local);

const soundActor = (source: Pick<Source, 'ledger'>, local: string): ActorRow | null =>
  unlessDamaged(() => readActor(source, local));

/** A page of a user's waiting messages, oldest first. */
export async function listOf(
  source: Source,
  aor: string,
  after: string | null,
  limit: number,
): Promise<Listing> {
  const locals = await localsOf(source, aor, after, limit + 1);
  const page = locals.slice(0, limit).flatMap((local) => listed(source, local));
  const more = locals.length > limit;
  return { messages: page, next: more ? source.identities.deferredId(locals[limit - 1]!) : null };
}

/** Local ids of a user's waiting messages, oldest first, after a deferred id. */
export async function localsOf(
  source: Source,
  aor: string,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const local = after === null ? null : source.identities.localOf(after);
  const row = local === null ? null : soundActor(source, local);
  const start = row !== null && messageOf(row).aor === aor ? row.arrival : null;
  const { from, to } = ranges.mailbox(aor, start);
  const locals: string[] = [];
  for await (const [key, value] of source.store.scan(from, to, limit)) {
    const found = localOfRow(key, value);
    if (found !== null) locals.push(found);
  }
  return locals;
}

/** The row of one message in its user's list; none when it waits no longer. */
export function listed(source: Pick<Source, 'ledger'>, local: string): ListedMessage[] {
  const row = soundActor(source, local);
  if (row === null || !row.live) return [];
  const message = messageOf(row);
  const from = shownSender(message);
  return [
    {
      deferredId: message.deferredId,
      state: row.value,
      from,
      to: message.toUri,
      subject: message.cpim?.subject?.text ?? null,
      contentType: message.contentType,
      octets: message.octets - message.bodyOffset,
      receivedAtMs: message.receivedAtMs,
      expiresAtMs: message.expiresAtMs,
      sentAtMs: message.dateMs,
      contentOctets: message.cpim?.contentOctets ?? message.octets - message.bodyOffset,
      fromUri: from === null ? null : message.fromUri,
      // A row of 0.2.0 does not say whether privacy was asked for.
      authId: message.hidden === false && from !== null ? message.asserted : null,
    },
  ];
}

/** The whole life of one message, or null. */
export function lifeOf(source: Source, deferredId: string): MessageLife | null {
  const local = source.identities.localOf(deferredId);
  const row = local === null ? null : soundActor(source, local);
  if (row === null) return null;
  const message = messageOf(row);
  const outlives =
    row.outlived || row.forgetAtMs !== null
      ? []
      : [{ name: 'maxLifetime', dueMs: message.outlivesAtMs }];
  const forget = row.forgetAtMs === null ? [] : [{ name: 'forget', dueMs: row.forgetAtMs }];
  const timers = row.actor.timers.map(({ name, dueMs }) => ({ name, dueMs }));
  return {
    message,
    state: row.value,
    final: row.endedAtMs !== null,
    outcome: row.outcome,
    policyId: source.registry.get(row.policy)?.file.id ?? 'unknown',
    policyHash: row.policy,
    timers: [...timers, ...outlives, ...forget],
    trail: row.trail,
    ...(row.bye === undefined ? {} : { bye: row.bye }),
    parked: row.parked?.error ?? null,
  };
}

/** Deferred ids of every message the store remembers, in key order. */
export async function idsOf(
  source: Source,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const last = after === null ? null : source.identities.localOf(after);
  const ids: string[] = [];
  const first = last === null ? 0 : Number.parseInt(last.slice(0, 2), 16);
  for (let partition = first; partition < partitionCount && ids.length < limit; partition += 1) {
    const { from, to } = ranges.family(partition, 'a');
    const start = last !== null && partition === first ? `${keys.actor(last)}\0` : from;
    for await (const [key] of source.store.scan(start, to, limit - ids.length)) {
      ids.push(source.identities.deferredId(key.slice(5)));
    }
  }
  return ids;
}

/** The owner's own row, when it is waiting. */
export function ownRow(
  source: Source,
  aor: string,
  deferredId: string,
): { local: string; row: ActorRow } | null {
  const local = source.identities.localOf(deferredId);
  const row = local === null ? null : soundActor(source, local);
  if (local === null || row === null || !row.live || messageOf(row).aor !== aor) return null;
  return { local, row };
}

/** Places of the audit events of one partition, in order for each message. */
export async function* auditsOf(source: Source, partition: number): AsyncGenerator<AuditPlace> {
  const { from, to } = ranges.family(partition, 'e');
  for await (const [key] of source.store.scan(from, to)) yield readAuditKey(key);
}

/** Local ids behind the effects without outcome of one partition. */
export async function outboxOf(source: Source, partition: number): Promise<readonly string[]> {
  const { from, to } = ranges.family(partition, 'o');
  const locals = new Set<string>();
  for await (const [key, value] of source.store.scan(from, to)) {
    const local = localOfRow(key, value);
    if (local !== null) locals.add(local);
  }
  return [...locals];
}
