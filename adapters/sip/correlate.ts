// Reads IMDNs and ties them to the messages a program has sent (RFC 5438 sections 7.1.2 and 9; the
// editor's note of the OMA change request). A pure library function for senders: the engine itself
// never acts on a report, since anybody could forge one (reliability R18).
import { gunzipSync, inflateSync } from 'node:zlib';
import { explore } from './explored.js';
import { type Failed, failed } from './finding.js';
import { requestOctetsMax } from './limits.js';
import { isEncoded } from './mime.js';
import { headerValue, readRequest, type SipRequest } from './request.js';
import { canonicalAor } from './uri.js';
import { readXml, type XmlElement } from './xml.js';

const imdnNamespace = 'urn:ietf:params:xml:ns:imdn';

export type Notification = 'delivery' | 'processing' | 'display';
export type ImdnStatus =
  | 'delivered'
  | 'failed'
  | 'processed'
  | 'stored'
  | 'displayed'
  | 'forbidden'
  | 'error';

/** An IMDN document; all values are the strings it holds. */
export interface Imdn {
  /** RFC 5438, or the form of draft-ietf-simple-imdn-00, which other servers still write. */
  readonly form: 'rfc5438' | 'draft-00';
  /** Null in a document of the draft whose message had none: it cannot be correlated. */
  readonly messageId: string | null;
  readonly dateTime: string;
  readonly recipientUri: string | null;
  readonly originalRecipientUri: string | null;
  readonly subject: string | null;
  readonly notification: Notification;
  readonly status: ImdnStatus;
}

const statuses: Readonly<Record<Notification, readonly ImdnStatus[]>> = {
  delivery: ['delivered', 'failed', 'forbidden', 'error'],
  processing: ['processed', 'stored', 'forbidden', 'error'],
  display: ['displayed', 'forbidden', 'error'],
};

/**
 * Reads one `message/imdn+xml` document of at most 16 KiB, strictly in the order of RFC 5438
 * section 11.1; what tells the draft's form is its end, `disposition` and `status`.
 */
export function readImdn(octets: Uint8Array): { readonly ok: true; readonly imdn: Imdn } | Failed {
  const xml = readXml(octets);
  if (!xml.ok) return xml;
  const { root } = xml;
  if (!isOurs(root, 'imdn')) return failed('not-imdn', 'the root element is not imdn', 0);
  const rest = root.children.filter((child) => child.namespace === imdnNamespace);
  const take = (name: string) => (rest[0]?.name === name ? rest.shift()!.text.trim() : null);
  const messageId = take('message-id');
  const dateTime = take('datetime');
  const recipientUri = take('recipient-uri');
  const originalRecipientUri = take('original-recipient-uri');
  const subject = rest[0]?.name === 'subject' ? rest.shift()!.text : null;
  const result = readResult(rest);
  if (!dateTime || result === null || (!messageId && result.form === 'rfc5438')) {
    return failed('imdn-content', 'an element is missing, unknown or misplaced', 0);
  }
  const uris = { recipientUri, originalRecipientUri };
  return {
    ok: true,
    imdn: { messageId: messageId || null, dateTime, ...uris, subject, ...result },
  };
}

type Result = Pick<Imdn, 'form' | 'notification' | 'status'>;

function readResult(rest: readonly XmlElement[]): Result | null {
  return rest[0]?.name === 'disposition' ? readDraft(rest) : readNotification(rest);
}

/** `disposition`, `status`, and perhaps a `note` (draft-00 section 8). */
function readDraft([disposition, status, ...rest]: readonly XmlElement[]): Result | null {
  const notes = rest.filter((element) => element.name !== 'note');
  if (disposition === undefined || status?.name !== 'status' || notes.length > 0) return null;
  const words = draftWords.get(`${disposition.text.trim()} ${status.text.trim()}`);
  return words === undefined ? null : { form: 'draft-00', ...words };
}

const draftWords: ReadonlyMap<string, Omit<Result, 'form'>> = new Map([
  ['delivery success', { notification: 'delivery', status: 'delivered' }],
  ['delivery failure', { notification: 'delivery', status: 'failed' }],
  ['read success', { notification: 'display', status: 'displayed' }],
  ['read failure', { notification: 'display', status: 'error' }],
]);

function isOurs(element: XmlElement, name: string): boolean {
  return element.namespace === imdnNamespace && element.name === name;
}

/** The one notification element at the end and the status inside it. */
function readNotification(rest: readonly XmlElement[]): Result | null {
  const last = rest[0];
  if (rest.length !== 1 || last === undefined) return null;
  const notification = notificationOf(last.name);
  const status = last.children.find((child) => isOurs(child, 'status'));
  const words = (status?.children ?? []).filter((child) => child.namespace === imdnNamespace);
  if (notification === null || words.length !== 1) return null;
  const word = statuses[notification].find((known) => known === words[0]!.name);
  return word === undefined ? null : { form: 'rfc5438', notification, status: word };
}

function notificationOf(name: string): Notification | null {
  switch (name) {
    case 'delivery-notification':
      return 'delivery';
    case 'processing-notification':
      return 'processing';
    case 'display-notification':
      return 'display';
    default:
      return null;
  }
}

