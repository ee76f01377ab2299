// A story in words: for each message a head line, its steps in columns, and the end it came to. Pure text, the same for
// the same story.
import { visible } from '../../machines/index.js';
import type { Attempt, Life, LifeStep, Story } from './lives.js';

/** The whole story, for people. */
export function storyText(story: Story): string {
  const { policy, scenario, lastsMs } = story;
  const parts = [
    `${scenario}: ${spanText(lastsMs)} under ${policy.id} ${policy.hash.slice(0, 12)}\n`,
    ...story.lives.map(lifeText),
    ...(story.notices.length === 0 ? [] : [noticesText(story)]),
    ...(story.refusals.length === 0 ? [] : [refusalsText(story)]),
  ];
  return visibleLines(parts.join('\n'));
}

/** One row for each message: scenario, message, end, when, deliveries, reports. */
export const summaryRows = (name: string, story: Story): readonly (readonly string[])[] =>
  story.lives.map((life) => [
    name,
    life.message,
    life.outcome ?? life.state ?? `refused ${life.refused?.status ?? ''}`,
    life.endedAtMs === null ? '-' : spanText(life.endedAtMs - life.sentAtMs),
    attemptsText(life.deliveries),
    attemptsText(life.reports),
  ]);

function lifeText(life: Life): string {
  return `${headText(life)}\n${columns(life.steps.map(stepCells))}  ${endText(life)}\n`;
}

function headText(life: Life): string {
  const expires = life.expiresAfterMs === null ? 'never' : `after ${spanText(life.expiresAfterMs)}`;
  const report =
    life.reportException === null
      ? 'a failure report is asked for'
      : `no failure report (${life.reportException})`;
  const facts = life.refused === null ? `, expires ${expires}, ${report}` : '';
  return `${life.message}: ${life.from} → ${life.to}${facts}`;
}

function stepCells(step: LifeStep): readonly string[] {
  const status = step.status === null ? '' : ` ${step.status}`;
  const by = step.by === null ? '' : ` by ${step.by}`;
  const stays = step.from !== null && step.from === step.to;
  const way = step.from === null ? step.to : `${step.from} → ${step.to}`;
  return [
    instantText(step.atMs),
    `${step.event}${status}${by}`,
    stays ? `${step.to}, stays` : way,
    step.effects.join(', '),
  ];
}

function endText(life: Life): string {
  if (life.refused !== null) return `refused: ${life.refused.status} ${life.refused.code}`;
  const what = [
    `deliveries: ${attemptsText(life.deliveries)}`,
    `reports: ${attemptsText(life.reports)}`,
  ].join('; ');
  if (life.parked !== null) return `parked in ${life.state}: ${life.parked}`;
  if (life.endedAtMs === null) return `still ${life.state}; ${what}`;
  return `ended ${life.outcome} after ${spanText(life.endedAtMs - life.sentAtMs)}; ${what}`;
}

// Equal answers one after the other are counted: `480, silence x6, 200`.
function attemptsText(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return 'none';
  const runs: { readonly answer: string; count: number }[] = [];
  for (const answer of attempts.map(answerText)) {
    const last = runs.at(-1);
    if (last?.answer === answer) last.count += 1;
    else runs.push({ answer, count: 1 });
  }
  return runs.map(({ answer, count }) => (count === 1 ? answer : `${answer} x${count}`)).join(', ');
}

const answerText = (one: Attempt): string =>
  `${one.answer ?? 'silence'}${'late' in one && one.late === true ? ' (late)' : ''}`;

const noticesText = ({ notices }: Story): string =>
  `notices\n${columns(
    notices.map(({ atMs, user, waiting, answer }) => [
      instantText(atMs),
      user,
      `${waiting} waiting`,
      String(answer ?? 'silence'),
    ]),
  )}`;

const refusalsText = ({ refusals }: Story): string =>
  `steps of the scenario that changed nothing\n${columns(
    refusals.map(({ pointer, reason }) => [pointer, reason]),
  )}`;

const instantText = (ms: number): string => `+${spanText(ms)}`;

/** `2d 03:00:01`, `00:00:40.250`. */
export function spanText(ms: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const clock = `${two((ms / 3_600_000) % 24)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}`;
  const days = Math.floor(ms / 86_400_000);
  const rest = ms % 1000 === 0 ? '' : `.${String(ms % 1000).padStart(3, '0')}`;
  return `${days === 0 ? '' : `${days}d `}${clock}${rest}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows
    .map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at]!)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');
