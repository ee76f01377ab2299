// What a writer says while it works, one line for each fact, and what is known from these lines at some moment: which
// contents the store may have, which commits were acknowledged, and what was promised to the world.
import type { RowDigest } from './contents.js';

/** One line of the writer. */
export type Fact =
  /** The store has this content when its next commit is number `commit`. */
  | { readonly fact: 'opened'; readonly commit: number; readonly digest: RowDigest }
  /** A commit was handed to the store; the content after it, and messages it forgets. */
  | {
      readonly fact: 'begun';
      readonly commit: number;
      readonly digest: RowDigest;
      readonly forgets: readonly string[];
    }
  /** The store confirmed it. */
  | { readonly fact: 'landed'; readonly commit: number }
  /** A sender heard 202. */
  | { readonly fact: 'accepted'; readonly deferredId: string }
  /** A message's end was told. */
  | { readonly fact: 'ended'; readonly deferredId: string; readonly outcome: string };

/** What the world was told up to a moment. */
export class Known {
  /** Contents by digest: after which commit. */
  readonly contents = new Map<RowDigest, number>();
  readonly accepted = new Set<string>();
  readonly ended = new Map<string, string>();
  /** Local parts, and the commit that forgets each. */
  readonly forgotten = new Map<string, number>();
  /** The last commit that was confirmed; -1 before the first. */
  acknowledged = -1;

  take(fact: Fact): void {
    switch (fact.fact) {
      case 'opened':
        this.contents.set(fact.digest, fact.commit);
        return;
      case 'begun':
        this.contents.set(fact.digest, fact.commit);
        for (const local of fact.forgets) this.forgotten.set(local, fact.commit);
        return;
      case 'landed':
        this.acknowledged = fact.commit;
        return;
      case 'accepted':
        this.accepted.add(fact.deferredId);
        return;
      case 'ended':
        this.ended.set(fact.deferredId, fact.outcome);
    }
  }

  /** Messages that must be there after a commit, each with its end where one was told. */
  promised(commit: number): readonly Promised[] {
    return [...this.accepted]
      .filter((id) => (this.forgotten.get(localOf(id)) ?? Number.POSITIVE_INFINITY) > commit)
      .map((deferredId) => ({ deferredId, outcome: this.ended.get(deferredId) ?? null }));
  }
}

export interface Promised {
  readonly deferredId: string;
  /** Null: its end was not told yet; it may have one. */
  readonly outcome: string | null;
}

const localOf = (deferredId: string): string => deferredId.slice(0, deferredId.indexOf('@'));
