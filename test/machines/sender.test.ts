// Whom a message is from, as its recipient is told.
import t from 'tap';
import { isAnonymousUri, type Message, shownSender } from '../../machines/index.js';

const alice = 'sip:alice@example.com';
const facts = (changes: Partial<Message>): Message =>
  ({ asserted: alice, fromUri: alice, reportException: null, ...changes }) as Message;

t.test('C48 an anonymous sender is shown to nobody, whatever he asked for', async (t) => {
  for (const fromUri of [alice, 'sip:anonymous@example.org', 'sip:x@nobody.invalid'])
    for (const reportException of ['not-asked', 'is-imdn', 'anonymous', null] as const)
      t.equal(shownSender(facts({ hidden: true, fromUri, reportException })), null);
  t.equal(shownSender(facts({ hidden: false })), alice);
  t.equal(shownSender(facts({ hidden: false, asserted: null, fromUri: 'sip:a@b' })), 'sip:a@b');
});

t.test('a row of 0.2.0 shows no more than its recipient sees in From', async (t) => {
  t.equal(shownSender(facts({ reportException: 'anonymous' })), null);
  t.equal(shownSender(facts({})), alice);
  for (const fromUri of ['sip:anonymous@example.org', 'sip:x@nobody.invalid', 'sip:x@invalid'])
    t.equal(shownSender(facts({ fromUri, reportException: 'not-asked' })), null, fromUri);
  const other = facts({ fromUri: 'sip:team@example.com', reportException: 'not-asked' });
  t.equal(shownSender(other), 'sip:team@example.com', 'the asserted identity may be a secret');
});

t.test('a URI that stands for nobody', async (t) => {
  const nobody = ['sip:anonymous@anonymous.invalid', 'sip:X@nobody.INVALID;p', 'sip:Anonymous@a.b'];
  for (const uri of nobody) t.ok(isAnonymousUri(uri), uri);
  for (const uri of [alice, 'sip:anonymous.b@example.com', 'tel:+1234'])
    t.notOk(isAnonymousUri(uri), uri);
});
