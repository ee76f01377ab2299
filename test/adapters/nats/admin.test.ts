// Operators' verbs on the bus: each answers in the form its schema gives, `v` first; a result that does not fit is told and
// never sent.
import t from 'tap';
import { verbs } from '../../../adapters/admin/index.js';
import { serveAdminSubjects, subjectWord } from '../../../adapters/admin-subjects.js';
import { adminReplySchema, adminSubject } from '../../../adapters/nats/index.js';
import { canonicalAor, readAccessRules } from '../../../adapters/sip/index.js';
import { shippedPolicy } from '../../../machines/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import { bob, numbered, received } from '../../support/messages.js';
import { memoryBus } from './fakes.js';

const ruleset = '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>';

/** A bus with an engine behind it, and a way to ask. */
async function stage(test: EngineUnderTest) {
  const bus = memoryBus();
  const logged: string[] = [];
  const { engine } = test;
  const readiness = () => ({ ready: true, reason: null });
  serveAdminSubjects(bus, { engine, canonicalAor, readAccessRules, readiness }, (_level, event) =>
    logged.push(event),
  );
  let asked = 0;
  const ask = async (verb: string, args: object): Promise<Record<string, unknown>> => {
    asked += 1;
    const reply = `_INBOX.operator.${asked}`;
    bus.bring(adminSubject(subjectWord(verb)), JSON.stringify(args), reply);
    for (let turns = 0; turns < 2000 && bus.on(reply).length === 0; turns += 1)
      await test.clock.settle();
    const [text = 'null', ...more] = bus.on(reply);
    if (more.length > 0) throw new Error(`${verb} answered twice`);
    return JSON.parse(text);
  };
  return { ask, logged };
}

t.test('every verb replies as its schema says, with v 1', async (t) => {
  const test = await EngineUnderTest.open();
  const { ask, logged } = await stage(test);
  const ids: string[] = [];
  for (let number = 1; number <= 9; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  const one = (at: number) => ({ id: ids[at], by: 'anna' });
  const aor = bob;
  const args: Readonly<Record<string, readonly object[]>> = {
    'messages.list': [{}, { aor, limit: 2 }],
    'messages.show': [{ id: ids[0] }],
    'messages.delete': [one(1)],
    'messages.expire': [one(2)],
    'messages.withdraw': [one(3)],
    'preferences.show': [{ aor }],
    'preferences.set': [{ aor, change: { delivery: 'notice' }, discardBlocked: true }],
    'preferences.import': [
      { aor, document: ruleset, dryRun: true },
      { aor, document: ruleset, discardBlocked: true },
    ],
    'policy.show': [{ policy: 'deliver-late' }],
    'policy.install': [{ source: shippedPolicy('deliver-late'), by: 'anna' }],
    'policy.activate': [
      { policy: 'hold-for-operator', mode: 'migrate', dryRun: true },
      { policy: 'hold-for-operator', mode: 'migrate', by: 'anna', reason: 'a test' },
      { policy: 'deliver-late', by: 'anna' },
    ],
    'messages.extend': [{ ...one(4), seconds: 7200 }],
    'policy.deactivate': [{ by: 'anna', reason: 'back' }],
    'policy.shadow': [{ source: shippedPolicy('deliver-late') }],
    'policy.rules-check': [{ rules: { rules: [{ policy: 'nobody' }] } }],
    'policy.rules-activate': [{ rules: { rules: [{ policy: 'deliver-late' }] }, by: 'anna' }],
  };
  const left = new Set(Object.keys(verbs));
  // What acts on policies comes before what shows them, and before the message that is to be extended.
  const last = [
    'messages.extend',
    'policy.deactivate',
    'policy.history',
    'policy.rules-show',
    'policy.list',
  ];
  const order = [...Object.keys(verbs).filter((name) => !last.includes(name)), ...last];
  for (const verb of order) {
    for (const asked of args[verb] ?? [{}]) {
      const reply = await ask(verb, { v: 1, ...asked });
      t.equal(reply['v'], 1, verb);
      if (reply['ok'] !== true) continue;
      t.same(adminReplySchema(subjectWord(verb))(reply), { ok: true }, JSON.stringify(reply));
      left.delete(verb);
    }
  }
  const refused = ['messages.retry', 'messages.force', 'messages.release', 'messages.drop'];
  t.strictSame(
    [...left].sort(),
    [...refused, 'clock.set', 'clock.advance'].sort(),
    'no others were refused',
  );
  t.strictSame(logged, [], 'no reply had to be replaced');
  await test.close();
});

t.test('a reply that is not of its schema is replaced and told', async (t) => {
  const test = await EngineUnderTest.open();
  const { ask, logged } = await stage(test);
  test.engine.policies = () => [{ hash: 'short' }] as never;
  t.match(await ask('policy.list', {}), { v: 1, ok: false, status: 500, code: 'reply-invalid' });
  t.strictSame(logged, ['admin.failed']);
  t.match(await ask('messages.show', {}), { v: 1, ok: false, status: 400, code: 'bad-request' });
  t.throws(() => adminReplySchema('nothing'), /has no schema/);
  t.throws(() => adminReplySchema('user-list'), /has no schema/);
  await test.close();
});
