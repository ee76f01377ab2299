// The tables a message is judged by: why no report may be sent, one row at a time; what a SIP
// answer means; settings.
import t from 'tap';
import {
  answerClass,
  type Disposition,
  defaultReportRules,
  durationMs,
  earlyReport,
  type IncomingMessage,
  initialContext,
  type Message,
  type ReportException,
  type ReportRules,
  reportException,
  reportExceptions,
  reportOwed,
  reportTarget,
  withDefaults,
} from '../../machines/index.js';
import { alice, cpim, incoming } from '../support/messages.js';

const rules = defaultReportRules;
const trusting: ReportRules = { ...rules, trustedRoutes: ['example.net'] };
const routes = (...recordRoutes: string[]) => incoming({ cpim: cpim({ recordRoutes }) });

type Row = readonly [IncomingMessage, ReportRules];
const rows: Record<Exclude<ReportException, 'recipient-blocks'>, Row> = {
  'not-asked': [incoming({ cpim: cpim({ dispositions: ['display'] }) }), rules],
  'recipient-declines': [incoming(), { ...rules, consent: 'never' }],
  'recipient-forbids': [incoming(), { ...rules, consent: 'forbidden' }],
  'is-imdn': [incoming({ cpim: cpim({ isImdn: true }) }), rules],
  encrypted: [incoming({ cpim: cpim({ encrypted: true }) }), rules],
  'no-message-id': [incoming({ cpim: cpim({ imdnMessageId: null }) }), rules],
  'message-id-too-long': [incoming({ cpim: cpim({ imdnMessageId: 'x'.repeat(257) }) }), rules],
  'no-datetime': [
    incoming({ cpim: cpim({ dateTime: null }) }),
    { ...rules, withoutDateTime: false },
  ],
  anonymous: [incoming({ anonymous: true }), rules],
  'not-asserted': [incoming({ asserted: null }), rules],
  'identity-mismatch': [incoming({ fromAor: 'sip:bob3@example.com' }), rules],
  'too-many-routes': [routes(...Array(9).fill('sip:r.example.net')), trusting],
  'untrusted-route': [routes('sip:r2.example.net'), rules],
};

t.test('every exception holds for its message, and is the first that does', async (t) => {
  t.equal(reportException(incoming(), rules), null, 'F1 is owed a report');
  const atStorage = Object.entries(reportExceptions).filter(([, { holds }]) => holds !== null);
  t.same(Object.keys(rows).sort(), atStorage.map(([name]) => name).sort(), 'one row each');
  for (const [name, [message, how]] of Object.entries(rows)) {
    t.equal(reportException(message, how), name);
    t.ok(reportExceptions[name as ReportException].holds?.(message, how, 'negative-delivery'));
  }
  t.equal(reportException(incoming({ cpim: null }), rules), 'not-asked', 'C37 no CPIM');
  const longest = incoming({ cpim: cpim({ imdnMessageId: 'x'.repeat(256) }) });
  t.equal(reportException(longest, rules), null);
  t.equal(reportException(incoming({ cpim: cpim({ dateTime: null }) }), rules), null);
});

t.test('C50 what a sender is told at once has exceptions of its own', async (t) => {
  const asks = (...dispositions: Disposition[]) => ({ cpim: cpim({ dispositions }) });
  const on: ReportRules = { ...rules, stored: true };
  t.equal(earlyReport(incoming(asks('processing')), rules), null, 'off by default');
  t.equal(earlyReport(incoming(asks('processing')), on), 'stored');
  t.equal(earlyReport(incoming(asks('negative-delivery', 'processing')), on), 'stored');
  t.equal(earlyReport(incoming(), on), null, 'nobody asked for processing');
  for (const [name, [message, how]] of Object.entries(rows)) {
    if (name === 'not-asked') continue;
    const dispositions: Disposition[] = ['negative-delivery', 'processing'];
    const both = { ...message, cpim: { ...message.cpim!, dispositions } };
    const expected = name === 'recipient-forbids' ? 'forbidden' : null;
    t.equal(earlyReport(both, { ...how, stored: true }), expected, name);
  }
});

t.test('C48 an anonymous sender is told only where his trust domain says so', async (t) => {
  const nobody = { fromUri: 'sip:anonymous@anonymous.invalid', fromAor: null };
  const within: ReportRules = { ...rules, anonymousDomains: ['example.com'] };
  const hidden = incoming({ anonymous: true, ...nobody });
  t.equal(reportException(hidden, rules), 'anonymous');
  t.equal(reportException(hidden, within), null);
  t.equal(reportTarget(hidden, within), alice);
  t.equal(reportException(incoming({ anonymous: true }), within), null, 'Privacy alone');
  t.equal(reportTarget(incoming(), within), null, 'who shows himself is told as he shows himself');
  const others = [
    incoming({ anonymous: true, ...nobody, asserted: null }),
    incoming({ anonymous: true, ...nobody, asserted: 'sip:alice@example.net' }),
    incoming({
      anonymous: true,
      fromUri: 'sip:carol@example.com',
      fromAor: 'sip:carol@example.com',
    }),
  ];
  for (const one of others) t.equal(reportException(one, within), 'anonymous');
});

t.test('a trusted domain covers its subdomains and nothing that merely ends like it', async (t) => {
  const inside = [
    'sip:r2.example.net',
    'sip:EXAMPLE.NET',
    'sip:im@a.b.example.net:5060;lr',
    '<sip:example.net>',
  ];
  for (const uri of inside) t.equal(reportException(routes(uri), trusting), null, uri);
  const outside = [
    'sip:badexample.net',
    'sip:example.net.example.com',
    'sip:example.com',
    '',
    'nonsense',
    'sip:example.net@example.com',
    'sip:user@example.com;x=@example.net',
  ];
  for (const uri of outside)
    t.equal(reportException(routes(uri), trusting), 'untrusted-route', uri);
});

t.test('a report is owed once, and only for a 202 that was heard', async (t) => {
  const message = { reportException: null } as Message;
  const context = initialContext(message);
  t.equal(reportOwed(context), true);
  t.equal(reportOwed({ ...context, reported: true }), false);
  t.equal(reportOwed({ ...context, acknowledged: false }), false);
  t.equal(reportOwed({ ...context, message: { ...message, reportException: 'not-asked' } }), false);
});

t.test('answer classes of RFC 3428 section 7', async (t) => {
  const temporary = [0, 401, 407, 408, 430, 480, 482, 483, 486, 487, 491, 500, 502, 503, 504];
  for (let status = 200; status < 700; status += 1) {
    const expected =
      status < 300
        ? 'success'
        : status >= 600
          ? 'refused'
          : temporary.includes(status)
            ? 'temporary'
            : 'unsuitable';
    if (answerClass(status) !== expected) t.fail(`${status} is ${answerClass(status)}`);
  }
  t.equal(answerClass(0), 'temporary');
  for (const status of [400, 403, 404, 413, 415, 488, 501, 513])
    t.equal(answerClass(status), 'unsuitable');
});

t.test('settings: units and defaults', async (t) => {
  t.equal(durationMs({ seconds: 90 }), 90_000);
  t.equal(durationMs({ minutes: 2 }), 120_000);
  t.equal(durationMs({ hours: 1 }), 3_600_000);
  t.equal(durationMs({ days: 7 }), 604_800_000);
  t.match(withDefaults(undefined), {
    defaultExpirySeconds: 604_800,
    maxLifetimeSeconds: 7_776_000,
  });
  t.equal(withDefaults({ dateSkewSeconds: 0 }).dateSkewSeconds, 0);
  t.equal(alice, incoming().fromAor);
});
