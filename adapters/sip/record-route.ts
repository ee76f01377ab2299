// Our IMDN-Record-Route on a message we deliver, so that its disposition notifications come back through this store (RFC
// 5438 section 8). Invariant: one line more, and nothing else changes; signed content not at all (section 14.1).
import { readCpim } from './cpim.js';
import { explore } from './explored.js';
import { bodyOctetsMax, messageOctetsMax } from './limits.js';

/** Where a message goes, and by what: a request with so many octets beside its body, or a session, which takes any size. */
export type Routing = { readonly route: string } & (
  | { readonly otherOctets: number }
  | { readonly session: true }
);

/**
 * The body of a delivery with our IMDN-Record-Route on top; null where none belongs: nobody asked for notifications, the
 * content is signed, encrypted or one itself, or the line would push the request over a size it keeps to.
 */
export function recordRouted(
  body: Uint8Array,
  contentType: string,
  { route, ...carrier }: Routing,
): Buffer | null {
  if (contentType !== 'message/cpim') return null;
  const { facts } = readCpim(body, contentType);
  if (facts === null || facts.dispositions.length === 0) return null;
  if (facts.signed || facts.encrypted || facts.isImdn) return null;
  const at = explore(body, contentType).envelope?.imdnFrom ?? null;
  if (at === null) return null;
  const name = at.prefix === '' ? 'IMDN-Record-Route' : `${at.prefix}.IMDN-Record-Route`;
  const line = Buffer.from(`${name}: <${route}>\r\n`, 'utf8');
  if ('otherOctets' in carrier && outgrows(body.length, line.length, carrier.otherOctets))
    return null;
  return Buffer.concat([body.subarray(0, at.at), line, body.subarray(at.at)]);
}

// A message that fits into a MESSAGE over UDP still does, and none grows beyond what is taken in.
function outgrows(octets: number, lineOctets: number, otherOctets: number): boolean {
  const before = octets + otherOctets;
  const tips = before <= messageOctetsMax && before + lineOctets > messageOctetsMax;
  return tips || octets + lineOctets > bodyOctetsMax;
}
