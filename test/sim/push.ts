// A MESSAGE of the engine's as a proxy reads it off the bus: the few fields the simulation looks at.
import type { OutgoingDelivery } from '../../runtime/index.js';

export interface Push {
  readonly node: string;
  readonly effectId: string;
  readonly token: string;
  readonly ruri: string;
  readonly callId: string;
  readonly cseq: number;
  readonly messageId: string;
  readonly body: string;
}

export type Answered = (code: number) => void;

const decoded = (field: string): string =>
  field === '-' ? '' : Buffer.from(field, 'base64').toString();

// The model reads a line when it is sent, a proxy once more when it arrives.
let lastLine = '';
let lastRead: Push | null = null;

/** `v1 NODE EFFECTID TOKEN RURI NEXTHOP HLEN BLEN HEADERS BODY FROMNAME`. */
export function readSend(line: string): Push {
  if (lastRead === null || line !== lastLine) {
    lastRead = read(line);
    lastLine = line;
  }
  return lastRead;
}

function read(line: string): Push {
  const fields = line.split(' ');
  const [, node = '', effectId = '', token = '', ruri = '', , , , headers = '', body = ''] = fields;
  const [callId = '', cseq = '', , messageId = ''] = decoded(headers)
    .split('\r\n')
    .map((header) => header.slice(header.indexOf(' ') + 1));
  return {
    ...{ node, effectId, token, callId, messageId },
    ruri: decoded(ruri),
    cseq: Number.parseInt(cseq, 10),
    body: decoded(body),
  };
}

/** The local id within an effect id. */
export const localOfEffect = (effectId: string): string => effectId.split('-')[1] ?? '';

/** What a notice says: how many messages wait, and which. */
export const noticeBody = (waiting: number, ids: readonly string[]): string =>
  [String(waiting), ...ids].join(' ');

export function readNotice({ body }: Push): {
  readonly waiting: number;
  readonly ids: readonly string[];
} {
  const [waiting = '', ...ids] = body.split(' ');
  return { waiting: Number(waiting), ids };
}

/** A large message on its way to a phone: it goes over no bus. */
export const pushOf = (effect: OutgoingDelivery): Push => ({
  node: 'leg',
  effectId: effect.effectId,
  token: effect.token,
  ruri: effect.message.aor,
  callId: effect.callId,
  cseq: effect.cseq,
  messageId: effect.message.cpim?.imdnMessageId ?? '-',
  body: Buffer.from(effect.octets.subarray(effect.message.bodyOffset)).toString(),
});
