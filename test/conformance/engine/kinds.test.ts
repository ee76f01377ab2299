// A MESSAGE may carry anything: every request of the corpus that can be read is stored, listed and delivered octet for
// octet, and a report is owed exactly where what it carries could be read and asks for one (spec 2.2 and 6.1).
import t from 'tap';
import { deliverRequest, readMessage } from '../../../adapters/sip/index.js';
import { headerValues, readRequest } from '../../../adapters/sip/request.js';
import type { CpimFacts, IncomingMessage } from '../../../machines/index.js';
import type { OutgoingDelivery } from '../../../runtime/index.js';
import { type Sample, samplesOf } from '../../support/corpus.js';
import { EngineUnderTest } from '../../support/engine.js';
import { contact, deleted, hoursMs, received, registered } from '../../support/messages.js';

const asserted = 'sip:alice@example.org';

interface Readable {
  readonly sample: Sample;
  readonly message: IncomingMessage;
}

const readable: readonly Readable[] = samplesOf('sip').flatMap((sample) => {
  const read = readMessage(sample.octets, asserted);
  return read.ok ? [{ sample, message: read.message }] : [];
});

/** What says how a body is to be read; compact names are their long ones. */
const contentHeaders = ['content-type', 'content-encoding', 'content-disposition', 'mime-version'];

function contentOf(octets: Uint8Array): readonly (readonly string[])[] {
  const read = readRequest(octets);
  if (!read.ok) throw new TypeError(read.finding.code);
  return contentHeaders.map((name) => headerValues(read.request, name));
}

t.test(
  'C02 C83 C84 every kind of content is stored, listed and delivered as it came',
  async (t) => {
    t.ok(readable.length > 60);
    const test = await EngineUnderTest.open();
    for (const { sample, message } of readable) {
      const { aor } = message;
      const id = await test.accept(received(message));
      t.same(test.engine.read(aor, id)?.octets, sample.octets, sample.name);
      const body = sample.octets.subarray(message.bodyOffset);
      const [row] = (await test.engine.list(aor, null, 10)).messages;
      t.match(row, { contentType: message.contentType, octets: body.length }, sample.name);
      const binding = contact(test.clock.now() + hoursMs(1), 'sip:phone@192.0.2.7');
      await test.submit(registered([binding], aor));
      const effect = test.effects.deliveries.at(-1) as OutgoingDelivery;
      const copy = deliverRequest(effect);
      t.same(Buffer.from(copy.body), body, `${sample.name}: the body`);
      const head = `MESSAGE sip:bob@192.0.2.7 SIP/2.0\r\n${copy.headers}\r\n`;
      const sent = Buffer.concat([Buffer.from(head), copy.body]);
      t.same(contentOf(sent), contentOf(sample.octets), `${sample.name}: what says how to read it`);
      await test.answer(effect, 200);
      t.equal(test.state(id), 'delivered', sample.name);
      await test.submit(registered([], aor));
    }
  },
);

/** Whether a report is owed, by what the file says of the content. */
function isOwed({ anonymous, fromAor, cpim }: IncomingMessage): boolean {
  return cpim !== null && !anonymous && fromAor === asserted && asksInTheClear(cpim);
}

const asksInTheClear = (facts: CpimFacts): boolean =>
  facts.dispositions.includes('negative-delivery') &&
  facts.imdnMessageId !== null &&
  !facts.encrypted &&
  !facts.isImdn;

t.test(
  'C35 C37 C38 C39 C49 each kind is reported when it asks in the clear, and not else',
  async (t) => {
    const test = await EngineUnderTest.open();
    const owed: string[] = [];
    for (const { sample, message } of readable) {
      const id = await test.accept(received(message));
      const before = test.effects.reports.length;
      await test.submit(deleted([id], message.aor));
      const reports = test.effects.reports.slice(before);
      for (const report of reports) await test.answer(report, 200);
      t.equal(reports.length, isOwed(message) ? 1 : 0, sample.name);
      if (reports.length === 1) owed.push(sample.name);
    }
    for (const name of ['multipart-nested', 'signed-around-cpim', 'compact-forms', 'file-transfer'])
      t.ok(owed.includes(name), name);
    for (const name of ['smime-enveloped', 'compact-encoding', 'an-imdn', 'html', 'nul-in-body'])
      t.notOk(owed.includes(name), name);
  },
);
