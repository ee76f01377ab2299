// What happened in a lane, in order: the material a round is judged by, and what is printed when it is found wrong.

/** A message's sender, recipient and content, and all that came of it as the world outside the engine saw it. */
export interface Letter {
  /** Its IMDN Message-ID. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** The sender asks for a failure report. */
  readonly asks: boolean;
  readonly octets: Buffer;
  readonly text: string;
  /** Final answers the sender heard, in order; 503 when the hold ended. */
  readonly heard: number[];
  /** Phones that took it. */
  taken: number;
  /** Its owner fetched it and confirmed that. */
  confirmed: boolean;
  /** Identities of the reports about it, `imdn.Message-ID Call-ID`, each time one was published. */
  readonly reports: string[];
  /** Reports that reached the sender. */
  told: number;
  /** What was wrong in itself: another body. */
  readonly faults: string[];
}

/** The sender heard that his message is kept. */
export const accepted = (letter: Letter): boolean => letter.heard.includes(202);

interface Entry {
  readonly atMs: number;
  readonly about: string | null;
  readonly what: string;
}

export class History {
  readonly letters = new Map<string, Letter>();
  /** What came of nothing we wrote. */
  readonly strange: string[] = [];
  private readonly entries: Entry[] = [];
  private readonly begunMs = performance.now();

  /** Remembers something, about one message or about everything. */
  note(what: string, about: string | null = null): void {
    this.entries.push({ atMs: performance.now() - this.begunMs, about, what });
  }

  /** What happened to one message, between what happened to everything, from an instant on. */
  story(about: string, sinceMs: number): readonly string[] {
    return this.entries
      .filter((one) => one.atMs >= sinceMs && (one.about === null || one.about === about))
      .map(
        (one) => `${(one.atMs / 1000).toFixed(3)} s  ${one.about === null ? '' : '  '}${one.what}`,
      );
  }

  get nowMs(): number {
    return performance.now() - this.begunMs;
  }
}
