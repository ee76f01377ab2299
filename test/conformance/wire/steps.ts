// Steps that the wire tests share: a letter is stored, a phone hesitates, and the proof that
// nothing more comes. Not a test file.
import type { SipAgent, TranscriptEntry } from '../../../adapters/cli/stage/sip-agent.js';
import type { Chain } from '../../support/chain.js';
import {
  command,
  isResult,
  type Letter,
  letter,
  messagesTo,
  reported,
  resultsTo,
} from './letters.js';

/** What a phone got, body by body. */
export const bodies = (agent: SipAgent): readonly string[] =>
  messagesTo(agent).map((one) => one.body.toString());

/** Sends a letter that must be stored; its deferred id. */
export async function store(
  chain: Chain,
  alice: SipAgent,
  bob: SipAgent,
  sent: Letter = letter(alice, bob),
): Promise<string> {
  const answer = await alice.message(sent);
  if (answer.status !== 202) throw new Error(`not stored: ${answer.status} ${answer.reason}`);
  return chain.newest(bob);
}

/**
 * Has one more report come to a sender. Reports to one target go one after the other: whatever was
 * decided before
 * this one has come as well, and what has not come was never sent.
 */
export async function sentinel(chain: Chain, alice: SipAgent): Promise<Letter> {
  const last = letter(alice, await chain.bob(), { headers: { Expires: '0' } });
  await alice.message(last);
  await chain.waitUntil('the report that is owed', () =>
    reported(alice, [last]).includes(`${last.imdnMessageId} failed`),
  );
  return last;
}

/** A phone that leaves messages unanswered until it is told the status; results it takes. */
export function hesitant(bob: SipAgent): (status: number) => void {
  let tell: (status: number) => void = () => undefined;
  const told = new Promise<number>((resolve) => {
    tell = resolve;
  });
  bob.onMessage = (request) => (isResult(request) ? 200 : told);
  return tell;
}

/**
 * Resolves when messages for a user who has registered reach him without the store: the engine has
 * told the proxy that nothing waits for him. What he got meanwhile is taken off his hands: the bodies.
 */
export async function relaying(
  chain: Chain,
  alice: SipAgent,
  bob: SipAgent,
): Promise<readonly string[]> {
  await chain.waitUntil('the proxy relays', async () => {
    return (await alice.message(letter(alice, bob))).status === 200;
  });
  await chain.waitUntil('nothing waits', async () => (await chain.mailbox(bob)).length === 0);
  const came = bodies(bob);
  bob.received.length = 0;
  return came;
}

/** Sends a command by SIP; the pages of its result. */
export async function commanded(chain: Chain, user: SipAgent, body: object) {
  const answer = await user.message(command(body));
  if (answer.status !== 202) throw new Error(`refused: ${answer.status}`);
  return chain.waitUntil('the result', () => {
    const pages = resultsTo(user).filter((one) => one['callId'] === answer.header('Call-ID'));
    return pages.length > 0 && pages.length === pages[0]?.['of'] && pages;
  });
}

/** A sender whose requests and answers are written down. */
export async function recorded(
  chain: Chain,
): Promise<{ readonly agent: SipAgent; readonly lines: TranscriptEntry[] }> {
  const lines: TranscriptEntry[] = [];
  return { agent: await chain.alice({ transcript: (entry) => lines.push(entry) }), lines };
}

/** The last MESSAGE such a sender sent, as text: the one with credentials. */
export const lastSent = (lines: readonly TranscriptEntry[]): string =>
  lines.findLast((one) => one.direction === 'sent' && one.text.startsWith('MESSAGE '))?.text ?? '';

/** The answers he heard with a status, as text. */
export const answersHeard = (
  lines: readonly TranscriptEntry[],
  status: number,
): readonly string[] =>
  lines
    .filter((one) => one.direction === 'received' && one.text.startsWith(`SIP/2.0 ${status} `))
    .map((one) => one.text);

/** Resolves when the registration that `register` brings has lapsed, as the proxy tells it. */
export async function lapsed(
  chain: Chain,
  user: SipAgent,
  register: () => Promise<unknown>,
): Promise<void> {
  const told: string[] = [];
  const offline = chain.bus.subscribe('deferred-im.v1.offline', {
    callback: (_error, message) => {
      const [, , why, aor = ''] = message.string().split(' ');
      if (why === 'expired') told.push(Buffer.from(aor, 'base64').toString());
    },
  });
  await chain.bus.flush();
  await register();
  await chain.waitUntil('the registration lapses', () => told.includes(user.uri));
  offline.unsubscribe();
}
