// What users want, as far as it is sure: a change counts from the moment at which its reply is durable, and is unsure
// while it is on its way or was lost with a dying engine. Whatever is born later must agree with it. Written anew here,
// from spec 7 alone: the engine's own reading of rules is what is asked.
import type { Command, PreferencesView } from '../../../runtime/index.js';
import type { Letter } from '../letters.js';

type Changed = Extract<Command, { type: 'preferences.changed' }>;
type Rules = PreferencesView['rules'];

/** What becomes of a letter by the wishes of its recipient. */
type Fate = 'kept' | 'blocked' | 'swallowed' | 'not-kept';

interface Wish {
  /** Of the last change that was asked for. */
  last: Changed | null;
  /** What holds for sure; null while it is not known. */
  sure: PreferencesView | null;
  /** What some rule of his ever said. */
  readonly ever: Set<string>;
}

export class WishBook {
  private readonly wishes = new Map<string, Wish>();

  asked(command: Changed): void {
    const wish = this.of(command.aor);
    wish.last = command;
    wish.sure = null;
    const { add = [], rules = [] } = command.change;
    for (const { action } of [...add, ...rules]) wish.ever.add(action);
  }

  replied(command: Changed, view: PreferencesView): void {
    const wish = this.of(command.aor);
    if (wish.last === command) wish.sure = view;
  }

  /** What becomes of a letter for sure, or null. A user who has set nothing keeps all. */
  fateOf({ aor, asserted }: Letter): Fate | null {
    const wish = this.wishes.get(aor);
    if (wish === undefined) return 'kept';
    if (wish.sure === null) return null;
    const { rules, deferral } = wish.sure;
    const action = actionFor(rules, asserted);
    if (action === 'block') return 'blocked';
    if (action === 'polite-block') return 'swallowed';
    if (action === 'no-storage' || (action === null && deferral === 'off')) return 'not-kept';
    return 'kept';
  }

  /** Whether a rule of this kind was ever asked for. */
  everSaid(aor: string, action: 'block' | 'polite-block'): boolean {
    return this.wishes.get(aor)?.ever.has(action) ?? false;
  }

  /** He may have wanted notices in place of pushes. */
  mayWantNotices(aor: string): boolean {
    const wish = this.wishes.get(aor);
    return wish !== undefined && wish.sure?.delivery !== 'push';
  }

  wantsNone(aor: string): boolean {
    return this.wishes.get(aor)?.sure?.notices === 'off';
  }

  /** He wants everything, for sure. */
  isOpen(aor: string): boolean {
    const wish = this.wishes.get(aor);
    if (wish === undefined) return true;
    return wish.sure !== null && wish.sure.rules.length === 0 && wish.sure.set.length === 0;
  }

  private of(aor: string): Wish {
    let wish = this.wishes.get(aor);
    if (wish === undefined) {
      wish = { last: null, sure: null, ever: new Set() };
      this.wishes.set(aor, wish);
    }
    return wish;
  }
}

const actionFor = (rules: Rules, asserted: string | null): string | null =>
  rules.find(({ from }) => from === '*' || (asserted !== null && from === asserted))?.action ??
  null;
