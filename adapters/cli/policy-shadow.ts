// `policy shadow`: the recorded histories of a store lived again under a candidate policy. Reads only; asks a page at a time,
// so that an engine that serves goes on serving.
import { exitCodes, type Fate } from '../../runtime/index.js';
import { spanText } from '../simulator/index.js';
import { askReading, storeExits, storeFlags } from './ask.js';
import { columns } from './output.js';
import { judgedNamed } from './policy.js';
import type { Verb } from './verb.js';

interface Difference {
  readonly deferredId: string;
  readonly policyId: string;
  readonly receivedAtMs: number;
  readonly lived: Fate;
  readonly would: Fate;
}

interface Page {
  readonly compared: number;
  /** Histories with gaps, and messages in quarantine. */
  readonly skipped: number;
  readonly differences: readonly Difference[];
  readonly next: string | null;
}

/** Differences that are printed; all are counted. */
const printedMax = 1000;

export const policyShadow: Verb = {
  name: 'policy shadow',
  purpose: 'Live the recorded histories of a store again under a candidate policy.',
  text:
    'Says which messages would have ended differently, or would have been reported when they ' +
    'were not. Their senders, recipients and operators do again what they did; delays are the ' +
    "candidate's own; a push or report that was never made in truth is taken to arrive. A " +
    'history of which steps were forgotten, and a message in quarantine, are left out and ' +
    'counted. Changes nothing. Exit code 1 when there are differences.',
  arguments: [{ name: 'FILE|ID|HASH', meaning: 'The candidate.' }],
  flags: storeFlags,
  examples: ['deferred-im policy shadow my-policy.json --folder /var/lib/deferred-im'],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const { source } = await judgedNamed(call);
    const found: Difference[] = [];
    const counts = { compared: 0, skipped: 0, different: 0 };
    for (let after: string | null = ''; after !== null; ) {
      const args = { source, ...(after === '' ? {} : { after }) };
      const page = (await askReading(call, 'policy.shadow', args)) as Page;
      counts.compared += page.compared;
      counts.skipped += page.skipped;
      counts.different += page.differences.length;
      found.push(...page.differences.slice(0, printedMax - found.length));
      after = page.next;
    }
    call.output.result({ ...counts, differences: found }, () => text(found, counts));
    return counts.different === 0 ? exitCodes.ok : 1;
  },
};

function text(
  found: readonly Difference[],
  counts: { readonly compared: number; readonly skipped: number; readonly different: number },
): string {
  const rows = found.flatMap((one) => [
    [one.deferredId, one.policyId, 'was', ...cells(one.lived, one.receivedAtMs)],
    ['', '', 'would', ...cells(one.would, one.receivedAtMs)],
  ]);
  const heads = ['ID', 'POLICY', '', 'END', 'AFTER', 'PUSHES', 'REPORTS'];
  const { compared, skipped, different } = counts;
  const left = skipped === 0 ? '' : `, ${skipped} left out`;
  return `${rows.length === 0 ? '' : columns(heads, rows)}policy shadow: ${different} of ${compared} messages would have ended differently${left}\n`;
}

const cells = (fate: Fate, receivedAtMs: number): readonly string[] => [
  fate.ended ? fate.end : `still ${fate.end}`,
  fate.endedAtMs === null ? '-' : spanText(fate.endedAtMs - receivedAtMs),
  String(fate.deliveries),
  String(fate.reports),
];