/** A message its sender still remembers. */
export interface SentMessage {
  /** The `imdn.Message-ID` it was sent with. */
  readonly imdnMessageId: string;
  /** URIs it was addressed to; a list counts as one. */
  readonly recipients: readonly string[];
}

export interface ReportMatch {
  readonly imdnMessageId: string;
  /** The entry of `recipients` this report belongs to. */
  readonly sentTo: string;
  /**
   * Who it was that did or did not get the message; null when the report does not tell (hidden
   * lists).
   */
  readonly recipient: string | null;
  readonly notification: Notification;
  readonly status: ImdnStatus;
  readonly dateTime: string;
  readonly subject: string | null;
}

export type Correlation =
  | {
      readonly match: ReportMatch;
      /** Further results of an aggregated report (RFC 5438 section 8.3). */
      readonly further: readonly ReportMatch[];
    }
  | { readonly match: null; readonly reason: CorrelationFailure };

export type CorrelationFailure =
  | 'unreadable'
  | 'not-a-report'
  | 'unknown-message'
  | 'unknown-recipient';

/**
 * Finds the sent message a report is about. `report` is a received SIP MESSAGE, its `message/cpim`
 * body, or a bare `message/imdn+xml` document. An unsolicited or foreign report gives `match: null`
 * with the reason; it never throws.
 */
export function correlate(report: Uint8Array, sent: readonly SentMessage[]): Correlation {
  const documents = documentsOf(report);
  if (typeof documents === 'string') return { match: null, reason: documents };
  const matches: ReportMatch[] = [];
  let reason: CorrelationFailure = 'unreadable';
  for (const document of documents) {
    const read = readImdn(document);
    const found = read.ok ? matchOne(read.imdn, sent) : 'unreadable';
    if (typeof found === 'string') reason = found;
    else matches.push(found);
  }
  const [match, ...further] = matches;
  return match === undefined ? { match: null, reason } : { match, further };
}

/** The IMDN documents in what was received. */
function documentsOf(report: Uint8Array): readonly Uint8Array[] | CorrelationFailure {
  if (report[0] === 0x3c || report[0] === 0xef) return [report];
  const request = readRequest(report);
  const isRequest = request.ok;
  const body = isRequest ? plainBody(report, request.request) : report;
  if (body === null) return 'unreadable';
  const type = isRequest ? (headerValue(request.request, 'content-type') ?? '') : 'message/cpim';
  const found = explore(body, type);
  if (found.envelope === null && found.imdns.length === 0) {
    return isRequest ? 'not-a-report' : 'unreadable';
  }
  // Section 7.1.2: known by Content-Disposition, by type, and by the element inside. Where a server forgot the first,
  // the other two tell it.
  const imdns = found.imdns.filter(
    ({ disposition }) => (disposition ?? 'notification') === 'notification',
  );
  if (imdns.length === 0) return 'not-a-report';
  return imdns.map((imdn) => body.subarray(imdn.entity.start, imdn.entity.end));
}

/**
 * The body before it was compressed, as some clients do with their reports; null when it cannot be had, or is larger
 * than any request.
 */
function plainBody(octets: Uint8Array, request: SipRequest): Uint8Array | null {
  const body = octets.subarray(request.bodyOffset);
  const encoding = headerValue(request, 'content-encoding');
  if (!isEncoded(encoding)) return body;
  const options = { maxOutputLength: requestOctetsMax };
  try {
    switch (encoding?.toLowerCase()) {
      case 'deflate':
        return inflateSync(body, options);
      case 'gzip':
        return gunzipSync(body, options);
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function matchOne(imdn: Imdn, sent: readonly SentMessage[]): ReportMatch | CorrelationFailure {
  const { notification, status, dateTime, subject, recipientUri, messageId } = imdn;
  const messages = sent.filter((each) => each.imdnMessageId === messageId);
  if (messageId === null || messages.length === 0) return 'unknown-message';
  const sentTo = recipientAmong(imdn, messages);
  if (sentTo === null) return 'unknown-recipient';
  const about = { imdnMessageId: messageId, sentTo, recipient: recipientUri };
  return { ...about, notification, status, dateTime, subject };
}

/** One Message-ID may have been sent to several recipients in requests of their own. */
function recipientAmong(imdn: Imdn, messages: readonly SentMessage[]): string | null {
  return recipientOf(imdn, [...new Set(messages.flatMap((each) => each.recipients))]);
}

/**
 * Section 7.1.2: the Message-ID alone for one recipient, the recipient URIs as well for several.
 */
function recipientOf(imdn: Imdn, recipients: readonly string[]): string | null {
  const named =
    sameAs(imdn.recipientUri, recipients) ?? sameAs(imdn.originalRecipientUri, recipients);
  if (named !== null) return named;
  return recipients.length === 1 ? recipients[0]! : null;
}

function sameAs(uri: string | null, recipients: readonly string[]): string | null {
  if (uri === null) return null;
  const wanted = canonicalAor(uri) ?? uri;
  return recipients.find((each) => (canonicalAor(each) ?? each) === wanted) ?? null;
}
