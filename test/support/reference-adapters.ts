// The reference pages that tell of the adapters: subjects, configuration, operators' verbs, and what their errors and
// limits are. Made from the tables of the code; words that stand in no table are kept here in records that
// TypeScript holds complete.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { verbs } from '../../adapters/admin/index.js';
import { flagOf, variableOf } from '../../adapters/config.js';
import {
  adminSubject,
  adminSubjects,
  type BusErrorCode,
  type BusReason,
  engineQueue,
  subjects,
} from '../../adapters/nats/index.js';
import { type Setting, settingsTable } from '../../adapters/settings.js';
import { code, limitRows, merged, page, table } from './reference-pages.js';
import { repositoryRoot } from './repository.js';
import {
  type CodedSentence,
  codedSentences,
  constants,
  lineForms,
  objectEntries,
  type SourceEntry,
} from './source-text.js';

// ---- errors ----

const busErrors: Readonly<Record<BusErrorCode, string>> = {
  'bus-options': 'The options contradict each other or are no NATS servers; exit code 64.',
  'bus-plaintext': 'A server beyond this host without TLS, and `nats.allowPlain` is off.',
  'bus-unauthorized': 'The server refuses our credentials.',
  'bus-max-payload': 'The server takes less than our largest payload.',
};

const busReasons: Readonly<Record<BusReason, string>> = {
  connecting: 'No server has answered yet; tried again and again.',
  disconnected: 'The connection is gone; the client reconnects.',
  stale: 'The server is connected and silent.',
  unauthorized: 'The server refuses us since its configuration changed.',
  'permissions-violation': 'A subject we need is forbidden to us; tried again every five seconds.',
  'max-payload': 'The server now takes less than our largest payload.',
  closed: 'We are closing.',
};

/** Codes in all files of a folder, by file and place. */
function codesIn(folder: string, functions: readonly string[]): readonly CodedSentence[] {
  const files = readdirSync(join(repositoryRoot, folder)).filter((name) => name.endsWith('.ts'));
  return files.sort().flatMap((name) => codedSentences(`${folder}/${name}`, functions));
}

/** The adapters' part of the errors page. */
export function adapterErrors(): readonly string[] {
  const sip = codesIn('adapters/sip', ['failed']);
  const bus = codesIn('adapters/nats', ['fail']);
  const verbs = codesIn('adapters/admin', ['VerbRefused']);
  return [
    '## The bus',
    'A `BusError` keeps the process from starting, exit code 69 where no other is named.',
    table(['Code', 'Meaning'], Object.entries(busErrors).map(row)),
    'A bus that is lost later takes readiness away, with one of these reasons, and comes back by itself.',
    table(['Reason', 'Meaning'], Object.entries(busReasons).map(row)),
    '## Payloads of the bus',
    'A payload that is not understood is counted, logged and dropped. A request gets a reply with `ok: false`, status, code and message.',
    table(['Code', 'Sentence'], merged(bus).map(sentence)),
    table(['Status', 'Code of a reply', 'Sentence'], replies()),
    '## Malformed SIP',
    'What a reader of SIP, CPIM, IMDN or a user command says: a code, a sentence without a word of the input, and the octet. The sender hears 400 where no other status is fixed.',
    table(['Code', 'Sentence'], merged(sip).map(sentence)),
    '## Configuration',
    'A finding names the setting, where its value came from (file with pointer, variable or flag), and what is wrong. Exit code 64.',
    '## Operators',
    'Beside the refusals above an admin verb may answer:',
    table(['Code', 'Sentence'], merged(verbs).map(sentence)),
  ];
}

const row = ([name, meaning]: [string, string]): readonly string[] => [code(name), meaning];
const sentence = ({ name, value }: CodedSentence): readonly string[] => [code(name), value];

function replies(): readonly (readonly string[])[] {
  return codesIn('adapters/nats', ['refuse'])
    .filter(({ status }) => status !== '')
    .map(({ name, value, status }) => [status, code(name), value])
    .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1));
}

// ---- subjects ----

type Direction = 'proxy → engine' | 'engine → proxies' | 'tools → engine' | 'engine → auditor';

const subjectMeanings: Readonly<
  Record<keyof typeof subjects, readonly [Direction, string, string]>
