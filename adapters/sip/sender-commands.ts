// What a sender asks about a message of his: to take it back, or what has become of it. Withdrawals come in the form of
// RCS, a MESSAGE whose content is `application/vnd.gsma.rcsrevoke+xml`, bare or inside CPIM; both come as JSON to the
// service URI. Invariant: who asks is the identity the proxy asserted; the body says which message, never whose.
import { commandType } from './commands.js';
import { explore } from './explored.js';
import { type Failed, failed, type Refusal, refusal } from './finding.js';
import { parseJson } from './json.js';
import { commandOctetsMax, sentIdCharactersMax } from './limits.js';
import { readMessage } from './message.js';
import { asBuffer, decode, hasControls } from './octets.js';
import { bareUri, canonicalAor } from './uri.js';
import { readXml, type XmlElement } from './xml.js';

/** Content type of a withdrawal as RCS clients write it. */
export const revokeType = 'application/vnd.gsma.rcsrevoke+xml';

/** How both types begin that a sender's command may have. */
const vendorTree = 'application/vnd.';

/** User part of the service URI; no served user is called so. */
const serviceUser = 'sip:deferred@';

export interface SenderCommand {
  readonly op: 'status' | 'withdraw';
  /** How the result is written. */
  readonly form: 'json' | 'rcs';
  /** `imdn.Message-ID` the message was sent with. */
  readonly imdnMessageId: string;
  /** Canonical AOR of its recipient. */
  readonly recipient: string;
  readonly callId: string;
}

export type SenderReading = { readonly ok: true; readonly command: SenderCommand } | Refusal;

/** Reads what a sender asks; null when the request is something else. Never throws. */
export function readSenderCommand(
  octets: Uint8Array,
  asserted: string | null,
): SenderReading | null {
  // Asked of every message that is to be stored: nearly all of them are done with here.
  if (!asBuffer(octets).includes(vendorTree, 0, 'latin1')) return null;
  const read = readMessage(octets, asserted);
  if (!read.ok) return null;
  const { message } = read;
  const body = octets.subarray(message.bodyOffset);
  const parsed =
    message.contentType === commandType ? fromJson(body) : fromRcs(body, message.contentType);
  if (parsed === null) return null;
  const offset = message.bodyOffset;
  if (message.asserted === null)
    return refusal(403, { code: 'not-asserted', message: 'no asserted identity', offset });
  if (!parsed.ok) return refusal(400, parsed.finding);
  const named = parsed.recipient ?? (message.aor.startsWith(serviceUser) ? '' : message.aor);
  const recipient = canonicalAor(named);
  if (recipient === null)
    return refusal(400, { code: 'recipient', message: 'no recipient is named', offset });
  const { op, form, imdnMessageId } = parsed;
  return { ok: true, command: { op, form, imdnMessageId, recipient, callId: message.callId } };
}

interface Asked extends Pick<SenderCommand, 'op' | 'form' | 'imdnMessageId'> {
  readonly ok: true;
  /** URI, or null: the request's own target. */
  readonly recipient: string | null;
}

/** `{"v":1,"op":"status"|"withdraw","messageId":…,"recipient":…}`; null for the other commands. */
function fromJson(body: Uint8Array): Asked | Failed | null {
  const text = body.length > commandOctetsMax ? null : decode(body, 0, body.length);
  const json = text === null ? null : parseJson(text);
  if (json === null || !json.ok || typeof json.value !== 'object' || json.value === null)
    return null;
  const members = new Map<string, unknown>(Object.entries(json.value));
  const op = members.get('op');
  if (op !== 'status' && op !== 'withdraw') return null;
  if (members.get('v') !== 1) return failed('command-version', 'unknown command version', 0);
  const imdnMessageId = messageIdOf(members.get('messageId'));
  if (imdnMessageId === null) return failed('command-message-id', 'malformed messageId', 0);
  const recipient = members.get('recipient') ?? null;
  if (recipient !== null && typeof recipient !== 'string')
    return failed('command-recipient', 'malformed recipient', 0);
  return { ok: true, op, form: 'json', imdnMessageId, recipient };
}

function fromRcs(body: Uint8Array, contentType: string): Asked | Failed | null {
  if (contentType === revokeType) return readRevoke(body, null);
  if (contentType !== 'message/cpim') return null;
  const { envelope } = explore(body, contentType);
  const content = envelope?.content ?? null;
  if (content?.media?.type !== revokeType || content.encoded) return null;
  const to = envelope?.headers.find((header) => header.name === 'To')?.value ?? '';
  return readRevoke(body.subarray(content.start, content.end), bareUri(to));
}

/**
 * The names of its elements are not published with the type: whatever its root is called, the child that is called
 * Message-ID says which message, and To, if there, whose mailbox (docs/adr/0024-withdrawal.md).
 */
function readRevoke(body: Uint8Array, to: string | null): Asked | Failed {
  const xml = readXml(body);
  if (!xml.ok) return xml;
  const imdnMessageId = messageIdOf(childOf(xml.root, 'message-id'));
  if (imdnMessageId === null) return failed('revoke', 'no Message-ID in the withdrawal', 0);
  const written = childOf(xml.root, 'to') ?? to;
  const recipient = written === null ? null : (bareUri(written) ?? written);
  return { ok: true, op: 'withdraw', form: 'rcs', imdnMessageId, recipient };
}

function childOf(root: XmlElement, name: string): string | null {
  const child = root.children.find((each) => each.name.toLowerCase() === name);
  return child === undefined ? null : child.text.trim();
}

function messageIdOf(value: unknown): string | null {
  if (typeof value !== 'string' || value.length === 0 || value.length > sentIdCharactersMax)
    return null;
  return hasControls(value) || value.includes(' ') ? null : value;
}
