// The charging id that came with a request: `icid-value` of P-Charging-Vector (RFC 7315 section 4.6). It is kept as it
// stands, or not at all, for it ties what happens days later to the record of that request.
import { endOfQuoted, hasControls, trimBlanks } from './octets.js';

/** Longer ones are not kept: a charging id is a few dozen characters. */
const charactersMax = 256;

/** The value of `icid-value`, without quotes; null when there is none that can be kept. */
export function parseChargingId(value: string): string | null {
  for (let at = 0; at < value.length; ) {
    const end = endOfParameter(value, at);
    const equals = value.indexOf('=', at);
    if (equals !== -1 && equals < end && isIcid(value.slice(at, equals)))
      return kept(trimBlanks(value.slice(equals + 1, end)));
    at = end + 1;
  }
  return null;
}

const isIcid = (name: string): boolean => trimBlanks(name).toLowerCase() === 'icid-value';

function endOfParameter(value: string, from: number): number {
  let at = from;
  while (at < value.length && value[at] !== ';') {
    at = value[at] === '"' ? endOfQuoted(value, at) : at + 1;
    // A quote that is never closed takes the rest.
    if (at === -1) return value.length;
  }
  return at;
}

function kept(text: string): string | null {
  const quoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const id = quoted ? text.slice(1, -1) : text;
  return id === '' || id.length > charactersMax || hasControls(id) ? null : id;
}
