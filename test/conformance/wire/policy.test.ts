// Conformance rows of spec chapter 14 about the provider's choice, on the wire: the policy is
// swapped while messages wait, and a late delivery can be seen to be one.
import t from 'tap';
import { type PolicyFile, shippedPolicy } from '../../../machines/index.js';
import { startChain } from '../../support/chain.js';
import { command, failed, letter, reported, reportsTo } from './letters.js';
import { sentinel, store } from './steps.js';

const chain = await startChain();
t.teardown(() => chain.stop());

const policy = (id: string, settings: PolicyFile['settings'] = {}): PolicyFile => {
  const file = shippedPolicy(id) as PolicyFile;
  return { ...file, settings: { ...file.settings, ...settings } };
};

t.test('C79 each message meets the fate of the policy it was stored under', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const headers = { Expires: '1' };
  const [before, after, again] = [0, 1, 2].map(() => letter(alice, bob, { headers }));
  const first = await store(chain, alice, bob, before);
  await chain.activate(policy('deliver-late'));
  const second = await store(chain, alice, bob, after);
  await chain.admin('policy.activate', { policy: 'delete-and-report' });
  const third = await store(chain, alice, bob, again);
  const ids = [(await chain.life(first)).policyId, (await chain.life(second)).policyId];
  t.same(ids, ['delete-and-report', 'deliver-late']);
  await chain.reaches(first, 'reported');
  await chain.reaches(second, 'expired');
  await chain.reaches(third, 'reported');
  await bob.register();
  await chain.reaches(second, 'delivered');
  t.same(
    bob.received.map((one) => one.body.toString()),
    [after!.body],
  );
  const last = await sentinel(chain, alice);
  const sent = [before!, after!, again!, last];
  t.same(reported(alice, sent), failed(before!, again!, last));
});

t.test('C80 a limit of the operator shows on late delivery', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await chain.activate(policy('deliver-late', { defaultExpirySeconds: 1 }));
  const content = 'Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n';
  const plain = letter(alice, bob, { content });
  const date = new Date(Date.now() - 10_000).toUTCString();
  const dated = letter(alice, bob, { headers: { Date: date, Expires: '11' } });
  const ids = [await store(chain, alice, bob, plain), await store(chain, alice, bob, dated)];
  for (const id of ids) await chain.reaches(id, 'expired');
  const { expiresAtMs } = (await chain.life(ids[0]!)).message;
  await bob.register();
  for (const id of ids) await chain.reaches(id, 'delivered');
  const [first, second] = bob.received;
  const shownMs = Date.parse(first?.header('Date') ?? '') + Number(first?.header('Expires')) * 1000;
  t.ok(shownMs <= Date.now(), 'he can see that it is expired');
  t.ok(Math.abs(shownMs - expiresAtMs!) < 2000, 'at the instant the operator set');
  t.equal(first?.body.toString(), plain.body, 'signed content untouched');
  t.equal(second?.header('Date'), date);
  t.equal(second?.header('Expires'), '11', 'his own pair shows it already');
  t.equal(reportsTo(alice).length, 0);
});

t.test('C80 where his own pair shows no end, a notice with the expiry comes before', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await chain.activate(policy('deliver-late', { maxExpirySeconds: 1 }));
  const headers = { Date: new Date().toUTCString(), Expires: '86400' };
  const id = await store(chain, alice, bob, letter(alice, bob, { headers }));
  await chain.reaches(id, 'expired');
  const { expiresAtMs } = (await chain.life(id)).message;
  await bob.register();
  await chain.reaches(id, 'delivered');
  const [notice, late, ...more] = bob.received;
  t.equal(notice?.header('Content-Type'), 'application/vnd.oma.im.deferred-list+xml');
  t.match(notice?.body.toString(), `history-reference="sip:${id}"`);
  const expiry = new Date(expiresAtMs!).toISOString().slice(0, 19);
  t.match(notice?.body.toString(), `<expiry>${expiry}Z</expiry>`);
  t.match([late?.header('Date'), late?.header('Expires')], [headers.Date, '86400']);
  t.same(more, []);
});

t.test('C24 kept expired message deleted unread is reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await chain.activate(policy('deliver-late'));
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'expired');
  t.equal(reportsTo(alice).length, 0, 'kept: no report yet');
  t.equal((await bob.message(command({ op: 'delete', ids: [id] }))).status, 202);
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
});
