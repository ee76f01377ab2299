// How the story looks on a terminal: headings, plain sentences, SIP messages shortened to what matters, ticks and
// crosses. At most 100 columns. Text from the network is made harmless before it is shown.
import { type Graph, type TextChartOptions, textChart, visible } from '../../../machines/index.js';
import type { SipText } from '../stage/sip-text.js';

/** Where the words go. */
export interface Out {
  write(text: string): unknown;
}

export interface SipView {
  /** Lines of the body that are shown; all by default, 0 for none. */
  readonly bodyLines?: number;
}

const columns = 96;
const signs = { left: '  ', sip: '    ', tick: '✓', cross: '✗', rule: '─', bar: '│' } as const;
const logLines = 12;

/** Headers that say something about the message itself, not about the hop. */
const requestHeaders = new Set([
  'from',
  'to',
  'date',
  'expires',
  'contact',
  'p-asserted-identity',
  'content-type',
  'content-language',
  'content-length',
]);

/** In an answer all others repeat the request. */
const answerHeaders = new Set(['contact', 'retry-after', 'content-type', 'content-length']);

export class Teller {
  readonly #out: Out;
  readonly #color: boolean;
  readonly #startedMs = performance.now();

  constructor(out: Out, color: boolean) {
    this.#out = out;
    this.#color = color;
  }

  /** Seconds since the story began. */
  seconds(): string {
    return ((performance.now() - this.#startedMs) / 1000).toFixed(1);
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  title(text: string): void {
    this.line(this.#paint('1', text));
  }

  /** A heading with the time since the beginning at its end. */
  act(number: number, title: string): void {
    const head = `${signs.rule}${signs.rule} ${number}  ${title} `;
    const tail = ` ${this.seconds()} s`;
    const rule = signs.rule.repeat(Math.max(2, columns - head.length - tail.length));
    this.line();
    this.line(this.#paint('1', head) + this.#paint('2', rule + tail));
  }

  /** A sentence, folded. */
  say(text: string): void {
    for (const line of folded(visible(text), columns - signs.left.length)) {
      this.line(signs.left + line);
    }
  }

  /** A SIP message under a caption such as `Alice → proxy`. */
  sip(caption: string, message: SipText, view: SipView = {}): void {
    const bar = this.#paint('2', signs.bar);
    this.line(`${signs.sip}${this.#paint('36', caption)}`);
    const shown = (text: string, code: string) =>
      this.line(`${signs.sip}${bar} ${this.#paint(code, fitted(text))}`.trimEnd());
    shown(message.startLine, '1');
    const answer = message.startLine.startsWith('SIP/2.0 ');
    const wanted = answer ? answerHeaders : requestHeaders;
    for (const [name, value] of message.headers) {
      if (wanted.has(name.toLowerCase())) shown(`${name}: ${withoutTag(value)}`, '39');
    }
    const lines = bodyLines(message.body);
    const most = view.bodyLines ?? lines.length;
    if (most > 0 && lines.length > 0) shown('', '2');
    for (const line of lines.slice(0, most)) shown(line, '39');
    const rest = lines.length - most;
    if (rest > 0) shown(`(a body of ${message.body.length} octets)`, '2');
  }

  claim(text: string, why: string | null): void {
    const mark = why === null ? this.#paint('1;32', signs.tick) : this.#paint('1;31', signs.cross);
    const full = why === null ? text : `${text}: ${why}`;
    const [first = '', ...rest] = folded(visible(full), columns - 4);
    this.line(`${signs.left}${mark} ${first}`);
    for (const line of rest) this.line(`${signs.left}  ${line}`);
  }

  /** A chart with the way of a message on it. */
  chart(graph: Graph, options: TextChartOptions): void {
    const text = textChart(graph, { ...options, color: this.#color });
    for (const line of text.trimEnd().split('\n')) this.line(signs.left + line);
  }

  /** The end of a log, when something went wrong. */
  tail(log: string): void {
    if (log.trim() === '') return;
    for (const line of log.trimEnd().split('\n').slice(-logLines)) {
      this.line(`${signs.sip}${this.#paint('2', fitted(line))}`);
    }
  }

  #paint(code: string, text: string): string {
    return this.#color && text !== '' ? `\u001B[${code}m${text}\u001B[0m` : text;
  }
}

/** What came to a person's ears; the tag is for machines. */
function withoutTag(value: string): string {
  const tag = value.indexOf(';tag=');
  return tag < 0 ? value : value.slice(0, tag);
}

function bodyLines(body: Uint8Array): readonly string[] {
  if (body.length === 0) return [];
  const text = Buffer.from(body).toString('utf8');
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  return lines.flatMap(cutUp);
}

const sipRoom = columns - signs.sip.length - 2;

/** A long line, JSON for instance, in pieces. */
function cutUp(line: string): readonly string[] {
  const all = [...line];
  const pieces: string[] = [];
  for (let at = 0; at < all.length || at === 0; at += sipRoom) {
    pieces.push(all.slice(at, at + sipRoom).join(''));
  }
  return pieces;
}

function fitted(text: string): string {
  const all = [...visible(text)];
  return all.length <= sipRoom ? all.join('') : `${all.slice(0, sipRoom - 1).join('')}…`;
}

function folded(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
