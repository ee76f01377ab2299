// The tools of the kill tests themselves: stops, plans, the judge and the broken builds. A judge that finds nothing
// wrong with anything would make every run a success.
import { join } from 'node:path';
import t from 'tap';
import { failpoints } from '../../runtime/index.js';
import { applyPatch } from '../sim/patch.js';
import { breakBuild, controls, patchNames } from './broken-build.js';
import { delayMs, formatStop, parseStop, type Stop, Stops } from './failpoint.js';
import type { Letter } from './history.js';
import { type FaultKind, judge, type Row } from './judge.js';
import { letterOf } from './letter.js';
import { planRounds } from './plan.js';
import { exitCodeOf, missed, summary, type Totals } from './run.js';

t.test('stops are read as they are written', async (t) => {
  t.same(parseStop('commit.after:2'), { point: 'commit.after', pass: 2, mode: 'kill' });
  for (const text of ['commit.after:2:throw', 'boot.scanned:65:delay', 'commit.before:1:cut'])
    t.equal(formatStop(parseStop(text) as Stop), text);
  for (const text of ['', 'commit.after', 'commit.after:0', 'commit.after:1.5', 'commit.later:1'])
    t.equal(parseStop(text), null, text);
  t.equal(parseStop('commit.after:1:melt'), null);
  t.equal(parseStop('commit.after:1:kill:1'), null);
});

t.test('a stop is made at its passage, once, and told before', async (t) => {
  const seen: string[] = [];
  const deeds = {
    kill: () => void seen.push('killed'),
    wait: (ms: number) => void seen.push(`${ms}`),
  };
  const stops = new Stops((stop) => void seen.push(formatStop(stop)), deeds);
  stops.arm({ point: 'commit.after', pass: 2, mode: 'kill' });
  stops.arm({ point: 'ack.before', pass: 1, mode: 'throw' });
  stops.arm({ point: 'timer.fired', pass: 1, mode: 'delay' });
  stops.hook('commit.after');
  stops.hook('commit.before');
  t.same(seen, []);
  stops.hook('commit.after');
  stops.hook('commit.after');
  t.same(seen.splice(0), ['commit.after:2:kill', 'killed']);
  t.throws(() => stops.hook('ack.before'), { message: 'failpoint ack.before' });
  stops.hook('timer.fired');
  t.same(seen.splice(0), ['ack.before:1:throw', 'timer.fired:1:delay', `${delayMs}`]);
  stops.arm({ point: 'ack.after', pass: 1, mode: 'kill' });
  stops.hook('ack.after');
  t.same(seen.splice(0), ['ack.after:1:kill'], 'what was published leaves first');
  await new Promise((resolve) => setImmediate(resolve));
  t.same(seen, ['killed']);
});

t.test('sixty rounds strike everywhere, in every mode, some with Kamailio', async (t) => {
  const rounds = planRounds(60, 7);
  const stops = rounds.flatMap(({ blows }) =>
    blows.flatMap((blow) => (blow.kind === 'stop' ? [blow.stop] : [])),
  );
  for (const point of failpoints)
    for (const mode of ['kill', 'throw', 'delay'] as const)
      t.ok(
        stops.some((stop) => stop.point === point && stop.mode === mode),
        `${point} ${mode}`,
      );
  t.equal(rounds.filter((round) => round.kamailio).length, 6);
  t.same(planRounds(60, 7), rounds, 'the same seed, the same plan');
  t.notSame(planRounds(60, 8), rounds);
});

// ---- the judge ----

const letter = (changes: Partial<Letter> = {}): Letter => ({
  ...letterOf({
    ...{ id: 'm1', from: 'sip:alice@example.com', to: 'sip:bob@example.org' },
    ...{ asks: true, expiresSeconds: 1 },
  }),
  heard: [202],
  ...changes,
});

const row = (outcome: string | null, parked: string | null = null): Row => ({
  ...{ deferredId: 'x@y', aor: 'sip:bob@example.org', asserted: 'sip:alice@example.com' },
  ...{ state: 'stored', outcome, parked },
});

