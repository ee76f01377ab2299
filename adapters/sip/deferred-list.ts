// The metadata list of a user's waiting messages as OMA's XML document (spec.md 4.1, F6). Invariant:
// the text of users never breaks out of its element, and nothing names a sender who asked for
// privacy: the rows come without him.
import type { ListedMessage } from '../../runtime/index.js';
import { formatIsoDate } from './date.js';
import { escapeXml } from './imdn.js';

/** Media type of the document. */
export const deferredListType = 'application/vnd.oma.im.deferred-list+xml';

const namespace = 'urn:oma:xml:im:history-list';

export interface ListStyle {
  /** One element on each line, as for people; without it the document is as short as it can be. */
  readonly pretty?: boolean;
  /** Without subjects, where octets are dear. */
  readonly subjects?: boolean;
}

/** The whole document, lines ended by CRLF. */
export function writeDeferredList(
  rows: readonly ListedMessage[],
  { pretty = true, subjects = true }: ListStyle = {},
): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<history-list xmlns="${namespace}">`,
    ...rows.flatMap((row) => rowLines(row, subjects)),
    '</history-list>',
  ];
  return pretty ? lines.join('\r\n') : lines.map((line) => line.trimStart()).join('');
}

// The reference is written as a URI, with its scheme (spec.md 2.4).
function rowLines(row: ListedMessage, subjects: boolean): string[] {
  const { deferredId, contentOctets, expiresAtMs, subject } = row;
  return [
    `  <history history-reference="sip:${escapeXml(deferredId)}">`,
    element(4, 'size', String(contentOctets)),
    ...(expiresAtMs === null ? [] : [element(4, 'expiry', formatIsoDate(expiresAtMs))]),
    ...(subject === null || !subjects ? [] : [element(4, 'subject', subject)]),
    '    <pager>',
    element(6, 'time-stamp', formatIsoDate(row.sentAtMs ?? row.receivedAtMs)),
    ...(row.fromUri === null ? [] : [element(6, 'from', row.fromUri)]),
    element(6, 'to', row.to),
    ...(row.authId === null ? [] : [element(6, 'auth-id', row.authId)]),
    '    </pager>',
    '  </history>',
  ];
}

const element = (indent: number, name: string, text: string): string =>
  `${' '.repeat(indent)}<${name}>${escapeXml(text)}</${name}>`;
