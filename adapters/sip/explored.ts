// Walks a body down through multiparts and envelopes, within the bounds of limits.ts, and tells what it holds:
// the first readable CPIM envelope, IMDN documents, signatures, encryption. What is encoded or encrypted is not entered.
import { type CpimEnvelope, readEnvelope } from './cpim-envelope.js';
import type { Finding } from './finding.js';
import { multipartDepthMax, multipartPartsMax } from './limits.js';
import { type Entity, mediaType, partsOf } from './mime.js';

/** What a body turned out to hold. */
export interface Explored {
  /** The first readable CPIM envelope. */
  envelope: CpimEnvelope | null;
  /** What is wrong with the first part that says it is one. */
  unreadable: Finding | null;
  isImdn: boolean;
  encrypted: boolean;
  signed: boolean;
  /** Where IMDN documents stand, in order, and the disposition each of them goes by. */
  readonly imdns: { readonly entity: Entity; readonly disposition: string | null }[];
  partsLeft: number;
}

/** Walks a body down to its CPIM envelope and into it, within the bounds of limits.ts. */
export function explore(body: Uint8Array, contentType: string): Explored {
  const found: Explored = {
    envelope: null,
    unreadable: null,
    isImdn: false,
    encrypted: false,
    signed: false,
    imdns: [],
    partsLeft: multipartPartsMax,
  };
  const media = mediaType(contentType);
  const whole = { media, disposition: null, encoded: false, start: 0, end: body.length };
  walk(body, whole, { found, depth: 0, disposition: null });
  return found;
}

interface Walk {
  readonly found: Explored;
  readonly depth: number;
  /**
   * The Content-Disposition that holds for what lies below (RFC 5438 section 8.3: on the whole
   * multipart).
   */
  readonly disposition: string | null;
}

function walk(body: Uint8Array, entity: Entity, way: Walk): void {
  const { found } = way;
  const type = entity.media?.type ?? '';
  const disposition = entity.disposition ?? way.disposition;
  mark(found, type, entity);
  if (entity.encoded) return;
  if (type === 'message/imdn+xml') found.imdns.push({ entity, disposition });
  if (way.depth >= multipartDepthMax) return;
  const below = { found, depth: way.depth + 1, disposition };
  if (type === 'message/cpim' && found.envelope === null) {
    const read = readEnvelope(body, entity.start, entity.end);
    found.envelope = 'ok' in read ? null : read;
    found.unreadable ??= 'ok' in read ? read.finding : emptiness(read, entity.start);
    const content = found.envelope?.content ?? null;
    if (content !== null) walk(body, content, below);
  }
  if (!type.startsWith('multipart/') || type === 'multipart/encrypted') return;
  for (const part of partsOf(body, entity)) {
    if (found.partsLeft-- <= 0) return;
    walk(body, part, below);
  }
}

function mark(found: Explored, type: string, entity: Entity): void {
  switch (type) {
    case 'message/imdn+xml':
      found.isImdn = true;
      return;
    case 'multipart/signed':
    case 'application/pkcs7-signature':
    case 'application/x-pkcs7-signature':
    case 'application/pgp-signature':
      found.signed = true;
      return;
    case 'multipart/encrypted':
    case 'application/pgp-encrypted':
      found.encrypted = true;
      return;
    case 'application/pkcs7-mime':
    case 'application/x-pkcs7-mime':
      markSmime(found, entity.media?.params.get('smime-type') ?? '');
  }
}

/**
 * RFC 8551 section 3.2: without smime-type, or with one we do not know, the content is taken for
 * encrypted.
 */
function markSmime(found: Explored, smimeType: string): void {
  const kind = smimeType.toLowerCase();
  if (kind === 'signed-data' || kind === 'certs-only') found.signed = true;
  else found.encrypted = true;
}

// A block without one header of a known namespace says nothing: not even From and To (RFC 3862 section 2.2).
function emptiness({ headers }: CpimEnvelope, start: number): Finding | null {
  if (headers.length > 0) return null;
  return {
    code: 'no-cpim-header',
    message: 'no line of the block is a CPIM header',
    offset: start,
  };
}
