// `messages`: what waits, the life of one message, and what an operator may do to it.
import { pathOfTrail, textChart } from '../../machines/index.js';
import type { Listing, MessageLife, OperatorAct, TrailStep } from '../../runtime/index.js';
import { askReading, askRunning, storeExits, storeFlags } from './ask.js';
import { authoredGraph } from './authored.js';
import { columns, instant, pairs } from './output.js';
import { integerFlag } from './parse.js';
import { type Call, refusedExit, type Verb, VerbFailure } from './verb.js';

const id = {
  name: 'ID',
  meaning: 'Deferred Message-ID, as `messages list` shows it.',
} as const;

export const messagesList: Verb = {
  name: 'messages list',
  purpose: "List a user's waiting messages, or all messages the store remembers.",
  text:
    'With an AOR: what waits for this user, oldest first. Without: every message, ended ' +
    'ones included until they are forgotten, in no order of time.',
  arguments: [
    {
      name: 'AOR',
      meaning: 'Address of the served user: sip:bob@example.org',
      optional: true,
    },
  ],
  flags: {
    ...storeFlags,
    after: { value: 'ID', meaning: 'Continue after this message.' },
    limit: {
      value: 'N',
      meaning: 'At most N messages, 1 to 1000. Default: 100.',
    },
  },
  examples: [
    'deferred-im messages list sip:bob@example.org --folder /var/lib/deferred-im',
    'deferred-im messages list --json --limit 1000',
  ],
  exits: storeExits,
  run: async (call) => {
    const limit = integerFlag('messages list', call.flags, 'limit', 1, 1000);
    const [aor] = call.args;
    const after = call.flags['after'];
    const args = {
      ...(aor === undefined ? {} : { aor }),
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    };
    const result = await askReading(call, 'messages.list', args);
    if (aor === undefined) printAll(call, result as AllMessages);
    else printMailbox(call, result as Listing);
    return 0;
  },
};

interface AllMessages {
  readonly messages: readonly {
    readonly deferredId: string;
    readonly aor: string;
    readonly state: string;
    readonly outcome: string | null;
    readonly parked: string | null;
    readonly policyId: string;
    readonly octets: number;
    readonly receivedAtMs: number;
    readonly expiresAtMs: number | null;
  }[];
  readonly next: string | null;
}

function printAll({ output }: Call, { messages, next }: AllMessages): void {
  const heads = ['ID', 'FOR', 'STATE', 'POLICY', 'OCTETS', 'RECEIVED', 'EXPIRES'];
  const rows = messages.map((one) => [
    one.deferredId,
    one.aor,
    one.parked === null ? one.state : `${one.state} (parked)`,
    one.policyId,
    String(one.octets),
    instant(one.receivedAtMs),
    instant(one.expiresAtMs),
  ]);
  output.result({ messages, next }, () => columns(heads, rows));
  if (next !== null) output.remark(`more: --after ${next}`);
}

function printMailbox({ output }: Call, { messages, next }: Listing): void {
  const heads = ['ID', 'STATE', 'FROM', 'TYPE', 'OCTETS', 'RECEIVED', 'EXPIRES', 'SUBJECT'];
  const rows = messages.map((one) => [
    one.deferredId,
    one.state,
    one.from ?? 'anonymous',
    one.contentType,
    String(one.octets),
    instant(one.receivedAtMs),
    instant(one.expiresAtMs),
    one.subject ?? '-',
  ]);
  output.result({ messages, next }, () => columns(heads, rows));
  if (next !== null) output.remark(`more: --after ${next}`);
}

export const messagesShow: Verb = {
  name: 'messages show',
  purpose: 'Show the life of one message, step by step, and its path on the chart of its policy.',
  arguments: [id],
  flags: {
    ...storeFlags,
    'path-only': {
      meaning: 'Leave out of the chart what the message never touched.',
    },
  },
  examples: ['deferred-im messages show 4f0k…@store.example.org --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const life = (await askReading(call, 'messages.show', {
      id: call.args[0],
    })) as MessageLife;
    const chart = call.output.json ? '' : await chartOf(call, life);
    call.output.result(life, () => `${facts(life)}\n${steps(life.trail)}\n${timers(life)}${chart}`);
    return 0;
  },
};

function facts(life: MessageLife): string {
  const { message } = life;
  const ended = life.outcome === null ? '' : `, outcome ${life.outcome}`;
  const entries: (readonly [string, string])[] = [
    ['message', message.deferredId],
    ['for', message.aor],
    ['from', message.fromUri],
    ['asserted', message.asserted ?? '-'],
    ['content', `${message.contentType}, ${message.octets - message.bodyOffset} octets`],
    ['IMDN Message-ID', message.cpim?.imdnMessageId ?? '-'],
    ['asked for', message.cpim?.dispositions.join(', ') || '-'],
    [
      'failure report',
      message.reportException === null
        ? 'owed if it ends unread'
        : `none: ${message.reportException}`,
    ],
    ['received', instant(message.receivedAtMs)],
    ['expires', instant(message.expiresAtMs)],
    ['policy', `${life.policyId} ${life.policyHash.slice(0, 12)}`],
    ['state', `${life.state}${life.final ? ' (final' : ''}${ended}${life.final ? ')' : ''}`],
  ];
  if (life.parked !== null) entries.push(['parked', life.parked]);
  return pairs(entries);
}

function steps(trail: readonly TrailStep[]): string {
  const rows = trail.map((step, index) => [
    String(index + 1),
    instant(step.atMs),
    eventOf(step),
    wayOf(step),
    step.effects.join(', ') || '-',
  ]);
  return columns(['STEP', 'AT', 'EVENT', 'STATE', 'ASKED FOR'], rows);
}