> = {
  store: [
    'proxy → engine',
    'A MESSAGE for a user who cannot be reached; its sender waits.',
    'request',
  ],
  command: ['proxy → engine', 'A MESSAGE to the service URI: a user command.', 'request'],
  online: ['proxy → engine', 'A user registered, or refreshed a registration.', 'online'],
  offline: ['proxy → engine', 'A user has no binding any more.', 'offline'],
  outcome: ['proxy → engine', 'The final code of an effect.', 'outcome'],
  late: [
    'proxy → engine',
    'The hold ended without an answer, or an answer came after it: the sender heard 503.',
    'late',
  ],
  alive: ['proxy → engine', 'The answer to each beat: this proxy is there.', 'alive'],
  answer: ['engine → proxies', 'What the waiting sender is to hear.', 'answer'],
  send: ['engine → proxies', 'A MESSAGE to send: delivery, report or result.', 'send'],
  beat: ['engine → proxies', 'Once a second while something can be stored.', 'beat'],
  queue: [
    'engine → proxies',
    'While a delivery run lasts, live messages for its user go behind it.',
    'queue',
  ],
  event: [
    'engine → auditor',
    'One step of a message, for charging and audit: a request, repeated until somebody replies.',
    'event',
  ],
  userList: [
    'tools → engine',
    "The owner's waiting messages, a page at a time.",
    'user-list-request',
  ],
  userRetrieve: [
    'tools → engine',
    'Octets and a token; the message stays stored.',
    'user-retrieve-request',
  ],
  userConfirm: ['tools → engine', 'The owner has what was retrieved.', 'user-confirm-request'],
  userDelete: ['tools → engine', 'Delete some messages, or all.', 'user-delete-request'],
  userPreferences: [
    'tools → engine',
    'What the owner wants: asked for, or changed and then told.',
    'user-preferences-request',
  ],
  userStatus: [
    'tools → engine',
    'Where a message of his stands, for its sender.',
    'user-sent-request',
  ],
  userWithdraw: ['tools → engine', 'A sender takes a message back.', 'user-sent-request'],
};

export function subjectsPage(): string {
  const forms = lineForms('adapters/nats/lines.ts');
  const rows = (Object.keys(subjects) as (keyof typeof subjects)[]).map((name) => {
    const [direction, meaning] = subjectMeanings[name];
    return [code(subjects[name]), direction, meaning];
  });
  const lines = [...new Set(Object.values(subjectMeanings).map(([, , schema]) => schema))];
  return page('Subjects of the bus', '`adapters/nats/subjects.ts`, `lines.ts` and `schemas/`', [
    'Core NATS, which may lose, repeat and reorder anything. The contract in full: [asyncapi.yaml](../asyncapi.yaml); who may use which subject: `adapters/nats/nats-server.conf`.',
    table(
      ['Subject', 'Way', 'Meaning'],
      [
        ...rows,
        [code(adminSubjects), 'operator → engine', 'Verbs of operators: [admin](admin.md).'],
      ],
    ),
    `The engine subscribes in the queue group ${code(engineQueue)}, each proxy in one of its own name. Subjects toward the proxies have no dots: Kamailio cuts the name of an event route at the first one.`,
    '## Lines',
    'One text line: `v1`, then these fields, parted by single spaces. No field is empty; `-` stands for none. Text of users travels as base64. The request of a store or command line follows it after CRLF, untouched.',
    ...lines.flatMap((schema) => lineTable(schema, forms.get(schema))),
    '## JSON',
    'An event is one JSON object; its schema is `event.schema.json` in `adapters/nats/schemas/`. Its `eventId` travels as `Nats-Msg-Id` too. It is taken when somebody replies, a JetStream stream or a program; a reply with `error` takes nothing.',
    "Requests to `user` subjects are JSON with `v: 1`; their schemas are in `adapters/nats/schemas/`. A request to an `admin` subject is the object of the verb's arguments. Every reply carries `v` and `ok`; that of an admin verb its `result`, in the form of `admin-<verb>-reply.schema.json`.",
  ]);
}