const cases: readonly (readonly [string, Letter, Row | undefined, readonly FaultKind[]])[] = [
  ['delivered', letter({ taken: 1 }), row('delivered'), []],
  ['fetched', letter({ confirmed: true }), row('delivered'), []],
  ['reported', letter({ reports: ['a b', 'a b'], told: 1 }), row('reported'), []],
  ['dropped, nobody asked', letter({ asks: false }), row('dropped'), []],
  ['refused, then nothing', letter({ heard: [480] }), undefined, []],
  ['unknown, dropped', letter({ heard: [503] }), row('dropped'), []],
  ['gone', letter(), undefined, ['lost']],
  ['delivered to nobody', letter(), row('delivered'), ['lost']],
  ['dropped, no report', letter(), row('dropped'), ['missing']],
  ['reported to nobody', letter({ reports: ['a b'] }), row('reported'), ['missing']],
  ['still there', letter(), row(null), ['missing']],
  ['two identities', letter({ reports: ['a b', 'c b'], told: 1 }), row('reported'), ['doubled']],
  ['delivered and reported', letter({ taken: 1, reports: ['a b'] }), row('delivered'), ['wrong']],
  ['reported though taken', letter({ taken: 1, told: 1 }), row('reported'), ['wrong']],
  ['dropped though taken', letter({ taken: 1 }), row('dropped'), ['wrong']],
  ['parked', letter(), row(null, 'a guard threw'), ['wrong']],
  ['never stored, but delivered', letter({ heard: [503], taken: 1 }), undefined, ['wrong']],
  ['another body', letter({ taken: 1, faults: ['other'] }), row('delivered'), ['wrong']],
  ['an end that no policy has', letter(), row('vanished'), ['wrong']],
];

t.test('the judge', async (t) => {
  for (const [name, one, stored, kinds] of cases)
    t.same(
      judge(one, stored).map(({ kind }) => kind),
      kinds,
      name,
    );
});

t.test('the last line tells the faults, and a stop that was missed fails the run', async (t) => {
  const totals: Totals = {
    ...{ planned: planRounds(1, 1), rounds: 1, accepted: 20, published: 2, heard: 1 },
    ...{ faults: [], hits: [] },
  };
  t.equal(
    summary(totals).at(-1),
    'kill: 1 rounds, 20 accepted, 0 lost, 0 reports missing, 0 reports doubled',
  );
  t.same(missed(totals), ['cmd.received:kill', ...failpoints]);
  t.equal(exitCodeOf(totals), 1);
  const last = failpoints.at(-1)!;
  for (const point of failpoints.slice(0, -1)) totals.hits.push({ point, pass: 1, mode: 'kill' });
  t.same(missed(totals), [last], 'every point of the code, planned or not');
  t.equal(exitCodeOf(totals), 1);
  totals.hits.push({ point: last, pass: 1, mode: 'delay' });
  t.equal(exitCodeOf(totals), 0);
  totals.faults.push({ kind: 'doubled', id: 'm1', why: 'two identities' });
  t.match(summary(totals).at(-1), /0 lost, 0 reports missing, 1 reports doubled$/);
  t.equal(exitCodeOf(totals), 1);
});

// ---- broken builds ----

t.test('every patch applies to this build', async (t) => {
  t.same(controls.map((one) => one.patch).sort(), [...patchNames()].sort());
  for (const control of controls)
    t.ok(breakBuild(control, join(t.testdir(), control.name)), control.name);
});

t.test('a patch that does not fit fails', async (t) => {
  const patch = '--- a/x\n+++ b/x\n@@ -1 +1 @@\n one\n-two\n+2\n';
  t.equal(applyPatch('zero\none\ntwo\nthree\n', patch, 'p'), 'zero\none\n2\nthree\n');
  t.throws(() => applyPatch('one\nthree\n', patch, 'p'), { message: /no longer applies/ });
  t.throws(() => applyPatch('one\ntwo\none\ntwo\n', patch, 'p'), { message: /fits twice/ });
  t.throws(() => applyPatch('one\n', '--- a/x\n', 'p'), { message: /no hunk/ });
});
