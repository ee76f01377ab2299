// Every input of the corpus is read as its file says: SIP requests, CPIM bodies, IMDN documents and contacts as other
// stacks write them, and torture of our own, one for each kind that RFC 4475 lists.
import t from 'tap';
import {
  readContacts,
  readCpim,
  readImdn,
  readMessage,
  readSubscribe,
} from '../../../adapters/sip/index.js';
import { alone, difference, kinds, type Sample, samplesOf } from '../../support/corpus.js';

const asserted = 'sip:alice@example.org';
const defaultExpirySeconds = 3600;

/** What our readers make of the octets, in the form of the files. */
const readers: Readonly<Record<string, (octets: Buffer) => object>> = {
  sip: (octets) => {
    const read = readMessage(octets, asserted);
    if (!read.ok) return { refused: { status: read.status, code: read.code } };
    const { octets: kept, bodyOffset, ...facts } = read.message;
    return { reading: { bodyOctets: kept.length - bodyOffset, ...facts } };
  },
  subscribe: (octets) => {
    const read = readSubscribe(octets, asserted);
    if (read === null) return { reading: null };
    if (!read.ok) return { refused: { status: read.status, code: read.code } };
    return { reading: read.subscription };
  },
  cpim: (octets) => ({ reading: readCpim(octets, 'message/cpim').facts }),
  imdn: (octets) => {
    const read = readImdn(octets);
    return read.ok ? { reading: read.imdn } : { refused: { code: read.finding.code } };
  },
  contacts: (octets) => ({
    reading: readContacts(octets.toString('utf8'), defaultExpirySeconds, 0).map((binding) => ({
      contact: binding.contact,
      expiresSeconds: binding.expiresAtMs / 1000,
      features: binding.features,
    })),
  }),
};

const faultsIn = (kind: string, samples: readonly Sample[]): readonly string[] =>
  samples.flatMap(({ name, says, octets, expected }) => {
    const found = readers[kind]?.(octets) ?? {};
    const fault = difference(expected, found);
    return fault === null ? [] : [`${kind}/${name} (${says}): ${fault}`];
  });

t.test('every file of the corpus has its partner', async (t) => {
  for (const kind of kinds) t.strictSame(alone(kind), [], kind);
  for (const kind of Object.keys(readers)) t.ok(kinds.includes(kind), kind);
});

t.test('F8 F11 P8 C38 C39 C86 SIP requests of other stacks are read as expected', async (t) => {
  const samples = samplesOf('sip').filter(({ name }) => !name.startsWith('torture-'));
  t.ok(samples.length >= 50);
  t.strictSame(faultsIn('sip', samples), []);
});

t.test('F13 C86 torture of each kind of RFC 4475 is read as expected', async (t) => {
  const samples = samplesOf('sip').filter(({ name }) => name.startsWith('torture-'));
  t.strictSame(faultsIn('sip', samples), []);
  // Sections 3.1.1, 3.1.2, 3.2, 3.3 and 3.4 list so many.
  const sections = samples.map(({ name }) => name.split('-')[1] ?? '');
  const of = (section: string) => sections.filter((one) => one.startsWith(`${section}.`)).length;
  t.strictSame(['3.1.1', '3.1.2', '3.2', '3.3', '3.4'].map(of), [13, 19, 1, 15, 1]);
});

t.test('F11 C86 SUBSCRIBE of other stacks is read as expected', async (t) => {
  const samples = samplesOf('subscribe');
  t.ok(samples.length >= 25);
  t.strictSame(faultsIn('subscribe', samples), []);
});

t.test('F8 C38 C39 C86 CPIM of other stacks is read as expected', async (t) => {
  t.strictSame(faultsIn('cpim', samplesOf('cpim')), []);
});

t.test('F9 P2 P3 C86 IMDN documents of other stacks are read as expected', async (t) => {
  t.strictSame(faultsIn('imdn', samplesOf('imdn')), []);
});

t.test('P8 C86 contacts of other stacks are read as expected', async (t) => {
  t.strictSame(faultsIn('contacts', samplesOf('contacts')), []);
});

t.test('a reading that differs is noticed', async (t) => {
  const [sample] = samplesOf('cpim');
  t.equal(faultsIn('cpim', [{ ...sample!, expected: { reading: { to: 'Carol' } } }]).length, 1);
  t.equal(difference({ a: [1, 2] }, { a: [1, 2], b: 3 }), null);
  t.match(difference({ a: [1, 2] }, { a: [1, 2, 3] }), '.a');
  t.match(difference({ a: { b: null } }, { a: {} }), '.a.b');
  t.match(difference([], {}), 'it');
});