function lineTable(schema: string, fields: readonly SourceEntry[] | undefined): readonly string[] {
  if (fields === undefined) return [];
  const { properties, description } = schemaOf(schema);
  const rows = fields.map(({ name, value }) => [
    code(name),
    fieldKinds[value] ?? value,
    properties[name]?.description ?? properties[name]?.anyOf?.[0]?.description ?? '',
  ]);
  return [`### ${schema}`, description, table(['Field', 'Form', 'Meaning'], rows)];
}

const fieldKinds: Readonly<Record<string, string>> = {
  token: 'word',
  uint: 'number',
  uintOrNone: 'number or `-`',
  base64Text: 'base64 of text',
  base64TextOrNone: 'base64 of text, or `-`',
  base64Octets: 'base64 of octets, or `-`',
};

interface Described {
  readonly description: string;
  readonly properties: Readonly<
    Record<string, { description?: string; anyOf?: readonly { description?: string }[] }>
  >;
}

const schemaOf = (name: string): Described =>
  JSON.parse(
    readFileSync(join(repositoryRoot, 'adapters/nats/schemas', `${name}.schema.json`), 'utf8'),
  ) as Described;

// ---- configuration ----

export function configPage(): string {
  const rows = Object.entries(settingsTable as Readonly<Record<string, Setting>>).map(
    ([name, setting]) => [
      code(name),
      `${code(`--${flagOf(name)}`)} ${code(variableOf(name))}`,
      typeOf(setting),
      defaultOf(setting),
      setting.meaning,
    ],
  );
  return page('Configuration', '`adapters/settings.ts`', [
    'One JSON file, over it the environment, over that the command line. In the file a dot is a level: `{"nats": {"servers": ["nats://127.0.0.1:4222"]}}`. A name that is not here is refused. Lists are parted by commas on the command line and in the environment.',
    table(['Setting', 'Flag and variable', 'Type', 'Default', 'Meaning'], rows),
  ]);
}

function typeOf({ type }: Setting): string {
  switch (type.kind) {
    case 'integer':
      return `whole number from ${type.min} to ${type.max}`;
    case 'choice':
      return `one of ${type.values.map(code).join(', ')}`;
    case 'switch':
      return '`true` or `false`';
    case 'texts':
      return 'list of texts';
    case 'text':
      return 'text';
    default:
      throw new TypeError(`no such type: ${(type satisfies never as { kind: string }).kind}`);
  }
}

function defaultOf({ required, default: value }: Setting): string {
  if (required === true) return 'must be set';
  return value === undefined ? 'none' : code(JSON.stringify(value));
}

// ---- operators' verbs ----

interface ObjectSchema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

export function adminPage(): string {
  const rows = Object.entries(verbs).map(([name, { meaning, reads, schema }]) => [
    code(name),
    argumentsOf(schema as ObjectSchema),
    reads ? 'yes' : 'no',
    code(adminSubject(name.replaceAll('.', '-'))),
    meaning,
  ]);
  return page("Operators' verbs", '`adapters/admin/verbs.ts`', [
    'One table behind three doors: the command line, the socket `admin.sock` in the data folder (mode 0600, one JSON object a line: `{"verb": "messages.show", "args": {"id": "…"}}`), and request/reply on the bus for the operator role, where the request is the arguments alone. An answer is `{"ok": true, "result": …}` or `{"ok": false, "code": …, "message": …}`.',
    table(['Verb', 'Arguments', 'Reads only', 'Subject', 'Meaning'], rows),
    'A verb that only reads also runs on a store that nobody serves, under its lock.',
  ]);
}

function argumentsOf({ properties, required }: ObjectSchema): string {
  const names = Object.keys(properties);
  return names.map((name) => (required.includes(name) ? code(name) : `${code(name)}?`)).join(', ');
}

// ---- limits ----

/** The adapters' part of the limits page. */
export function adapterLimits(): readonly string[] {
  const head = ['Limit', 'Value', 'Reason'];
  return [
    '## NATS',
    table(head, limitRows(objectEntries('adapters/nats/limits.ts', 'natsLimits'))),
    '## SIP',
    table(head, limitRows(constants('adapters/sip/limits.ts'))),
    '## MSRP',
    table(head, limitRows(objectEntries('adapters/msrp/limits.ts', 'msrpLimits'))),
    '## SIP leg of large messages',
    table(head, limitRows(objectEntries('adapters/sip/leg/limits.ts', 'legLimits'))),
  ];
}
