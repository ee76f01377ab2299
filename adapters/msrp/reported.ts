// What the other end reports of a message of ours (RFC 4975 section 7.1.2). Behind a relay the answer to a SEND is the
// relay's (section 7.2): only the REPORTs say what has arrived, in any pieces and order, and what has not.
import { byteRange, number, oneValue, readPath } from './fields.js';
import type { RequestHead } from './frame.js';
import { Spans } from './spans.js';

/** The one namespace of status codes that there is. */
const namespace = '000';

/** An honest phone reports what it was sent in pieces; one that leaves thousands of gaps is heard no further. */
const tooManyGaps = 400;

export class Reported {
  private readonly spans = new Spans();
  private heard = false;

  constructor(
    private readonly messageId: string,
    private readonly octets: number,
  ) {}

  /** Every octet has arrived. */
  get whole(): boolean {
    return this.heard && this.spans.covers(this.octets);
  }

  /**
   * Takes a REPORT of a session whose path has these ids. Returns the status that ends the sending, or null: what is
   * reported other than 200, and 400 when what is reported leaves more gaps than are kept.
   */
  take({ headers }: RequestHead, sessionIds: readonly string[]): number | null {
    const from = readPath(oneValue(headers, 'from-path') ?? '')?.at(-1)?.sessionId;
    if (from === undefined || oneValue(headers, 'message-id') !== this.messageId) return null;
    const status = statusOf(oneValue(headers, 'status') ?? '');
    // A relay tells of its own failures (RFC 4976 section 6.4), but nobody's success but the last one's is its arrival.
    if (status !== null && status !== 200) return sessionIds.includes(from) ? status : null;
    return status === 200 && from === sessionIds.at(-1) ? this.arrived(headers) : null;
  }

  private arrived(headers: RequestHead['headers']): number | null {
    const range = byteRange(oneValue(headers, 'byte-range') ?? '');
    if (range === null || range.end === null || range.end > this.octets) return null;
    if (range.total !== null && range.total !== this.octets) return null;
    this.heard = true;
    // A range of nothing says that an empty message is there, and of any other one nothing.
    if (range.end < range.start) return null;
    return this.spans.add(range.start - 1, range.end) ? null : tooManyGaps;
  }
}

// `000 200 OK`: a namespace, a code, and words for people.
function statusOf(value: string): number | null {
  const [space, code = ''] = value.split(' ', 2);
  return space === namespace && code.length === 3 ? number(code, 999) : null;
}
