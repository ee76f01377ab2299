// What a request line asks for (RFC 4825 section 6): the one document there is, whose it is, or
// nothing. One pass over the path; escapes are resolved once, within their segment, so that none of
// them can make a separator. It knows no store and no identity.

/** Application usage of the list (OMA-TS-IM_XDM, spec.md 4.1). */
export const deferredListUsage = 'org.openmobilealliance.deferred-list';

/** Characters of a request target that is read at all. */
export const targetCharactersMax = 2_048;

export type Address =
  /** Somebody's list; `user` is the XUI as written, its escapes resolved. */
  | { readonly kind: 'list'; readonly user: string }
  /** Within the tree of a user, but no document of ours. */
  | { readonly kind: 'none'; readonly user: string }
  /** Nothing of ours. */
  | { readonly kind: 'elsewhere' };

const elsewhere: Address = { kind: 'elsewhere' };

/** Reads `<root>/org.openmobilealliance.deferred-list/users/<XUI>/deferred-list`. */
export function readAddress(target: string, root: string): Address {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const prefix = prefixOf(root);
  if (!path.startsWith(prefix)) return elsewhere;
  const segments = path.slice(prefix.length).split('/').map(unescapeSegment);
  const [usage, tree, user, document, ...more] = segments;
  if (usage !== deferredListUsage || tree !== 'users') return elsewhere;
  if (user === null || user === undefined || user === '') return elsewhere;
  const whole = document === 'deferred-list' && more.length === 0 && question < 0;
  return { kind: whole ? 'list' : 'none', user };
}

/** `/`, or `/xcap/`, however the root is written. */
function prefixOf(root: string): string {
  const inner = root.split('/').filter((part) => part !== '');
  return inner.length === 0 ? '/' : `/${inner.join('/')}/`;
}

/** A segment without its escapes; null when one of them is no UTF-8. */
function unescapeSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
