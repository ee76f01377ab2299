// The simulator: scenarios are read with findings that name the place, and played on the real runtime, alike every time.
// What the shipped ones tell is held by docs/reference/scenarios.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  playScenario,
  readScenario,
  type Scenario,
  shippedScenarioIds,
} from '../../../adapters/simulator/index.js';
import { canonicalAor, readMessage } from '../../../adapters/sip/index.js';
import { type PolicyFile, shippedPolicy, shippedPolicyIds } from '../../../machines/index.js';
import { storyOf } from '../../support/scenarios-page.js';
import { run, temporaryFolder } from '../cli/command.js';

const codec = { readMessage, canonicalAor };
const policy = (id = 'delete-and-report') => shippedPolicy(id) as PolicyFile;

const send = (at: object, message: string, more: object = {}) => ({
  ...{ at, do: 'send', message, from: 'alice', to: 'bob', expires: { hours: 2 } },
  ...more,
});

function scenario(...steps: readonly object[]): Scenario {
  const read = readScenario({ title: 'a test', lasts: { days: 3 }, steps });
  if (!read.ok) throw new Error(JSON.stringify(read.findings));
  return read.scenario;
}

t.test('what is no scenario is refused, and the finding names what and where', async (t) => {
  const good = send({ seconds: 1 }, 'one');
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ lasts: { days: 1 }, steps: [good] }, '', /required property 'title'/],
    [{ title: 'x', lasts: { weeks: 1 }, steps: [good] }, '/lasts', /"weeks"/],
    [{ title: 'x', lasts: { days: 400, hours: 1 }, steps: [good] }, '/lasts', /400 days/],
    [{ title: 'x', lasts: { days: 1 }, steps: [] }, '/steps', /fewer than 1/],
    [{ title: 'x', lasts: { days: 1 }, steps: [{ ...good, do: 'sing' }] }, '/steps/0', /"do"/],
    [{ title: 'x', lasts: { days: 1 }, steps: [{ ...good, tone: 'a' }] }, '/steps/0', /"tone"/],
    [
      { title: 'x', begins: '2026-02-31T99:00:00Z', lasts: { days: 1 }, steps: [good] },
      '/begins',
      /no instant/,
    ],
    [
      { title: 'x', lasts: { days: 1 }, steps: [good, send({ seconds: 0 }, 'two')] },
      '/steps/1/at',
      /order of time/,
    ],
    [{ title: 'x', lasts: { seconds: 0 }, steps: [good] }, '/steps/0/at', /over by then/],
    [
      { title: 'x', lasts: { days: 1 }, steps: [good, good] },
      '/steps/1/message',
      /"one" was sent before/,
    ],
    [
      {
        title: 'x',
        lasts: { days: 1 },
        steps: [good, { at: { hours: 1 }, do: 'delete', user: 'bob', messages: ['oen'] }],
      },
      '/steps/1/messages',
      /no message "oen"/,
    ],
  ];
  for (const [source, pointer, message] of cases) {
    const read = readScenario(source);
    if (read.ok) throw new Error(`taken: ${JSON.stringify(source)}`);
    t.equal(read.findings[0]?.pointer, pointer, JSON.stringify(read.findings));
    t.match(read.findings[0]?.message, message);
  }
});

t.test(
  'each shipped scenario is told alike twice, and no step of it is refused by every policy',
  async (t) => {
    for (const id of shippedScenarioIds.slice(0, -1)) {
      const stories = [];
      for (const policyId of shippedPolicyIds) stories.push(await storyOf(policyId, id));
      t.same(await storyOf(shippedPolicyIds[0]!, id), stories[0], id);
      const refused = stories.map(({ refusals }) => refusals.map(({ pointer }) => pointer));
      const everywhere = refused[0]!.filter((one) => refused.every((list) => list.includes(one)));
      t.strictSame(everywhere, [], id);
    }
  },
);

t.test(
  'a message lives as it does on a real engine: states, effects, answers, report',
  async (t) => {
    const story = await playScenario(policy(), scenario(send({ seconds: 0 }, 'lunch')), codec);
    const [life] = story.lives;
    t.equal(life?.outcome, 'reported');
    t.equal(life?.endedAtMs, 7_201_000);
    t.strictSame(
      life?.steps.map(({ atMs, event, to, effects }) => [atMs, event, to, effects]),
      [
        [0, 'message.received', 'stored', []],
        [7_200_000, 'after expiry', 'expired → reporting.sending', ['report 1']],
        [7_201_000, 'report.answered', 'reported', []],
      ],
    );
    t.same(life?.reports, [
      { atMs: 7_200_000, attempt: 1, answer: 200, status: 'failed', to: 'sip:alice@example.org' },
    ]);
  },
);

t.test('a restart in the middle changes nothing', async (t) => {
  const steps = [
    { at: { seconds: 0 }, do: 'phone', user: 'bob', answers: ['silence', 480, 200] },
    send({ seconds: 0 }, 'one'),
    { at: { minutes: 1 }, do: 'register', user: 'bob', for: { hours: 2 } },
  ];
  const through = await playScenario(policy(), scenario(...steps), codec);
  const again = { at: { minutes: 20 }, do: 'restart' };
  const restarted = await playScenario(policy(), scenario(...steps, again), codec);
  t.equal(through.lives[0]?.outcome, 'delivered');
  t.same(restarted.lives, through.lives);
});

t.test('what a scenario asks in vain is told with its place', async (t) => {
  const asked = { at: { hours: 1 }, do: 'operate', act: 'release', message: 'one' };
  const story = await playScenario(policy(), scenario(send({ seconds: 0 }, 'one'), asked), codec);
  t.match(story.refusals, [{ pointer: '/steps/1', reason: /409/ }]);
});

t.test('policy simulate', async (t) => {
  const told = await run(
    'policy',
    'simulate',
    'deliver-late',
    '--scenario',
    'returns-after-expiry',
  );
  t.equal(told.code, 0, told.err);
  t.match(told.out, /ended delivered after 1d 00:00:01; deliveries: 200 \(late\); reports: none/);
  const json = await run(
    'policy',
    'simulate',
    'deliver-late',
    '--scenario',
    'deleted-unread',
    '--json',
  );
  t.equal(JSON.parse(json.out).lives.length, 3);

  const folder = temporaryFolder(t);
  const file = join(folder, 'mine.json');
  const mine = { title: 'mine', lasts: { days: 1 }, steps: [send({ hours: 30 }, 'x')] };
  writeFileSync(file, JSON.stringify(mine));
  const refused = await run('policy', 'simulate', 'deliver-late', '--scenario', file);
  t.equal(refused.code, 64);
  t.match(refused.err, `${file}#/steps/0/at: the scenario is over by then`);
  const unknown = await run('policy', 'simulate', 'deliver-late', '--scenario', 'phone-refusse');
  t.equal(unknown.code, 64);
  t.match(unknown.err, /did you mean "phone-refuses"/);
  writeFileSync(file, '{"id": "mine"}');
  const invalid = await run('policy', 'simulate', file, '--scenario', 'phone-refuses');
  t.equal(invalid.code, 78);
});
