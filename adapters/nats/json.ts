// Foreign JSON, looked at before it is believed: octets, UTF-8 and nesting first, then the parse,
// then names that could reach a prototype (P4, P5, F10). Must not know what the values mean.
import { fail, type Parsed, readUtf8 } from './fields.js';
import { natsLimits } from './limits.js';

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function readJson(
  payload: Uint8Array,
  bytesMax: number = natsLimits.jsonRequestBytesMax,
): Parsed<unknown> {
  if (payload.length > bytesMax) return fail('json-too-long', `more than ${bytesMax} octets`);
  const text = readUtf8(payload);
  if (text === undefined) return fail('json-not-utf8', 'the payload is not UTF-8');
  const deep = depthFinding(text);
  if (deep >= 0) return fail('json-too-deep', `nested beyond ${natsLimits.jsonDepthMax}`, deep);
  return parse(text);
}

function parse(text: string): Parsed<unknown> {
  let found = false;
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      if (forbidden.has(key)) found = true;
      return inner;
    });
    return found
      ? fail('json-name-forbidden', 'a member name is not allowed')
      : { ok: true, value };
  } catch {
    return fail('json-malformed', 'the payload is not JSON');
  }
}

/** Where nesting first exceeds the bound, or -1. Brackets within strings do not count. */
function depthFinding(text: string): number {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > natsLimits.jsonDepthMax) return i;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return -1;
}
