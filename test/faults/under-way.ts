// Effects that are under way when a part fails: a push to a phone and a report to a sender, both
// rung and not yet answered. Not a test file.
import type { Test } from 'tap';
import type { SipAgent } from '../../adapters/cli/stage/sip-agent.js';
import {
  failed,
  type Letter,
  letter,
  messagesTo,
  reported,
  reportsTo,
} from '../conformance/wire/letters.js';
import { hesitant, sentinel, store } from '../conformance/wire/steps.js';
import type { Chain } from '../support/chain.js';

export interface UnderWay {
  readonly alice: SipAgent;
  readonly bob: SipAgent;
  readonly pushed: Letter;
  readonly pushedId: string;
  readonly owed: Letter;
  readonly owedId: string;
  /** Both phones say 200. */
  answer(): void;
}

/** Has a push ring at Bob's phone and a report at Alice's; both wait to be answered. */
export async function effectsUnderWay(chain: Chain): Promise<UnderWay> {
  const [alice, bob, other] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const [pushed, owed] = [letter(alice, bob), letter(alice, other)];
  const pushedId = await store(chain, alice, bob, pushed);
  const owedId = await store(chain, alice, other, owed);
  const phones = [hesitant(bob), hesitant(alice)];
  await bob.register();
  await chain.admin('messages.expire', { id: owedId });
  await chain.waitUntil('the push rings', () => messagesTo(bob).length > 0);
  await chain.waitUntil('the report rings', () => reportsTo(alice).length > 0);
  const answer = (): void => {
    for (const phone of phones) phone(200);
  };
  return { alice, bob, pushed, pushedId, owed, owedId, answer };
}

/** Both came to their end, and each phone has seen its message once. */
export async function endedOnce(t: Test, chain: Chain, way: UnderWay): Promise<void> {
  await chain.reaches(way.pushedId, 'delivered');
  await chain.reaches(way.owedId, 'reported');
  way.alice.onMessage = () => 200;
  const last = await sentinel(chain, way.alice);
  const bodies = messagesTo(way.bob).map(({ body }) => body.toString());
  t.same(bodies, [way.pushed.body], 'pushed once');
  const reports = reported(way.alice, [way.pushed, way.owed, last]);
  t.same(reports, failed(way.owed, last), 'reported once, under one identity');
}
