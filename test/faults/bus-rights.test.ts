// Rights on the bus are taken away and given back while everything runs: the configuration that is
// shipped, changed and read again by the server (SIGHUP). Readiness turns false with an alarm,
// every sender hears a final answer within the hold, and with the rights service is back.
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { projectFile } from '../adapters/nats/project-file.js';
import { failed, letter, messagesTo, reported } from '../conformance/wire/letters.js';
import { sentinel, store } from '../conformance/wire/steps.js';
import { startChain } from '../support/chain.js';
import { accepts, answered, type Sent, send } from './flow.js';

const holdMs = 1000;
// One more user, who may do everything: the test, which looks on.
const shipped = readFileSync(projectFile('adapters/nats/nats-server.conf'), 'utf8')
  .replace(
    /\$DEFERRED_IM_([A-Z]+)_PASSWORD/g,
    (_all, role: string) => `secret-${role.toLowerCase()}`,
  )
  .replace('users: [', 'users: [ { user: looker, password: secret-looker }');
const account = (role: string): string => `${role}:secret-${role}`;
const chain = await startChain({
  child: true,
  holdMs,
  settings: { 'http.port': String(await freePort()) },
  accounts: {
    config: shipped,
    engine: account('engine'),
    proxy: account('proxy'),
    neighbour: account('looker'),
  },
});
t.teardown(() => chain.stop());
t.setTimeout(100_000);

const ready = async (): Promise<boolean> => (await chain.http('/readyz')) === 'ready\n';

t.test('N3 the shipped rights are enough for the whole of the service', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob);
  await bob.register();
  await chain.reaches(id, 'delivered');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

/** Takes a right of the engine away and gives it back. */
async function withoutRight(t: Test, right: string, violation: RegExp): Promise<void> {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  await store(chain, alice, bob, kept);
  // The first mention of the subject is the engine's.
  chain.reloadNats(shipped.replace(`"${right}"`, '"nothing.of.ours"'));
  const sent: Sent[] = [];
  await chain.waitUntil('the engine notices', async () => {
    sent.push(await send(alice, letter(alice, bob)));
    return /^not ready: bus: permissions-violation$/m.test(await chain.http('/readyz'));
  });
  sent.push(await send(alice, letter(alice, bob)));
  answered(t, sent, holdMs);
  t.equal(sent.at(-1)?.answer.status, 503, 'nothing is accepted that could not be answered');
  await chain.waitUntil('the alarm', () => violation.test(chain.engineLog()));
  t.match(await chain.admin('readiness'), { ready: false, reason: 'bus: permissions-violation' });

  chain.reloadNats(shipped);
  await chain.waitUntil('ready again', ready);
  await chain.busAgain();
  for (const { letter, answer } of sent)
    if (answer.status === 503) await accepts(chain, alice, letter);
  await bob.register();
  const all = [kept, ...sent.map(({ letter }) => letter)].map(({ body }) => body);
  await chain.waitUntil('all of it', () => messagesTo(bob).length >= all.length);
  await chain.waitUntil('an empty mailbox', async () => (await chain.mailbox(bob)).length === 0);
  const bodies = messagesTo(bob).map(({ body }) => body.toString());
  t.same([...bodies].sort(), [...all].sort(), 'each once');
}

const alarm = (detail: string): RegExp =>
  new RegExp(`"event":"bus.alarm","code":"permissions-violation","detail":"${detail}"`);

t.test('C13 the right to answer is taken away, and given back', async (t) => {
  await withoutRight(t, 'deferred-im-v1-answer', alarm('publish deferred-im-v1-answer'));
});

t.test('C13 the right to hear is taken away, and given back', async (t) => {
  await withoutRight(t, 'deferred-im.v1.store', alarm('subscription deferred-im.v1.store'));
});

t.test('C13 the proxy loses the right to hand over messages, and gets it back', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const subject = '"deferred-im.v1.store"';
  // The last mention of the subject is the proxy's.
  const at = shipped.lastIndexOf(subject);
  chain.reloadNats(`${shipped.slice(0, at)}"nothing.of.ours"${shipped.slice(at + subject.length)}`);
  const sent: Sent[] = [];
  await chain.waitUntil('a sender is refused', async () => {
    sent.push(await send(alice, letter(alice, bob)));
    return sent.at(-1)?.answer.status === 503;
  });
  for (let count = 0; count < 3; count += 1) sent.push(await send(alice, letter(alice, bob)));
  answered(t, sent, holdMs);
  t.equal(sent.at(-1)?.answer.status, 503, 'at the end of the hold');
  t.equal(await ready(), true, 'the engine hears its proxy, and can do its work');
  chain.reloadNats(shipped);
  for (const one of sent) if (one.answer.status === 503) await accepts(chain, alice, one.letter);
  await bob.register();
  await chain.waitUntil('all of it', () => messagesTo(bob).length >= sent.length);
  const bodies = messagesTo(bob).map(({ body }) => body.toString());
  t.same([...bodies].sort(), sent.map(({ letter }) => letter.body).sort(), 'each once');
});

t.test('C13 the password is changed under the engine, and changed back', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  chain.reloadNats(shipped.replace('secret-engine', 'another-one'));
  await chain.waitUntil('the engine notices', async () =>
    /^not ready: bus: unauthorized$/m.test(await chain.http('/readyz')),
  );
  answered(t, [await send(alice, letter(alice, bob))], holdMs);
  t.match(chain.engineLog(), /"event":"bus.alarm","code":"unauthorized"/);
  chain.reloadNats(shipped);
  await chain.waitUntil('ready again', ready);
  await chain.busAgain();
  await store(chain, alice, bob);
});