function eventOf({ event, status, by, expiresAtMs }: TrailStep): string {
  const parts = [event];
  if (status !== undefined) parts.push(String(status));
  if (expiresAtMs !== undefined) parts.push(`to ${instant(expiresAtMs)}`);
  if (by !== undefined) parts.push(`by ${by}`);
  return parts.join(' ');
}

// The engine writes the states passed through with arrows of its own.
function wayOf({ from, to }: TrailStep): string {
  const way = to.replaceAll(' → ', ' -> ');
  return from === null || from === to ? way : `${from} -> ${way}`;
}

function timers({ timers: waiting }: MessageLife): string {
  if (waiting.length === 0) return '';
  const rows = waiting.map(({ name, dueMs }) => [name, instant(dueMs)]);
  return `${columns(['TIMER', 'DUE'], rows)}\n`;
}

// The policy may have gone from the store, or be one this release refuses: the life is shown
// without its chart then.
async function chartOf(call: Call, life: MessageLife): Promise<string> {
  try {
    const file = await askReading(call, 'policy.show', {
      policy: life.policyHash,
    });
    const graph = authoredGraph(file);
    if (graph === null) return '';
    return textChart(graph, {
      path: pathOfTrail(graph, life.trail),
      current: life.state,
      color: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
      width: process.stdout.columns ?? 96,
      pathOnly: 'path-only' in call.flags,
    });
  } catch (cause) {
    if (cause instanceof VerbFailure) return '';
    throw cause;
  }
}

interface Deed {
  readonly purpose: string;
  readonly text: string;
  readonly flags?: Verb['flags'];
}

const deed = (act: OperatorAct, { purpose, text, flags = {} }: Deed): Verb => ({
  name: `messages ${act}`,
  purpose,
  text,
  arguments: [{ ...id, many: true }],
  flags: {
    ...storeFlags,
    by: { value: 'NAME', meaning: 'Who does it; the trail keeps it. Default: operator.' },
    ...flags,
  },
  examples: [`deferred-im messages ${act} 4f0k…@store.example.org --folder /var/lib/deferred-im`],
  exits: storeExits,
  run: (call) => actOnAll(call, act),
});

interface Done {
  readonly id: string;
  readonly done: boolean;
  readonly waiting: boolean;
  /** `extend` alone. */
  readonly expiresAtMs?: number | null;
}

// One that fails does not keep the others from being done; the worst exit code is the answer.
async function actOnAll(call: Call, act: OperatorAct): Promise<number> {
  const { by } = call.flags;
  const seconds = integerFlag(`messages ${act}`, call.flags, 'seconds', 1, 4_294_967_295);
  let worst = 0;
  for (const one of call.args) {
    try {
      const args = {
        id: one,
        ...(by === undefined ? {} : { by }),
        ...(seconds === undefined ? {} : { seconds }),
      };
      const done = (await askRunning(call, `messages.${act}`, args)) as Done;
      call.output.result(done, () => `${one}  ${word(done)}\n`);
      if (!done.done && !done.waiting) worst = Math.max(worst, refusedExit);
    } catch (cause) {
      if (!(cause instanceof VerbFailure)) throw cause;
      call.output.error(cause.code, cause.message, cause.details);
      worst = Math.max(worst, cause.exitCode);
    }
  }
  return worst;
}

function word({ done, waiting, expiresAtMs }: Done): string {
  if (typeof expiresAtMs === 'number') return `expires ${instant(expiresAtMs)}`;
  if (done) return 'done';
  return waiting ? 'heard; the message lives on' : 'no such message';
}

export const messagesDelete = deed('delete', {
  purpose: 'Delete waiting messages, as their owner would.',
  text:
    'A failure report goes out where the sender asked for one. A message whose delivery ' +
    'is in flight waits for the answer first.',
});

export const messagesExpire = deed('expire', {
  purpose: 'Let waiting messages expire now.',
  text: 'The policy decides what that means, exactly as when the time had come.',
});

export const messagesRetry = deed('retry', {
  purpose: 'Take messages out of quarantine and repeat the event they failed on.',
  text: 'A message is parked when a step on it threw; `messages show` says why.',
});

export const messagesWithdraw = deed('withdraw', {
  purpose: 'Take waiting messages back, as their sender would.',
  text:
    'No failure report goes out: the sender knows. A message whose delivery is in flight waits ' +
    'for the answer first; one that was delivered or has ended is refused.',
});

export const messagesForce = deed('force', {
  purpose: 'End messages in quarantine that cannot be retried.',
  text:
    'A parked message is deleted without the chart it failed on; a failure report goes out ' +
    'where it is owed. The trail keeps who did it, and the error. Left alone, it ends like ' +
    'this when its maximum lifetime has passed.',
});

export const messagesRelease = deed('release', {
  purpose: 'Let held messages go to their recipients, marked as expired.',
  text:
    'Under a policy that holds expired messages for an operator, as hold-for-operator does. ' +
    'A recipient who is registered gets them at once, any other one when he returns.',
});

export const messagesDrop = deed('drop', {
  purpose: 'End held messages undelivered.',
  text:
    'Under a policy that holds expired messages for an operator. A failure report goes out ' +
    'where the sender asked for one.',
});

export const messagesExtend = deed('extend', {
  purpose: 'Give waiting or held messages more time.',
  text:
    'Moves the expiry, under a policy that hears it: so much later than it was, or than now ' +
    'when it has passed, and never beyond the maximum lifetime.',
  flags: {
    seconds: {
      value: 'N',
      meaning: "By how much, 1 to 4294967295. Default: the policy's defaultExpirySeconds.",
    },
  },
});
