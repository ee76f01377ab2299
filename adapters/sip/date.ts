// The dates of this protocol family: SIP-date (RFC 3261 section 20.17: RFC 1123 form, always GMT)
// and the UTC form of RFC 3339 that CPIM and IMDN write. Reads only the exact form, since
// Date.parse takes almost anything.
import { readDigits } from './octets.js';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/**
 * `Tue, 01 Aug 2006 10:00:00 GMT` in epoch milliseconds; null for every other form, also for a
 * wrong weekday.
 */
export function parseSipDate(value: string): number | null {
  if (value.length !== 29) return null;
  const year = readDigits(value.slice(12, 16), 4);
  const ms = year === null || year < 1970 ? null : timeOf(value, year);
  // Writing it again catches the 31st of June, hour 24, a wrong weekday and every stray character
  // at once.
  return ms !== null && formatSipDate(ms) === value ? ms : null;
}

function timeOf(value: string, year: number): number | null {
  const month = months.indexOf(value.slice(8, 11));
  const numbers = [5, 17, 20, 23].map((at) => readDigits(value.slice(at, at + 2), 2));
  const [day, hour, minute, second] = numbers;
  if (month < 0 || day == null || hour == null || minute == null || second == null) return null;
  return Date.UTC(year, month, day, hour, minute, second);
}

/** The SIP-date of an instant, cut to whole seconds. */
export function formatSipDate(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${days[date.getUTCDay()]}, ${two(date.getUTCDate())} ${months[date.getUTCMonth()]}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${day} ${String(date.getUTCFullYear()).padStart(4, '0')} ${time} GMT`;
}

/** `2006-08-01T10:00:00Z`, cut to whole seconds. */
export function formatIsoDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
