// A dialog (RFC 3261 section 12): the names of both sides, the way to the other one, and the numbers of requests.
// Made by the answer to an INVITE; what it says is put into each request of ours within it.
import type { Place } from './link.js';
import {
  contactOf,
  type HeaderLine,
  type HeardRequest,
  type HeardResponse,
  linesOf,
  routesOf,
} from './wire.js';

export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From of our requests, with our tag. */
  readonly local: string;
  /** To of our requests, with the peer's tag. */
  readonly remote: string;
  readonly remoteTarget: string;
  readonly routes: readonly string[];
  /** The proxy: every request of ours goes through it. */
  readonly proxy: Place;
  localSeq: number;
  /** Number of the peer's last request, or null while there was none. */
  remoteSeq: number | null;
}

/** Takes the number of a request of the peer: false when it is not higher than those before (section 12.2.2). */
export function takeNumber(dialog: Dialog, cseq: number): boolean {
  if (dialog.remoteSeq !== null && cseq <= dialog.remoteSeq) return false;
  dialog.remoteSeq = cseq;
  return true;
}

/** Identity of a dialog on our side. */
export const dialogKey = (callId: string, localTag: string, remoteTag: string): string =>
  `${callId} ${localTag} ${remoteTag}`;

const lineOf = (message: HeardRequest | HeardResponse, name: string): string =>
  linesOf(message.headers, [name])[0]?.[1] ?? '';

/** The dialog our 2xx makes (section 12.1.1); null when the INVITE names no way back to its sender. */
export function answeringDialog(
  invite: HeardRequest,
  localTag: string,
  proxy: Place,
): Dialog | null {
  const remoteTarget = contactOf(invite.headers);
  if (remoteTarget === null) return null;
  return {
    callId: invite.callId,
    localTag,
    remoteTag: invite.fromTag,
    local: `${lineOf(invite, 'To')};tag=${localTag}`,
    remote: lineOf(invite, 'From'),
    remoteTarget,
    routes: routesOf(invite.headers, 'record-route'),
    proxy,
    localSeq: 0,
    remoteSeq: invite.cseq,
  };
}

/** The dialog a 2xx to our INVITE makes (section 12.1.2); null when it names no way to its sender. */
export function calledDialog(response: HeardResponse, proxy: Place): Dialog | null {
  const remoteTarget = contactOf(response.headers);
  if (remoteTarget === null) return null;
  return {
    callId: response.callId,
    localTag: response.fromTag,
    remoteTag: response.toTag,
    local: lineOf(response, 'From'),
    remote: lineOf(response, 'To'),
    remoteTarget,
    routes: [...routesOf(response.headers, 'record-route')].reverse(),
    proxy,
    localSeq: response.cseq,
    remoteSeq: null,
  };
}

/** Lines of a request of ours within a dialog (section 12.2.1.1), but for Via. */
export function requestLines(dialog: Dialog, method: string, cseq: number): HeaderLine[] {
  return [
    ['Max-Forwards', '70'],
    ...dialog.routes.map((route): HeaderLine => ['Route', route]),
    ['From', dialog.local],
    ['To', dialog.remote],
    ['Call-ID', dialog.callId],
    ['CSeq', `${cseq} ${method}`],
  ];
}
