// Writes IMDN documents (RFC 5438 section 11.1) and the CPIM message that carries one (section
// 7.2.1), by template. Invariant: no value can break out of its place. XML text is escaped, CPIM
// values hold no line break, and what is written passes test/fixtures/imdn.rng. Only the form of
// RFC 5438 is written, never that of the drafts.
import type { Message, Subject } from '../../machines/index.js';
import { formatIsoDate } from './date.js';
import { hasControls, hexDigitAt } from './octets.js';
import { bareUri, canonicalAor, isPlainUri } from './uri.js';

export type ImdnNotification =
  | { readonly notification: 'delivery'; readonly status: 'failed' | 'error' | 'forbidden' }
  | { readonly notification: 'processing'; readonly status: 'stored' | 'processed' };

/** What an IMDN says about the message it reports on. */
export interface ImdnFacts {
  /** `imdn.Message-ID` of the stored message, byte for byte. */
  readonly messageId: string;
  readonly dateTime: string;
  readonly recipientUri: string;
  readonly originalRecipientUri: string;
  readonly subject: Subject | null;
}

/** Headers of the CPIM message around it. */
export interface ReportEnvelope {
  readonly from: string;
  readonly to: string;
  readonly imdnMessageId: string;
  readonly dateTime: string;
  /** IMDN-Route entries, top first. */
  readonly routes: readonly string[];
}

const crlf = '\r\n';

/** The XML of an IMDN, without a line end after the last tag. */
export function writeImdn(facts: ImdnFacts, result: ImdnNotification): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
    `  <message-id>${escapeXml(facts.messageId)}</message-id>`,
    `  <datetime>${escapeXml(facts.dateTime)}</datetime>`,
    `  <recipient-uri>${escapeXml(facts.recipientUri)}</recipient-uri>`,
    `  <original-recipient-uri>${escapeXml(facts.originalRecipientUri)}</original-recipient-uri>`,
    ...subjectLines(facts.subject),
    `  <${result.notification}-notification>`,
    '    <status>',
    `      <${result.status}/>`,
    '    </status>',
    `  </${result.notification}-notification>`,
    '</imdn>',
  ];
  return lines.join(crlf);
}

function subjectLines(subject: Subject | null): string[] {
  if (subject === null) return [];
  // spec.md 6.5: the text of RFC 5438 section 11.1.5 asks for the language, so it goes along as
  // xml:lang.
  const lang = subject.lang === null ? '' : ` xml:lang="${escapeXml(subject.lang)}"`;
  return [`  <subject${lang}>${escapeXml(subject.text)}</subject>`];
}

/** The CPIM message of a report (RFC 5438 sections 7.2.1 and 10): the body of the SIP MESSAGE. */
export function writeReport(envelope: ReportEnvelope, xml: string): Buffer {
  const lines = [
    `From: ${envelope.from}`,
    `To: ${envelope.to}`,
    'NS: imdn <urn:ietf:params:imdn>',
    ...envelope.routes.map((route) => `imdn.IMDN-Route: <${route}>`),
    `imdn.Message-ID: ${envelope.imdnMessageId}`,
    `DateTime: ${envelope.dateTime}`,
    '',
    'Content-Type: message/imdn+xml',
    'Content-Disposition: notification',
    `Content-Length: ${Buffer.byteLength(xml)}`,
    '',
    xml,
  ];
  return Buffer.from(lines.join(crlf), 'utf8');
}

/** What a report says about a stored message, by the rules of spec.md 6.5. */
export function imdnFactsOf(message: Message): ImdnFacts {
  const { cpim } = message;
  const recipientUri = usableUri(bareUri(cpim?.to ?? '')) ?? message.aor;
  return {
    messageId: cpim?.imdnMessageId ?? '',
    dateTime: cpim?.dateTime ?? formatIsoDate(message.dateMs ?? message.receivedAtMs),
    recipientUri,
    // Section 11.1.4: MUST be Original-To if the message had one; the examples repeat the recipient
    // otherwise.
    originalRecipientUri: usableUri(cpim?.originalTo ?? null) ?? recipientUri,
    subject: cpim?.subject ?? null,
  };
}

/**
 * CPIM From of a report: the recipient, under the name the sender gave him if that names the same
 * user.
 */
export function reportFrom(message: Message): string {
  const written = message.cpim?.to ?? null;
  const uri = written === null ? null : bareUri(written);
  const same = uri !== null && canonicalAor(uri) === message.aor;
  return same && isCpimValue(written!) ? written! : `<${message.aor}>`;
}

/** CPIM To of a report: CPIM From of the stored message. */
export function reportTo(message: Message): string {
  const written = message.cpim?.from ?? null;
  const usable = written !== null && bareUri(written) !== null && isCpimValue(written);
  return usable ? written : `<${message.fromUri}>`;
}

const cpimValueCharactersMax = 1024;

function isCpimValue(value: string): boolean {
  return value.length <= cpimValueCharactersMax && !hasControls(value);
}

/** A URI that xsd:anyURI takes as it stands: plain, and every % begins an escape. */
function usableUri(uri: string | null): string | null {
  if (uri === null || !isPlainUri(uri)) return null;
  for (let at = 0; at < uri.length; at++) {
    if ('\\^`{|}[]#'.includes(uri[at]!)) return null;
    if (uri[at] !== '%') continue;
    if (hexDigitAt(uri, at + 1) < 0 || hexDigitAt(uri, at + 2) < 0) return null;
  }
  return uri;
}

/**
 * Text as XML 1.0 content. Tab and line breaks become references, so that they come back as they
 * were; characters XML cannot hold at all (section 2.2: other controls, lone surrogates, U+FFFE and
 * U+FFFF) become U+FFFD.
 */
export function escapeXml(text: string): string {
  let out = '';
  for (const char of text) out += escapeCharacter(char);
  return out;
}

function escapeCharacter(char: string): string {
  switch (char) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    case '\t':
    case '\n':
    case '\r':
      return `&#${char.charCodeAt(0)};`;
  }
  return isXmlCode(char.codePointAt(0)!) ? char : '\ufffd';
}

/** `Char` of XML 1.0 section 2.2, the C1 controls excepted, which no text needs. */
export function isXmlCode(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  if (code >= 0x7f && code <= 0x9f) return false;
  if (code >= 0xd800 && code <= 0xdfff) return false;
  return code !== 0xfffe && code !== 0xffff && code <= 0x10ffff;
}
