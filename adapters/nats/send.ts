// From request parts to the send line. Lengths are counted here and nowhere else.
import type { SipRequestParts } from './codec.js';
import type { Parsed } from './fields.js';
import { sendLine } from './lines.js';

export function formatSend(
  node: string,
  effectId: string,
  token: string,
  parts: SipRequestParts,
): Parsed<string> {
  const { method, ruri, nextHop, headers, body, fromName } = parts;
  return sendLine.format({
    node,
    effectId,
    token,
    ruri,
    nextHop,
    headersBytes: Buffer.byteLength(headers),
    bodyBytes: body.length,
    headers,
    body,
    fromName,
    ...(method === undefined ? {} : { method }),
  });
}
