// The part of a session description that a large message needs (RFC 4566, RFC 4975 section 8, RFC 6135): one
// message medium over TCP, with path, types, direction and who opens the connection. Everything else in an offer is
// declined by port 0. One pass over the lines; what cannot be read is null.
import { type MsrpUri, readPath } from './fields.js';
import { type Fingerprint, readFingerprint } from './fingerprint.js';
import { msrpLimits } from './limits.js';

/** Who opens the TCP connection, as `a=setup` says it (RFC 6135 section 4). */
export type Setup = 'active' | 'passive' | 'actpass' | 'holdconn';

/** The message medium of an offer or answer. */
export interface MessageMedium {
  /** Whether it is offered over TLS (`TCP/TLS/MSRP`). */
  readonly secure: boolean;
  /** Of the certificate the peer shows, or null when it says none. */
  readonly fingerprint: Fingerprint | null;
  readonly path: readonly MsrpUri[];
  readonly setup: Setup | null;
  readonly acceptTypes: readonly string[];
  readonly acceptWrappedTypes: readonly string[];
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** The largest message the peer takes, or null. */
  readonly maxSize: number | null;
}

export interface SessionDescription {
  /** Every `m=` line, in order: an answer has as many. */
  readonly mediaLines: readonly string[];
  /** Which of them is the message medium. */
  readonly index: number;
  readonly medium: MessageMedium;
}

const setups = ['active', 'passive', 'actpass', 'holdconn'] as const;
const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;

/** Reads a description; null when it offers no message over MSRP on TCP, or cannot be read. */
export function readSdp(octets: Uint8Array): SessionDescription | null {
  if (octets.length > msrpLimits.sdpOctetsMax) return null;
  const lines = Buffer.from(octets).toString('utf8').split('\n').map(withoutCr);
  if (lines[0] !== 'v=0') return null;
  const sections: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)!.push(line);
  }
  const media = sections.slice(1);
  const index = media.findIndex(([first]) => isMessage(first ?? ''));
  const medium = index === -1 ? null : readMedium(media[index]!, sections[0]!);
  return medium === null ? null : { mediaLines: media.map(([first]) => first!), index, medium };
}

const withoutCr = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

// `m=message 7654 TCP/MSRP *`, or TCP/TLS/MSRP; port 0 is a declined medium.
function isMessage(line: string): boolean {
  const [media, port, proto] = line.slice(2).split(' ');
  const known = ['TCP/MSRP', secureProto].includes(proto?.toUpperCase() ?? '');
  return media === 'message' && port !== '0' && known;
}

const secureProto = 'TCP/TLS/MSRP';

function readMedium(lines: readonly string[], session: readonly string[]): MessageMedium | null {
  const path = readPath(attribute(lines, 'path') ?? '');
  const secure = lines[0]!.split(' ')[2]?.toUpperCase() === secureProto;
  // RFC 4975 section 8.1: protocol and scheme say the same.
  if (path === null || path[0]!.secure !== secure) return null;
  const announced = attribute(lines, 'fingerprint') ?? attribute(session, 'fingerprint');
  const fingerprint = announced === null ? null : readFingerprint(announced);
  // One that cannot be read would vouch for nobody.
  if (announced !== null && fingerprint === null) return null;
  const setup = attribute(lines, 'setup') ?? attribute(session, 'setup');
  const size = attribute(lines, 'max-size') ?? '';
  return {
    ...{ secure, fingerprint },
    path,
    setup: setups.find((one) => one === setup) ?? null,
    acceptTypes: words(attribute(lines, 'accept-types')),
    acceptWrappedTypes: words(attribute(lines, 'accept-wrapped-types')),
    direction: direction(lines) ?? direction(session) ?? 'sendrecv',
    maxSize: /^[0-9]{1,15}$/.test(size) ? Number(size) : null,
  };
}

function attribute(lines: readonly string[], name: string): string | null {
  const start = `a=${name}:`;
  return (
    lines
      .find((line) => line.startsWith(start))
      ?.slice(start.length)
      .trim() ?? null
  );
}

const direction = (lines: readonly string[]) =>
  directions.find((one) => lines.includes(`a=${one}`)) ?? null;

const words = (value: string | null): readonly string[] =>
  (value ?? '')
    .toLowerCase()
    .split(' ')
    .filter((word) => word !== '');

/** Whether the peer takes content of this type, given in lower case without parameters (RFC 4975 section 8.6). */
export function accepts(medium: MessageMedium, type: string): boolean {
  const family = `${type.slice(0, type.indexOf('/'))}/*`;
  return medium.acceptTypes.some((one) => one === '*' || one === type || one === family);
}

/** What our side says of itself. */
export interface OwnMedium {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly setup: Setup | null;
  readonly direction: 'sendonly' | 'recvonly';
  /** The value of our fingerprint attribute, where it is TLS; null for plain TCP. */
  readonly fingerprint: string | null;
  readonly maxSize: number | null;
  /** A number for this description (RFC 4566 section 5.2). */
  readonly sessionNumber: number;
}

/** An offer of one message medium. */
export const writeOffer = (own: OwnMedium): string => described(own, [mediaOf(own)]);

/** The answer to an offer: its message medium taken, all others declined (RFC 3264 section 6). */
export function writeAnswer(offer: SessionDescription, own: OwnMedium): string {
  const media = offer.mediaLines.map((line, at) =>
    at === offer.index ? mediaOf(own) : [declined(line)],
  );
  return described(own, media);
}

function described(own: OwnMedium, media: readonly (readonly string[])[]): string {
  const net = own.host.includes(':') ? 'IP6' : 'IP4';
  const head = [
    'v=0',
    `o=- ${own.sessionNumber} 1 IN ${net} ${own.host}`,
    's=-',
    `c=IN ${net} ${own.host}`,
    't=0 0',
  ];
  return [...head, ...media.flat(), ''].join('\r\n');
}

const mediaOf = (own: OwnMedium): readonly string[] => [
  `m=message ${own.port} ${own.fingerprint === null ? 'TCP/MSRP' : secureProto} *`,
  'a=accept-types:message/cpim *',
  'a=accept-wrapped-types:*',
  `a=${own.direction}`,
  ...(own.setup === null ? [] : [`a=setup:${own.setup}`]),
  ...(own.maxSize === null ? [] : [`a=max-size:${own.maxSize}`]),
  ...(own.fingerprint === null ? [] : [`a=fingerprint:${own.fingerprint}`]),
  `a=path:${own.path}`,
];

function declined(line: string): string {
  const [media, , ...rest] = line.split(' ');
  return [media, '0', ...rest].join(' ');
}
