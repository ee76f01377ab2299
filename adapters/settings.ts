// Every setting in one table: its type, unit, default and meaning. How values are found, merged and checked is
// config.ts; docs/reference/config.md is made from this table.
import { shippedPolicyIds } from '../machines/index.js';
import { serverUrlFinding } from './nats/index.js';
import {
  domainCheck,
  hostCheck,
  mediaTypeCheck,
  networkCheck,
  sipUriCheck,
  usersCheck,
} from './setting-checks.js';

/** What a value may be. */
export type SettingType =
  | { readonly kind: 'text' }
  | { readonly kind: 'texts' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'switch' }
  | { readonly kind: 'choice'; readonly values: readonly string[] };

/** One setting. */
export interface Setting {
  readonly type: SettingType;
  /** Undefined: no value; such a setting is optional, unless `required`. */
  readonly default?: string | readonly string[] | number | boolean;
  readonly required?: boolean;
  /** What else a text, or each text of a list, must satisfy: null, or what is wrong. */
  readonly check?: (value: string) => string | null;
  readonly meaning: string;
}

const text = { kind: 'text' } as const;
const texts = { kind: 'texts' } as const;
const flag = { kind: 'switch' } as const;
const integer = (min: number, max: number) => ({ kind: 'integer', min, max }) as const;
const choice = (...values: string[]) => ({ kind: 'choice', values }) as const;

