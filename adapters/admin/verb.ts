// What an operator's verb is: its arguments as a schema, what it runs on, what it may answer. Knows no verb in
// particular; the tables of verbs are made of this.
import type { SenderRule } from '../../machines/index.js';
import type { Engine, Reply } from '../../runtime/index.js';

/** What a verb works on. */
export interface VerbContext {
  readonly engine: Engine;
  /** Canonical AOR of what an operator typed, or null. */
  readonly canonicalAor: (uri: string) => string | null;
  /** Rules of an access-rules document (RFC 4745), and what of it says nothing here. */
  readonly readAccessRules: (
    octets: Uint8Array,
    options: { readonly unmatched?: 'deny' | 'deferral' },
  ) =>
    | {
        readonly ok: true;
        readonly access: {
          readonly rules: readonly SenderRule[];
          readonly notes: readonly { readonly path: string; readonly message: string }[];
        };
      }
    | { readonly ok: false; readonly finding: { readonly message: string } };
  readonly readiness: () => { readonly ready: boolean; readonly reason: string | null };
}

export type VerbAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

export type Args = Readonly<Record<string, unknown>>;

export interface Verb {
  readonly meaning: string;
  /** Reading verbs also run on a store that nobody serves. */
  readonly reads: boolean;
  readonly schema: object;
  readonly run: (context: VerbContext, args: Args) => Promise<unknown>;
}

/** A request that cannot be met; becomes an answer that is not ok. */
export class VerbRefused extends Error {
  override readonly name = 'VerbRefused';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** An address of record as an operator typed it, of a user about whom questions can be answered. */
export function userOf({ engine, canonicalAor }: VerbContext, args: Args): string {
  const user = canonicalAor(String(args['aor']));
  if (user === null)
    throw new VerbRefused('bad-aor', `${JSON.stringify(args['aor'])} is not an address of record`);
  if (!engine.knows(user))
    throw new VerbRefused(
      'not-ready',
      'The store is being checked after a start, and not yet where this user is.',
    );
  return user;
}

/** Schema of a text an operator may type. */
export const text = { type: 'string', minLength: 1, maxLength: 1000 } as const;

/** Schema of an object with these members and no others. */
export const object = (properties: object, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

/** The reply of the runtime, unless it refuses. */
export function accepted(reply: Reply): Reply {
  if (reply.kind === 'refused') throw new VerbRefused(reply.code, reply.reason);
  return reply;
}
