// Every fault a policy can have: its code, the release check it belongs to (reliability 7.5), how grave it is, and one
// sentence. docs/reference/gate.md is made from this table; a code that is not here cannot be reported.

/** The thirteen release checks of a policy. */
export const releaseChecks = {
  RC1: 'The file keeps to the schema; every name, parameter, delay and target is known; it is small enough to be judged.',
  RC2: 'Every state can be reached, those that are only passed as well.',
  RC3: 'There is no dead end: from everywhere an end can be reached.',
  RC4: 'A message ends within its maximum lifetime, even if the world stays silent.',
  RC5: 'Nothing repeats without end: every cycle spends time or a counted attempt, `always` comes to rest.',
  RC6: 'Guards leave no answer unheard and hide no transition; where two of them overlap is listed.',
  RC7: 'A failure report that is owed is sent before the message is gone; none that is not owed, and never two.',
  RC8: 'Nothing is delivered after the message has ended, nor after its expiry unless the policy says so, and then marked.',
  RC9: 'A deletion is heard in every state of a mailbox, and takes effect.',
  RC10: 'A command that comes twice does what it does once; no second push while one is out.',
  RC11: 'The delays that are armed follow from the state: none is lost on the way.',
  RC12: 'A migration leaves no message without a place, and breaks no other check from there.',
  RC13: 'What a policy does is told, so that two of them can be compared.',
} as const;

export type ReleaseCheck = keyof typeof releaseChecks;
export type Severity = 'error' | 'warning';

interface FindingKind {
  readonly check: ReleaseCheck;
  readonly severity: Severity;
  /** What is wrong, and why it matters. */
  readonly meaning: string;
}

const error = (check: ReleaseCheck, meaning: string): FindingKind => ({
  ...{ check, severity: 'error', meaning },
});
const warning = (check: ReleaseCheck, meaning: string): FindingKind => ({
  ...{ check, severity: 'warning', meaning },
});