/** Every setting, by the dotted path it has in the file. */
export const settingsTable = {
  folder: {
    type: text,
    required: true,
    meaning: 'Data folder; made with mode 0700 when it is missing.',
  },
  watermarkFolder: {
    type: text,
    meaning:
      'Where the commit watermark is kept, best on another volume. Default: `<folder>.watermark`.',
  },
  host: {
    type: text,
    required: true,
    check: hostCheck,
    meaning: 'Right side of every deferred Message-ID: message-store host and operator domain.',
  },
  policy: {
    type: choice(...shippedPolicyIds),
    default: 'delete-and-report',
    meaning: 'Shipped policy a new store begins with.',
  },
  'nats.servers': {
    type: texts,
    default: ['nats://127.0.0.1:4222'],
    check: serverUrlFinding,
    meaning: 'NATS servers.',
  },
  'nats.user': { type: text, meaning: 'NATS user.' },
  'nats.passwordFile': { type: text, meaning: 'File that holds the NATS password.' },
  'nats.credentialsFile': { type: text, meaning: 'NATS credentials file (JWT and nkey seed).' },
  'nats.nkeySeedFile': { type: text, meaning: 'File that holds an nkey seed.' },
  'nats.tls.caFile': { type: text, meaning: 'CA certificate of the NATS servers.' },
  'nats.tls.certFile': { type: text, meaning: 'Client certificate.' },
  'nats.tls.keyFile': { type: text, meaning: 'Key of the client certificate.' },
  'nats.allowPlain': {
    type: flag,
    default: false,
    meaning: 'Speak to NATS servers beyond this host without TLS.',
  },
  'http.address': {
    type: choice('127.0.0.1', '::1'),
    default: '127.0.0.1',
    meaning: 'Loopback address of /metrics, /healthz and /readyz.',
  },
  'http.port': {
    type: integer(0, 65_535),
    default: 9464,
    meaning: 'Port of /metrics, /healthz and /readyz; 0 for a free one.',
  },
  'xcap.port': {
    type: integer(0, 65_535),
    meaning:
      'Port of the deferred-list document over HTTP (XCAP); 0 for a free one. Not set: there is none.',
  },
  'xcap.address': {
    type: text,
    default: '127.0.0.1',
    meaning: 'Address of it. Beyond loopback only with `xcap.secretFile`.',
  },
  'xcap.root': {
    type: text,
    default: '/',
    meaning: 'XCAP root: the path before `org.openmobilealliance.deferred-list`.',
  },
  'xcap.secretFile': {
    type: text,
    meaning:
      'File with the secret its front shows as `Authorization: Bearer`. Without it whoever reaches the port is the front.',
  },
  'quota.mailboxMessages': {
    type: integer(1, 1_000_000),
    default: 1000,
    meaning: 'Messages that may wait for one recipient.',
  },
  'quota.mailboxOctets': {
    type: integer(1000, 1_099_511_627_776),
    default: 33_554_432,
    meaning: 'Octets that may wait for one recipient.',
  },
  'quota.pairMessages': {
    type: integer(1, 1_000_000),
    default: 200,
    meaning: 'Messages of one sender that may wait for one recipient.',
  },
  'quota.strangersPercent': {
    type: integer(1, 100),
    default: 100,
    meaning:
      'How much of a mailbox all senders together may fill whom its user has not named by a rule that stores.',
  },
  'quota.atLimit': {
    type: choice('refuse', 'drop-oldest'),
    default: 'refuse',
    meaning: 'At any of these limits: refuse the new message, or drop the oldest ones in its way.',
  },
  'quota.freeOctets': {
    type: integer(0, 1_099_511_627_776),
    default: 67_108_864,
    meaning: 'Free octets on the volume below which nothing new is stored.',
  },
  'quota.messageOctets': {
    type: integer(1000, 1_099_511_627_776),
    meaning: 'Octets of one message that may be stored. Default: as many as can be taken in.',
  },
  'storage.domains': {
    type: texts,
    default: [],
    check: domainCheck,
    meaning: 'Domains of the users who are served; others hear 404. None: the proxy alone decides.',
  },
  'storage.permitted': {
    type: flag,
    default: true,
    meaning: "The operator's permission to store messages for users who are away.",
  },
  'storage.exceptFor': {
    type: texts,
    default: [],
    check: usersCheck,
    meaning:
      'Users (sip:bob@example.org) and domains (@example.org) for whom the opposite of storage.permitted holds.',
  },
  'storage.mediaTypes': {
    type: texts,
    default: [],
    check: mediaTypeCheck,
    meaning:
      'Content types that are stored, text/* for all of a kind; others hear 415 with Accept. None: all.',
  },
  'preferences.deferral': {
    type: choice('on', 'off'),
    default: 'on',
    meaning: 'Default of users: whether messages of senders no rule of theirs speaks of are kept.',
  },
  'preferences.delivery': {
    type: choice('push', 'notice'),
    default: 'push',
    meaning: 'Default of users: the messages themselves on return, or a notice.',
  },
  'preferences.notices': {
    type: choice('once', 'off'),
    default: 'once',
    meaning: 'Default of users: whether a notice is sent on return.',
  },
  'preferences.refusedStatus': {
    type: integer(400, 699),
    default: 480,
    meaning:
      'What a sender hears whose message may not be kept for somebody who is away (deferral, allow-offline-storage, permission).',
  },
  'preferences.expiredChoices': {
    type: texts,
    default: [],
    meaning: 'Ids of installed policies a user may choose for his new messages.',
  },
  'preferences.blockedAtDelivery': {
    type: choice('deliver', 'hold'),
    default: 'deliver',
    meaning:
      'What was stored before its sender was blocked: delivered, or held while he is blocked.',
  },
  'report.trustedRoutes': {
    type: texts,
    default: [],
    check: hostCheck,
    meaning: 'Domains whose IMDN-Record-Route is followed.',
  },
  'report.withoutDateTime': {
    type: flag,
    default: true,
    meaning: 'Report a message that had no CPIM DateTime.',
  },
  'report.consent': {
    type: choice('send', 'never', 'forbidden'),
    default: 'send',
    meaning:
      "Default of users: reports in the recipient's name are sent, never sent, or answered at once by `forbidden`.",
  },
  'report.stored': {
    type: flag,
    default: false,
    meaning: 'Tell a sender who asked for `processing` that his message is stored.',
  },
  'report.anonymousDomains': {
    type: texts,
    default: [],
    check: hostCheck,
    meaning:
      'Trust domain: anonymous senders of these domains get reports at their asserted identity.',
  },
  'report.serviceIdentity': {
    type: text,
    check: sipUriCheck,
    meaning: 'SIP From and P-Asserted-Identity of reports. Default: the recipient of the message.',
  },
  'report.displayNames': {
    type: flag,
    default: true,
    meaning:
      'Reports name people in CPIM From and To as their messages did. Off: addresses alone, for phones that take CPIM only when its From is that of SIP to the letter (Linphone).',
  },
  'report.recordRoute': {
    type: text,
    check: sipUriCheck,
    meaning:
      'URI of this store, best `sip:deferred@DOMAIN`, put as IMDN-Record-Route on delivered messages that ask for notifications; these then come back through it. Default: none.',
  },
  'report.draft00': {
    type: flag,
    default: false,
    meaning: 'Read report requests in the unprefixed form of draft-ietf-simple-imdn-00 as well.',
  },
  senderStatus: {
    type: choice('full', 'without-delivery', 'off'),
    default: 'full',
    meaning:
      'What a sender who asks is told of his message. `full` tells that it was delivered, and so that the recipient was there.',
  },
  'audit.publish': {
    type: flag,
    default: false,
    meaning: 'Tell each step of each message on deferred-im.v1.event, for charging and audit.',
  },
  'audit.backlog': {
    type: integer(1, 100_000_000),
    default: 1_000_000,
    meaning: 'Events that may wait for somebody to take them; beyond it steps are not told.',
  },
  'msrp.address': {
    type: text,
    meaning:
      'Address on which MSRP sessions of large messages are taken. Not set: large messages are off.',
  },
  'msrp.port': {
    type: integer(0, 65_535),
    default: 2855,
    meaning: 'TCP port of MSRP; 0 for a free one.',
  },
  'msrp.host': {
    type: text,
    check: hostCheck,
    meaning:
      'Host by which phones reach that port, as their session descriptions name it. Default: `msrp.address`.',
  },
  'msrp.networks': {
    type: texts,
    default: [],
    check: networkCheck,
    meaning:
      'Networks (192.0.2.0/24) that calls to returning phones connect to, as their answers name the place. None: all but loopback, link-local, multicast and unspecified addresses; loopback too where `msrp.address` is.',
  },
  'msrp.tls.certFile': {
    type: text,
    meaning:
      'Certificate (PEM) of MSRP over TLS. Not set: offers of `TCP/TLS/MSRP` are refused by 488. Session descriptions vouch for it by its fingerprint, so it may be signed by itself.',
  },
  'msrp.tls.keyFile': { type: text, meaning: 'Key of that certificate.' },
  'msrp.tls.port': {
    type: integer(0, 65_535),
    default: 2856,
    meaning: 'TCP port of MSRP over TLS; 0 for a free one.',
  },
  'msrp.messageOctets': {
    type: integer(1000, 16_777_216),
    default: 1_048_576,
    meaning: 'Octets of the content of one large message; beyond it its sender hears 413.',
  },
  'sipLeg.address': {
    type: text,
    default: '127.0.0.1',
    meaning: 'Address of the SIP leg of large messages; only the proxies speak to it.',
  },
  'sipLeg.port': {
    type: integer(0, 65_535),
    default: 5065,
    meaning: 'UDP port of the SIP leg; 0 for a free one.',
  },
  requireImTag: {
    type: flag,
    default: false,
    meaning: 'Only contacts with the feature tag +g.oma.sip-im count as reachable.',
  },
  clockTrusted: {
    type: flag,
    default: false,
    meaning: 'The host runs NTP: follow a wall clock that jumps ahead, with an alarm.',
  },
  clock: {
    type: choice('host', 'virtual'),
    default: 'host',
    meaning:
      'Where time comes from. A virtual clock is moved by `clock set` and `clock advance`; only for a store made with `test`.',
  },
  test: {
    type: flag,
    default: false,
    meaning: 'Make a new store as one for tests, never to hold messages of people.',
  },
  acceptRollback: {
    type: flag,
    default: false,
    meaning: 'Serve a store that is older than its watermark; begins a new epoch.',
  },
  allowVolatileFolder: {
    type: flag,
    default: false,
    meaning: 'Accept a data folder on tmpfs, overlay, NFS or FUSE.',
  },
  ballastOctets: {
    type: integer(0, 1_073_741_824),
    default: 33_554_432,
    meaning: 'Size of the ballast file that is given back when the disk is full at start.',
  },
  logLevel: {
    type: choice('error', 'warn', 'info', 'debug'),
    default: 'info',
    meaning: 'Least severity that is logged.',
  },
} as const satisfies Record<string, Setting>;

/** Its dotted path in the file. */
export type SettingName = keyof typeof settingsTable;
