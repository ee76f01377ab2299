// What an operator may set about reports and refusals, on the wire: reports of a service of its own, the draft-00 form of a
// request, anonymous senders of the trust domain, and what a sender hears whose message may not be kept. And what the proxy
// refuses before the engine is asked.
import t from 'tap';
import { correlate } from '../../../adapters/compose.js';
import { startChain } from '../../support/chain.js';
import { command, failed, letter, reported, reportsTo, resultsTo } from './letters.js';
import { sentinel, store } from './steps.js';

const chain = await startChain({
  settings: {
    'report.anonymousDomains': 'example.org',
    'report.serviceIdentity': 'sip:im@example.org',
    'report.draft00': 'true',
    'preferences.refusedStatus': '486',
  },
});
t.teardown(() => chain.stop());

const atOnce = { Expires: '0' };

t.test(
  'C48 spec 7.4 an anonymous sender of the trust domain hears, and is not named',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const nobody = 'sip:anonymous@anonymous.invalid';
    const headers = { ...atOnce, Privacy: 'id' };
    const sent = letter(alice, bob, { headers, cpimFrom: nobody });
    t.equal((await alice.message(sent)).status, 202);
    await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
    const report = reportsTo(alice)[0]!;
    t.same(reported(alice, [sent]), failed(sent));
    t.notMatch(report.body.toString(), alice.user, 'her name stands nowhere in it');
  },
);

t.test(
  'spec 13 reports come from the service identity; their content names the recipient',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = letter(alice, bob, { headers: atOnce });
    t.equal((await alice.message(sent)).status, 202);
    await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
    const report = reportsTo(alice)[0]!;
    t.match(report.header('From'), '<sip:im@example.org>');
    t.match(report.body.toString(), `<recipient-uri>${bob.uri}</recipient-uri>`);
    t.match(correlate(report.octets, [sent]).match, { sentTo: bob.uri, status: 'failed' });
  },
);

t.test('C40 the draft-00 form asks where the switch is on', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: atOnce });
  const body = sent.body
    .replace('NS: imdn <urn:ietf:params:imdn>\r\n', '')
    .replaceAll(/^imdn\./gm, '');
  t.notMatch(body, 'imdn');
  t.equal((await alice.message({ ...sent, body })).status, 202);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(sent, last), 'in the form of RFC 5438');
});

t.test('C69 the sender hears what the operator has set', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const set = { deferral: 'off' };
  await bob.message(command({ op: 'preferences', set }));
  const answer = await alice.message(letter(alice, bob));
  t.same([answer.status, (await chain.mailbox(bob)).length], [486, 0]);
});

t.test('C70 a politely blocked sender who asks where it is, is told that it waits', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const carol = await chain.agent('carol');
  await carol.register();
  const set = { add: [{ from: alice.uri, action: 'polite-block' }] };
  await bob.message(command({ op: 'preferences', set }));
  const letters = [letter(alice, bob), letter(carol, bob)] as const;
  t.equal((await alice.message(letters[0])).status, 202);
  await store(chain, carol, bob, letters[1]);
  const told = async (agent: typeof alice, messageId: string, op: string) => {
    const before = resultsTo(agent).length;
    const answer = await agent.message(command({ op, messageId, recipient: bob.uri }));
    await chain.waitUntil('the result', () => resultsTo(agent).length > before);
    const { state, endedAt, outcome } = resultsTo(agent).at(-1)!;
    return { status: answer.status, state, ended: typeof endedAt, outcome };
  };
  for (const op of ['status', 'withdraw', 'status'])
    t.same(
      await told(alice, letters[0].imdnMessageId, op),
      await told(carol, letters[1].imdnMessageId, op),
      op,
    );
});

t.test('RFC 3261 section 8.2.2.1 an unknown scheme is 416 through the proxy', async (t) => {
  const alice = await chain.alice();
  const answer = await alice.message({ to: 'urn:service:sos', body: 'help' });
  t.equal(answer.status, 416);
});
