// Plays the acts one after the other and keeps the score: every claim of every act is settled, held or broken, also
// when an act breaks off. An act that fails does not end the story. Knows neither what acts do nor what they run on.
import type { Act, Problem, Verdict } from './scene.js';
import { Interrupted, Scene } from './scene.js';
import type { Stage } from './stage.js';
import type { Teller } from './teller.js';

/** Tells the story; resolves with one verdict for each claim. Rejects only when it is interrupted. */
export async function tellStory(
  acts: readonly Act[],
  stage: Stage,
  teller: Teller,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  let settle: Settle = () => undefined;
  const scene = new Scene(stage, teller, (name, problems) => settle(name, problems), signal);
  for (const [index, act] of acts.entries()) {
    const settled = new Map<string, Verdict>();
    const conclude = (name: string, why: string | null): void => {
      const claim = act.claims[name];
      if (claim === undefined || settled.has(name)) throw new TypeError(`claim ${name}`);
      if (!signal.aborted) teller.claim(claim, why);
      settled.set(name, { act: index + 1, claim, why });
    };
    settle = (name, problems) => conclude(name, problems.find((one) => one !== false) || null);
    teller.act(index + 1, act.title);
    const broken = await playAct(act, scene);
    for (const name of Object.keys(act.claims)) {
      if (!settled.has(name)) conclude(name, broken ?? 'the act did not come to it');
    }
    const failed = [...settled.values()].some(({ why }) => why !== null);
    if (failed) teller.tail(stage.log());
    verdicts.push(...settled.values());
  }
  return verdicts;
}

type Settle = (name: string, problems: readonly Problem[]) => void;

/** What broke the act off, or null. */
async function playAct(act: Act, scene: Scene): Promise<string | null> {
  try {
    await act.play(scene);
    return null;
  } catch (cause) {
    if (cause instanceof Interrupted || scene.signal.aborted) throw new Interrupted('interrupted');
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    await bobLeaves(scene).catch(() => undefined);
  }
}

// Every act begins with Bob away and a phone that takes what comes.
async function bobLeaves({ bob, signal }: Scene): Promise<void> {
  bob.onMessage = () => 200;
  if (!signal.aborted) await bob.unregister();
}
