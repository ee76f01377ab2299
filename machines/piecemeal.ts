// Work that may be put aside: a generator that yields wherever somebody else may go first. Whoever is in no hurry runs it
// a piece at a time between other work; whoever asks at once runs it through. It does the same either way.

/** Work of which every `yield` is a place to pause. */
export type Piecemeal<T> = Generator<void, T, void>;

/** Runs work through without a pause. */
export function atOnce<T>(work: Piecemeal<T>): T {
  for (;;) {
    const piece = work.next();
    if (piece.done === true) return piece.value;
  }
}

/** Runs work with a pause after each piece. */
export async function inPieces<T>(work: Piecemeal<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const piece = work.next();
    if (piece.done === true) return piece.value;
    await pause();
  }
}