/** The table, by code; in the order of the checks. */
export const findingKinds = Object.freeze({
  json: error('RC1', 'The file cannot be read as JSON.'),
  'not-json': error('RC1', 'A value that JSON cannot hold.'),
  'too-large': error('RC1', 'The file has more octets than the bound.'),
  'too-deep': error('RC1', 'The JSON nests deeper than the bound, or in a cycle.'),
  'too-many-states': error('RC1', 'The machine has more states than the bound.'),
  'too-many-situations': error(
    'RC1',
    'The policy has more situations than can be looked at; nothing is proved of a part. Fewer tries or fewer delays side by side make it small enough.',
  ),
  'forbidden-name': error('RC1', 'A name that means something to JavaScript or XState.'),
  schema: error('RC1', 'The file does not keep to the schema.'),
  machine: error('RC1', 'XState refuses the machine.'),
  'id-mismatch': error('RC1', 'The machine has another id than the policy.'),
  'built-in-delay': error('RC1', 'A declared delay has the name of a built-in one.'),
  'unknown-event': error('RC1', 'An event no message hears.'),
  'unknown-delay': error('RC1', 'A delay that is neither built in nor declared.'),
  'unknown-guard': error('RC1', 'A guard that is not in the vocabulary.'),
  'unknown-action': error('RC1', 'An action that is not in the vocabulary.'),
  'unknown-tag': error('RC1', 'A tag that means nothing.'),
  'unknown-target': error('RC1', 'A target that is no state.'),
  'missing-parameter': error('RC1', 'A guard or action lacks a parameter.'),
  'unknown-parameter': error('RC1', 'A parameter the guard or action does not have.'),
  'bad-parameter': error('RC1', 'A parameter outside its choice or bounds.'),
  'no-initial': error('RC1', 'A state with states inside does not say where it begins.'),
  'no-outcome': error('RC1', 'An end without the label it is counted under.'),
  'unused-delay': warning('RC1', 'A declared delay that no state waits for.'),
  unreachable: error('RC2', 'No transition leads to the state.'),
  'never-entered': error(
    'RC2',
    'Transitions lead to the state, but no message ever comes there: a guard on the way never holds.',
  ),
  'dead-end': error('RC3', 'No transition leads from the state to an end.'),
  'no-way-out': error('RC3', 'A message can come here and never end, whatever happens.'),
  'deaf-to-its-end': error('RC4', 'A state does not hear that the maximum lifetime is over.'),
  'never-ends': error(
    'RC4',
    'After its maximum lifetime the message stays for ever if the world is silent.',
  ),
  'ends-late': error(
    'RC4',
    'After its maximum lifetime the message goes on longer than an answer, or than its report, may take.',
  ),
  'endless-always': error('RC5', '`always` leads back to itself without waiting.'),
  'hot-loop': error(
    'RC5',
    'A cycle that takes no time: effects or delays follow each other as fast as answers come.',
  ),
  'short-delay': error(
    'RC5',
    'A retry or a hold of less than ten seconds: expiry and retries are longer than that.',
  ),
  'step-fails': error('RC5', 'A step fails: the message would be parked.'),
  'empty-transition': error('RC6', 'A transition that goes nowhere and does nothing.'),
  'hidden-transition': error('RC6', 'A transition that an earlier one always takes first.'),
  'open-guards': warning(
    'RC6',
    'Alternatives for each value but some, and no default: what happens for the others is silence.',
  ),
  'answer-ignored': error('RC6', 'The chart is deaf to an answer it waits for.'),
  'late-success-ignored': warning(
    'RC6',
    'The chart is deaf to a success that comes late: what has arrived is sent once more.',
  ),
  'report-missing': error('RC7', 'The message ends unread, a report is owed, and none was sent.'),
  'report-not-owed': error('RC7', 'A report is sent that nobody is owed.'),
  'report-twice': error('RC7', 'A second report, after one has arrived or beside another.'),
  'report-too-early': error('RC7', 'A report is sent while the message is still in its mailbox.'),
  'report-abandoned': error(
    'RC7',
    'The message ends while its report is under way: if it fails, nobody tries again.',
  ),
  'body-lost': error('RC8', 'The body of a message that left its mailbox is gone, and is needed.'),
  'delivered-after-end': error('RC8', 'A push after the message was deleted, ended or read.'),
  'delivered-after-expiry': error(
    'RC8',
    'A push after the expiry, and `settings.deliverAfterExpiry` is not true.',
  ),
  'late-unmarked': error('RC8', 'A push after the expiry that does not say so.'),
  'idle-setting': warning(
    'RC8',
    '`deliverAfterExpiry` is true, and nothing is ever delivered late.',
  ),
  unhandled: error('RC9', 'A state of a mailbox has no transition for a deletion.'),
  'delete-ignored': error('RC9', 'A deletion is not heard while the message is in its mailbox.'),
  'delete-stays': error('RC9', 'A deletion is heard, and the message stays in its mailbox.'),
  deaf: warning('RC9', 'A waiting message is deaf to something people do with it.'),
  'command-doubled': error('RC10', 'A command that comes twice does more than it does once.'),
  'push-doubled': error('RC10', 'A push while another one has no answer yet.'),
  'delay-lost': error(
    'RC11',
    'A delay can fire while its guard does not hold; it is gone then, and the state goes on without it.',
  ),
  'no-patience': warning(
    'RC11',
    'A push without `answerTimeout` beside it: what becomes of it hangs on somebody else’s answer.',
  ),
  'migration-incomplete': error('RC12', 'A state has no place in the other policy.'),
  'migration-timer-lost': error('RC12', 'A delay that is pending has no place there.'),
  'migration-map': error('RC12', 'The map names what the policy it is for does not have.'),
  'migration-breaks': error('RC12', 'From the place it is put to, another check fails.'),
} satisfies Record<string, FindingKind>);

export type FindingCode = keyof typeof findingKinds;

/** One thing wrong with a policy. `code` is stable; the words are not. */
export interface PolicyFinding {
  readonly code: FindingCode;
  readonly check: ReleaseCheck;
  readonly severity: Severity;
  /** JSON pointer (RFC 6901) into the policy file. */
  readonly pointer: string;
  readonly message: string;
  /** The shortest history that shows it, where it takes one. */
  readonly path?: readonly string[];
}

/** A finding with what the table knows of its code. */
export function findingOf(
  code: FindingCode,
  pointer: string,
  message: string,
  path?: readonly string[],
): PolicyFinding {
  const { check, severity } = findingKinds[code];
  return { code, check, severity, pointer, message, ...(path === undefined ? {} : { path }) };
}
