// What happened, for the reader of a failure: the last lines in a ring, put into words only when asked, and a hash over
// all of them where two runs are to be compared.

type Part = string | number;

interface Line {
  readonly atMs: number;
  readonly what: string;
  readonly parts: readonly Part[];
}

const ringLines = 256;

export class Trace {
  private readonly ring: Line[] = [];
  private count = 0;
  private hash = 0x811c9dc5;
  /** Everything, for a story; null while nobody wants it. */
  all: string[] | null = null;

  constructor(private readonly hashing: boolean) {}

  add(atMs: number, what: string, ...parts: readonly Part[]): void {
    const line = { atMs, what, parts };
    this.ring[this.count % ringLines] = line;
    this.count += 1;
    if (this.all !== null) this.all.push(written(line));
    if (this.hashing) this.mix(written(line));
  }

  /** Hash of every line so far. */
  get digest(): string {
    return `${(this.hash >>> 0).toString(16)}/${this.count}`;
  }

  /** The last lines, oldest first. */
  last(lines: number): readonly string[] {
    const from = Math.max(0, this.count - Math.min(lines, ringLines));
    const found: string[] = [];
    for (let at = from; at < this.count; at += 1) found.push(written(this.ring[at % ringLines]!));
    return found;
  }

  private mix(text: string): void {
    for (let index = 0; index < text.length; index += 1)
      this.hash = Math.imul(this.hash ^ text.charCodeAt(index), 0x01000193);
  }
}

const written = ({ atMs, what, parts }: Line): string =>
  `${(atMs / 1000).toFixed(4).padStart(10)} s  ${[what, ...parts].join(' ')}`;
