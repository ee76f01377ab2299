// Conformance rows about what a sender asks in CPIM, and what the report then says, on the wire: the forms of the
// request, DateTime, Subject, Original-To and lists. That none comes is shown by a later one which does.
import t from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { correlate } from '../../../adapters/compose.js';
import { startChain } from '../../support/chain.js';
import {
  documentOf,
  failed,
  faultsOf,
  type Letter,
  letter,
  reported,
  reportsTo,
} from './letters.js';
import { sentinel } from './steps.js';

const chain = await startChain();
t.teardown(() => chain.stop());

const ns = 'NS: imdn <urn:ietf:params:imdn>';
const name = 'imdn.Disposition-Notification';
const atOnce = { Expires: '0' };

/** A letter that is dead on arrival, with other lines in its CPIM. */
function changed(
  alice: SipAgent,
  bob: SipAgent,
  changes: Readonly<Record<string, string>>,
): Letter {
  const sent = letter(alice, bob, { headers: atOnce });
  let { body } = sent;
  for (const [line, other] of Object.entries(changes)) {
    if (!body.includes(line)) throw new TypeError(`no ${line}`);
    body = body.replace(line, other);
  }
  return { ...sent, body };
}

const asked = `${name}: negative-delivery`;
const wanted: readonly Readonly<Record<string, string>>[] = [
  {},
  { [asked]: `${name}: positive-delivery , negative-delivery;x=1` },
  {
    [ns]: 'NS: d <urn:ietf:params:imdn>',
    'imdn.Message-ID': 'd.Message-ID',
    [asked]: 'd.Disposition-Notification: negative-delivery',
  },
  { [asked]: `${asked}, whatever-new` },
];
const unwanted: readonly Readonly<Record<string, string>>[] = [
  { [asked]: `${name}: Negative-Delivery` },
  { [asked]: 'imdn.disposition-notification: negative-delivery' },
  { [`${ns}\r\n`]: '' },
  { [`${ns}\r\n`]: '', Subject: `${ns}\r\nSubject` },
  { [ns]: 'NS: imdn <urn:example:other>' },
  { [asked]: `${name}: ` },
  { [asked]: `${name}: positive-delivery, display` },
  // The form of draft-00, whose switch is off.
  { [asked]: 'Disposition-Notification: negative-delivery' },
];

t.test('C38 C39 C40 a report comes for every form that asks, and for no other', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const asking = wanted.map((changes) => changed(alice, bob, changes));
  const silent = unwanted.map((changes) => changed(alice, bob, changes));
  for (const one of [...silent, ...asking]) t.equal((await alice.message(one)).status, 202);
  const last = await sentinel(chain, alice);
  const all = [...asking, ...silent, last];
  t.same(reported(alice, all).toSorted(), failed(...asking, last).toSorted());
});

/** Sends a letter that is dead on arrival; the document of its report. */
async function reportOf(alice: SipAgent, sent: Letter): Promise<string> {
  const before = reportsTo(alice).length;
  await alice.message(sent);
  await chain.waitUntil('the report', () => reportsTo(alice).length > before);
  return documentOf(reportsTo(alice).at(-1)!);
}

const textsOf = (document: string, element: string): readonly string[] =>
  [...document.matchAll(new RegExp(`<${element}[^>]*>([^<]*)</${element}>`, 'g'))].map(
    (match) => match[1] ?? '',
  );

t.test('C41 C42 datetime is that of the message, character by character', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const written = '2006-04-04T12:16:49.5-05:00';
  const dated = changed(alice, bob, { 'DateTime: 2006-08-01T10:00:00Z': `DateTime: ${written}` });
  t.same(textsOf(await reportOf(alice, dated), 'datetime'), [written]);
  const undated = changed(alice, bob, { 'DateTime: 2006-08-01T10:00:00Z\r\n': '' });
  const headers = { ...atOnce, Date: 'Tue, 01 Aug 2006 09:59:00 GMT' };
  const document = await reportOf(alice, { ...undated, headers });
  t.same(textsOf(document, 'datetime'), ['2006-08-01T09:59:00Z']);
});

t.test('C44 one of several subjects, in its language', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const two = 'Subject:;lang=fr D\u00e9jeuner\r\nSubject:;lang=en Lunch';
  const document = await reportOf(alice, changed(alice, bob, { 'Subject: Lunch': two }));
  t.same(await faultsOf(document), [], 'valid by the grammar');
  t.match(document, /<subject xml:lang="(fr">D\u00e9jeuner|en">Lunch)<\/subject>/);
  t.equal(textsOf(document, 'subject').length, 1);
});

t.test(
  'C43 C72 C82 a list message gives a report for each recipient, and each is matched',
  async (t) => {
    const alice = await chain.alice();
    const bobs = [await chain.bob(), await chain.bob(), await chain.bob()];
    const list = 'sip:friends@example.org';
    // A list server sends one message under one Message-ID to each, and says what To was before.
    const id = `list-${alice.user}-Xk7qJ2mB9vTz`;
    for (const bob of bobs) {
      const copy = letter(alice, bob, { id, headers: atOnce });
      const body = copy.body.replace(ns, `${ns}\r\nimdn.Original-To: Friends <${list}>`);
      t.equal((await alice.message({ ...copy, body })).status, 202);
    }
    const other = letter(alice, await chain.bob(), { headers: atOnce });
    await alice.message(other);
    await chain.waitUntil('four reports', () => reportsTo(alice).length === 4);
    const sent = [other, { imdnMessageId: id, recipients: [list] }];
    const matches = reportsTo(alice).map((report) => correlate(report.octets, sent).match);
    const ofList = matches.filter((match) => match?.imdnMessageId === id);
    t.same(
      ofList.map((match) => match?.recipient).toSorted(),
      bobs.map((bob) => bob.uri).toSorted(),
    );
    t.ok(ofList.every((match) => match?.sentTo === list && match.status === 'failed'));
    t.equal(matches.filter((match) => match?.imdnMessageId === other.imdnMessageId).length, 1);
    for (const report of reportsTo(alice).filter((one) => one.body.includes(id)))
      t.same(textsOf(documentOf(report), 'original-recipient-uri'), [list]);
  },
);
