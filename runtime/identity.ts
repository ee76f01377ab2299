// Identities derived from stored data: the same at every repetition, after every crash, even after a rollback
// (reliability R16). Nothing here is chosen at the moment of sending.
import { createHmac } from 'node:crypto';
import { base32 } from './keys.js';
import type { PendingType } from './rows.js';

/** What the world sees of an effect. */
export interface EffectIdentity {
  readonly token: string;
  readonly callId: string;
  readonly fromTag: string;
}

const letterOf: Readonly<Record<PendingType, string>> = {
  deliver: 'd',
  report: 'r',
  'early-report': 'p',
  notify: 'n',
  inform: 's',
};

const typeOf = new Map(
  Object.entries(letterOf).map(([type, letter]) => [letter, type as PendingType]),
);

/** Identity of one attempt, equal at every repetition. */
export const effectIdOf = (type: PendingType, local: string, attempt: number): string =>
  `${letterOf[type]}-${local}-${attempt}`;

/** Takes an effect id apart, or null when it is not of our making. */
export function readEffectId(effectId: string): {
  readonly type: PendingType;
  readonly local: string;
  readonly attempt: number;
} | null {
  const parts = effectId.split('-');
  const [letter = '', local, attempt] = parts;
  if (parts.length !== 3 || local === undefined || attempt === undefined) return null;
  const number = Number(attempt);
  if (!Number.isInteger(number) || number < 1 || String(number) !== attempt) return null;
  const type = typeOf.get(letter);
  return type === undefined ? null : { type, local, attempt: number };
}

/** Derives every identity of a store from its secret. */
export class Identities {
  constructor(
    private readonly secret: string,
    readonly host: string,
  ) {}

  /** `string@store-host`. */
  deferredId(local: string): string {
    return `${local}@${this.host}`;
  }

  /** The local part of a deferred id of this store, with or without `sip:`; null for any other. */
  localOf(deferredId: string): string | null {
    const bare = deferredId.startsWith('sip:') ? deferredId.slice(4) : deferredId;
    const at = bare.indexOf('@');
    if (at === -1 || bare.slice(at + 1).toLowerCase() !== this.host) return null;
    return bare.slice(0, at);
  }

  /** What an answer must echo to count for this attempt. */
  token(effectId: string): string {
    return this.derive('token', effectId).slice(0, 26);
  }

  /** Call-ID and From tag of all attempts of one kind for one message (RFC 3261 section 8.1.1.4). */
  dialog(type: PendingType, local: string): { readonly callId: string; readonly fromTag: string } {
    const derived = this.derive('dialog', `${type}/${local}`);
    return { callId: `${derived.slice(0, 26)}@${this.host}`, fromTag: derived.slice(26, 42) };
  }

  /** `imdn.Message-ID` of the one report of its kind about a message (RFC 5438 section 6.3). */
  reportMessageId(local: string, kind: 'report' | 'early-report' = 'report'): string {
    return this.derive(kind, local).slice(0, 26);
  }

  private derive(purpose: string, text: string): string {
    return base32(createHmac('sha256', this.secret).update(`${purpose}/${text}`).digest());
  }
}
