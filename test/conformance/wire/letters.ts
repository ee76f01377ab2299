// What the agents of the wire tests write and read: messages in CPIM with a request for reports,
// and the reports that come back, taken apart with the library's own `correlate`. Not a test file.
// It knows no engine and no proxy.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { validateXML } from 'xmllint-wasm';
import type {
  OutgoingMessage,
  SipAgent,
  SipRequest,
} from '../../../adapters/cli/stage/sip-agent.js';
import type { HeaderFields } from '../../../adapters/cli/stage/sip-text.js';
import { correlate, type SentMessage } from '../../../adapters/compose.js';

export interface Writing {
  /** The sender's IMDN Message-ID; a random one by default. */
  readonly id?: string;
  /** Disposition-Notification; negative-delivery by default, null for none. */
  readonly asks?: string | null;
  readonly text?: string;
  readonly subject?: string;
  /** CPIM From; the sender by default. */
  readonly cpimFrom?: string;
  /** IMDN-Record-Route, top first. */
  readonly routes?: readonly string[];
  /** Content with its own MIME headers, in place of the text. */
  readonly content?: string;
  readonly headers?: HeaderFields;
}

/** A message that can be sent, and what its sender remembers of it. */
export interface Letter extends OutgoingMessage, SentMessage {
  readonly body: string;
}

export const dateTime = '2006-08-01T10:00:00Z';

/** A CPIM message from one agent to another, F1 with changes. */
export function letter(
  from: SipAgent,
  to: Pick<SipAgent, 'user' | 'uri'>,
  writing: Writing = {},
): Letter {
  const { id = randomBytes(12).toString('base64url'), asks = 'negative-delivery' } = writing;
  const { text = `Hello ${to.user}, are we still on for lunch?`, subject = 'Lunch' } = writing;
  const lines = [
    `From: Alice <${writing.cpimFrom ?? from.uri}>`,
    `To: Bob <${to.uri}>`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${id}`,
    `DateTime: ${dateTime}`,
    ...(asks === null ? [] : [`imdn.Disposition-Notification: ${asks}`]),
    ...(writing.routes ?? []).map((route) => `imdn.IMDN-Record-Route: <${route}>`),
    `Subject: ${subject}`,
    '',
    writing.content ?? `Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`,
  ];
  return {
    to: to.uri,
    contentType: 'message/cpim',
    body: lines.join('\r\n'),
    headers: writing.headers ?? {},
    imdnMessageId: id,
    recipients: [to.uri],
  };
}

/** The reports among what an agent received. */
export function reportsTo(agent: SipAgent): readonly SipRequest[] {
  return agent.received.filter((request) => request.body.includes('message/imdn+xml'));
}

/** The sent messages that reports are about, in the order of the reports; `?` matches none. */
export function reported(agent: SipAgent, sent: readonly SentMessage[]): readonly string[] {
  return reportsTo(agent).map((report) => {
    const { match } = correlate(report.octets, sent);
    return match === null ? '?' : `${match.imdnMessageId} ${match.status}`;
  });
}

/** What `reported` says of messages that failed. */
export const failed = (...sent: readonly SentMessage[]): readonly string[] =>
  sent.map((one) => `${one.imdnMessageId} failed`);

/** The IMDN document of a report. */
export function documentOf(report: SipRequest): string {
  const text = report.body.toString('utf8');
  return text.slice(text.indexOf('<?xml'));
}

const schema = readFileSync(new URL('../../fixtures/imdn.rng', import.meta.url), 'utf8');

/** What the grammar of RFC 5438 has against a document; nothing when it is valid. */
export async function faultsOf(contents: string): Promise<readonly string[]> {
  const xml = [{ fileName: 'report.xml', contents }];
  const result = await validateXML({ xml, schema, extension: 'relaxng' });
  return result.errors.map((error) => error.rawMessage);
}

/** A user command as the service URI takes it. */
export function command(body: object): OutgoingMessage {
  return {
    to: 'sip:deferred@example.org',
    contentType: 'application/vnd.deferred-im.command+json',
    body: JSON.stringify({ v: 1, ...body }),
  };
}

/** True for the result of a user command. */
export const isResult = (request: SipRequest): boolean =>
  request.header('Content-Type') === 'application/vnd.deferred-im.result+json';

/** The results of user commands among what an agent received. */
export const resultsTo = (agent: SipAgent): readonly Readonly<Record<string, unknown>>[] =>
  agent.received
    .filter(isResult)
    .map((one) => JSON.parse(one.body.toString('utf8')) as Record<string, unknown>);

/** Everything else that an agent received. */
export const messagesTo = (agent: SipAgent): readonly SipRequest[] =>
  agent.received.filter((one) => !isResult(one));
