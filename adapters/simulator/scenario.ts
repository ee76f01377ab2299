// What a scenario is, and how one is read: the schema first, then what a schema cannot say (order of time, names that
// were sent before they are spoken of). Every finding names the place as a JSON pointer.
import { createRequire } from 'node:module';
import { type SchemaFinding, schemaChecker } from '../../machines/index.js';
import type { OperatorAct } from '../../runtime/index.js';

/** A length of time: the sum of its units. */
export interface Span {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
}

type At<Deed> = Deed & { readonly at: Span };

export type SendStep = At<{
  readonly do: 'send';
  readonly message: string;
  readonly from: string;
  readonly to: string;
  readonly expires?: Span;
  readonly report?: boolean;
  readonly anonymous?: boolean;
  readonly asserted?: boolean;
  readonly contentType?: string;
  readonly text?: string;
}>;

export type ScenarioStep =
  | SendStep
  | At<{ readonly do: 'register'; readonly user: string; readonly for?: Span }>
  | At<{ readonly do: 'unregister'; readonly user: string }>
  | At<{
      readonly do: 'phone';
      readonly user: string;
      readonly answers: readonly (number | 'silence')[];
    }>
  | At<{
      readonly do: 'delete' | 'retrieve' | 'request';
      readonly user: string;
      readonly messages: 'all' | readonly string[];
    }>
  | At<{ readonly do: 'withdraw' | 'unheard'; readonly message: string }>
  | At<{
      readonly do: 'operate';
      readonly act: OperatorAct;
      readonly message: string;
      readonly for?: Span;
    }>
  | At<{ readonly do: 'prefer'; readonly user: string; readonly change: object }>
  | At<{ readonly do: 'bus'; readonly is: 'away' | 'back' }>
  | At<{ readonly do: 'restart' }>;

export interface Scenario {
  readonly title: string;
  readonly description?: string;
  /** ISO 8601, whole seconds. */
  readonly begins?: string;
  readonly lasts: Span;
  readonly steps: readonly ScenarioStep[];
}

export type ReadScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly findings: readonly SchemaFinding[] };

const require = createRequire(import.meta.url);

/** The published JSON Schema of a scenario. */
export const scenarioSchema = require('./scenario.schema.json') as object;
const checkSchema = schemaChecker(scenarioSchema);

const lastsMaxMs = 400 * 86_400_000;

/** Reads parsed JSON as a scenario. Never throws. */
export function readScenario(source: unknown): ReadScenario {
  const checked = checkSchema(source);
  if (!checked.ok) return checked;
  const scenario = source as Scenario;
  const findings = [...spanFindings(scenario), ...stepFindings(scenario)];
  return findings.length === 0 ? { ok: true, scenario } : { ok: false, findings };
}

/** Milliseconds of a span. */
export const spanMs = ({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Span): number =>
  (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;

/** The address a scenario's user stands for. */
export const aorOf = (user: string): string =>
  user.startsWith('sip:') ? user : `sip:${user}@example.org`;

function spanFindings({ lasts, begins }: Scenario): SchemaFinding[] {
  const found: SchemaFinding[] = [];
  if (spanMs(lasts) > lastsMaxMs)
    found.push({ pointer: '/lasts', message: 'a scenario lasts at most 400 days' });
  if (begins !== undefined && Number.isNaN(Date.parse(begins)))
    found.push({ pointer: '/begins', message: `there is no instant ${begins}` });
  return found;
}

function stepFindings({ steps, lasts }: Scenario): SchemaFinding[] {
  const found: SchemaFinding[] = [];
  const sent = new Set<string>();
  let lastMs = 0;
  for (const [index, step] of steps.entries()) {
    const tell = (member: string, message: string): void => {
      found.push({ pointer: `/steps/${index}/${member}`, message });
    };
    const atMs = spanMs(step.at);
    if (atMs < lastMs) tell('at', 'steps stand in order of time, and the one before is later');
    if (atMs > spanMs(lasts)) tell('at', 'the scenario is over by then; see "lasts"');
    lastMs = Math.max(lastMs, atMs);
    if (step.do === 'send') {
      if (sent.has(step.message)) tell('message', `"${step.message}" was sent before`);
      sent.add(step.message);
    } else {
      for (const name of namedIn(step))
        if (!sent.has(name)) tell(memberOf(step), `no message "${name}" was sent before this step`);
    }
  }
  return found;
}

const namedIn = (step: ScenarioStep): readonly string[] => {
  if ('message' in step) return [step.message];
  return 'messages' in step && step.messages !== 'all' ? step.messages : [];
};

const memberOf = (step: ScenarioStep): string => ('message' in step ? 'message' : 'messages');
