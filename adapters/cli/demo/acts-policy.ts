// Acts about policies: one is swapped while the engine runs, and the chart of a message shows the way it took.
import { type Graph, graphOf, pathOfTrail } from '../../../machines/index.js';
import type { MessageLife } from '../../../runtime/index.js';
import { compilePolicy, shippedPolicy, shippedPolicyIds } from '../../compose.js';
import type { SipRequest } from '../stage/sip-agent.js';
import { type Letter, letterOf } from './letters.js';
import type { Act, Problem, Scene } from './scene.js';

const oldSeconds = 4;
const newSeconds = 2;
const chartColumns = 94;

export const swapped: Act = {
  title: 'The policy is swapped while the engine runs',
  claims: {
    swap: 'deliver-late activated in the running engine; old messages keep the policy they had',
    late: 'stored after the swap: expires, is kept, and is delivered late',
    marked: 'marked: the Date and Expires it carries show Bob that it has expired; no report',
    old: 'stored before it: expires, is gone, and Alice gets her report',
  },
  play: async (scene) => {
    const before = letterOf({
      subject: 'Before the swap',
      text: 'Under the old rules.',
      expiresSeconds: oldSeconds,
      report: true,
    });
    await scene.send(before);
    const pid = scene.stage.enginePid();
    await scene.stage.ask('policy.activate', {
      policy: 'deliver-late',
      by: 'demo',
      reason: 'to show it',
    });
    scene.say('The operator: deferred-im policy activate deliver-late');
    const after = letterOf({
      subject: 'After the swap',
      text: 'Under the new rules.',
      expiresSeconds: newSeconds,
      report: true,
    });
    await scene.send(after);
    const [old, fresh] = [await lifeOf(scene, before), await lifeOf(scene, after)];
    scene.say(policyLine(before, old));
    scene.say(policyLine(after, fresh));
    scene.claim('swap', [
      scene.stage.enginePid() !== pid && 'the engine is another process',
      old.policyId !== 'delete-and-report' && `the old message is under ${old.policyId}`,
      fresh.policyId !== 'deliver-late' && `the new message is under ${fresh.policyId}`,
    ]);
    await scene.inState(after, 'expired');
    await scene.until(`the end of "${before.subject}"`, async () => {
      const life = await scene.life(before);
      return life?.state !== 'stored';
    });
    scene.say('Both have expired while Bob was away. Now he registers:');
    await scene.bob.register();
    const copy = await scene.firstCopy(after);
    scene.showText(scene.bob, 'received', copy, { bodyLines: 0 });
    await scene.inState(after, 'delivered');
    scene.claim('late', [!copy.body.equals(after.body) && 'its body changed']);
    scene.claim('marked', [
      ...wrongMark(copy),
      scene.reports(after).length !== 0 && 'Alice got a report on it',
    ]);
    await scene.firstReport(before);
    await scene.inState(before, 'reported');
    scene.claim('old', [
      scene.reports(before).length !== 1 && 'there is more than one report',
      scene.copies(before).length !== 0 && 'it was delivered',
    ]);
  },
};

async function lifeOf(scene: Scene, letter: Letter): Promise<MessageLife> {
  return scene.until(`"${letter.subject}" in the store`, () => scene.life(letter));
}

const policyLine = (letter: Letter, { policyId, policyHash }: MessageLife): string =>
  `"${letter.subject}" is stored under ${policyId}, version ${policyHash.slice(0, 12)}.`;

// RFC 3428 section 7: Date and Expires let the recipient see that a message is old or expired.
function wrongMark(copy: SipRequest): readonly Problem[] {
  const [date = '', expires = ''] = [copy.header('date'), copy.header('expires')];
  const endMs = Date.parse(date) + Number(expires) * 1000;
  const late = endMs <= Date.now();
  return [
    date === '' && 'it has no Date',
    expires === '' && 'it has no Expires',
    !late && 'it looks fresh',
  ];
}

export const chart: Act = {
  title: 'The life of the last message',
  claims: {
    path: 'its trail is a way through the chart: stored, delivering, delivered',
  },
  play: async (scene) => {
    const letter = scene.letters.at(-1);
    const life = letter === undefined ? undefined : await scene.life(letter);
    if (letter === undefined || life === undefined) throw new Error('the message is not known');
    const graph = graphOf(await machineOf(scene, life));
    const path = pathOfTrail(graph, life.trail);
    scene.say(
      `"${letter.subject}" under the policy ${life.policyId}. Numbers tell the order in which it went through its states.`,
    );
    scene.teller.chart(graph, { path, current: life.state, width: chartColumns });
    const way = path.map(({ state }) => state).join(', ');
    scene.claim('path', [
      way !== 'stored, delivering, delivered' && `its way was ${way}`,
      life.outcome !== 'delivered' && `its outcome is ${life.outcome}`,
      missing(graph, path) ?? false,
    ]);
  },
};

type Machine = Parameters<typeof graphOf>[0];

// The shipped file where the message is under just that version: the store keeps a form with sorted keys, and a chart
// reads best in the order its author chose.
async function machineOf(scene: Scene, life: MessageLife): Promise<Machine> {
  const shipped = shippedPolicyIds.includes(life.policyId) ? shippedPolicy(life.policyId) : null;
  const compiled = shipped === null ? null : compilePolicy(shipped);
  const same = compiled?.ok === true && compiled.policy.hash === life.policyHash;
  const file = same ? shipped : await scene.stage.ask('policy.show', { policy: life.policyHash });
  return (file as { readonly machine: Machine }).machine;
}

function missing(graph: Graph, path: readonly { readonly state: string }[]): string | null {
  const known = new Set(graph.states.map(({ path: state }) => state));
  const other = path.find(({ state }) => !known.has(state));
  return other === undefined ? null : `${other.state} is not on the chart`;
}
