// The grammar of one SIP response (RFC 3261 section 7.2): status line, then the same header fields and body as in a
// request. Only the leg of large messages hears responses; all others reach the engine as one status code.
import { readFields } from './fields.js';
import { type Failed, failed } from './finding.js';
import { headerOctetsMax, requestOctetsMax } from './limits.js';
import { asBuffer, decode, readDigits } from './octets.js';
import { checkBody, type Header, longName } from './request.js';

export interface SipResponse {
  /** 100 to 699. */
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly bodyOffset: number;
}

/** Reads a whole response. */
export function readResponse(
  given: Uint8Array,
): { readonly ok: true; readonly response: SipResponse } | Failed {
  const octets = asBuffer(given);
  if (octets.length > requestOctetsMax)
    return failed('response-too-large', 'the response is too large', requestOctetsMax);
  const lineEnd = octets.subarray(0, headerOctetsMax).indexOf('\r\n');
  const line = lineEnd === -1 ? null : decode(octets, 0, lineEnd);
  const status = line === null ? null : statusOf(line);
  if (line === null || status === null)
    return failed('status-line', 'the first line is not that of a SIP response', 0);
  const limit = Math.min(octets.length, headerOctetsMax);
  const block = readFields(octets, lineEnd + 2, limit, longName);
  if (!block.ok) return block;
  const headers = block.fields;
  const body = checkBody(headers, octets.length, block.end);
  if (body !== null) return body;
  const reason = line.slice(12);
  return { ok: true, response: { status, reason, headers, bodyOffset: block.end } };
}

// `SIP/2.0 SP 3DIGIT SP reason`.
function statusOf(line: string): number | null {
  if (line.slice(0, 8).toUpperCase() !== 'SIP/2.0 ' || line.length < 12 || line[11] !== ' ')
    return null;
  const status = readDigits(line.slice(8, 11), 3);
  return status !== null && status >= 100 && status <= 699 ? status : null;
}
