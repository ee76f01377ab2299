// A strict reader of small XML documents, only as much as an IMDN or a set of access rules needs (threats P2 and P3).
// Invariant: strings only, nothing is coerced; no DOCTYPE, comment, CDATA or processing
// instruction, no entity but the five of XML itself; size, depth and number of elements are
// bounded, and each character is looked at once.
import { type Failed, failed } from './finding.js';
import { isXmlCode } from './imdn.js';
import { imdnOctetsMax } from './limits.js';
import { decode, hexDigitAt } from './octets.js';

const depthMax = 16;

/** How large a document may be. */
export interface XmlBounds {
  readonly octetsMax: number;
  readonly elementsMax: number;
}

const imdnBounds: XmlBounds = { octetsMax: imdnOctetsMax, elementsMax: 256 };

export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** Character data directly in this element. */
  text: string;
}

/** Reads one document of UTF-8, of at most 16 KiB and 256 elements where nothing else is said. */
export function readXml(
  octets: Uint8Array,
  bounds: XmlBounds = imdnBounds,
): { readonly ok: true; readonly root: XmlElement } | Failed {
  if (octets.length > bounds.octetsMax) {
    return failed('xml-too-large', 'the document is too large', bounds.octetsMax);
  }
  const text = decode(octets, 0, octets.length);
  if (text === null) return failed('bad-utf8', 'the document is not valid UTF-8', 0);
  return new Reader(text, bounds.elementsMax).document();
}

interface Open {
  readonly element: XmlElement;
  /** Name as written, which the end tag must repeat. */
  readonly written: string;
  readonly prefixes: Prefixes | null;
}

/** Prefixes bound by one start tag, and those around it. */
interface Prefixes {
  readonly own: ReadonlyMap<string, string>;
  readonly outer: Prefixes | null;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #elements = 0;
  readonly #stack: Open[] = [];

  constructor(
    text: string,
    private readonly elementsMax: number,
  ) {
    // A byte order mark is allowed before an XML document.
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  document(): { readonly ok: true; readonly root: XmlElement } | Failed {
    if (!this.#declaration()) return this.#fail('the XML declaration is malformed');
    this.#blanks();
    const root = this.#startTag();
    if (typeof root === 'string') return this.#fail(root);
    while (this.#stack.length > 0) {
      const fault = this.#content();
      if (fault !== null) return this.#fail(fault);
    }
    this.#blanks();
    return this.#at === this.#text.length
      ? { ok: true, root }
      : this.#fail('something follows the root element');
  }

  #fail(message: string): Failed {
    return failed('xml', message, this.#at);
  }

  /**
   * `<?xml ... ?>` at the very start; its content does not matter, we read UTF-8 and nothing else.
   */
  #declaration(): boolean {
    if (!this.#text.startsWith('<?xml')) return true;
    const end = this.#text.indexOf('?>');
    if (end < 0 || end > 128) return false;
    const inner = this.#text.slice(5, end);
    this.#at = end + 2;
    return isSpace(inner.charCodeAt(0)) && !inner.includes('<');
  }

  #blanks(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /** Text up to the next tag, then that tag; a fault, or null. */
  #content(): string | null {
    const open = this.#stack.at(-1)!;
    const next = this.#text.indexOf('<', this.#at);
    if (next < 0) return 'an element is not closed';
    const raw = this.#text.slice(this.#at, next);
    const plain = raw.includes(']]>') ? null : unescapeXml(raw);
    if (plain === null) return 'malformed character data';
    open.element.text += plain;
    this.#at = next;
    if (this.#text[next + 1] === '/') return this.#endTag(open);
    const child = this.#startTag();
    if (typeof child === 'string') return child;
    open.element.children.push(child);
    return null;
  }

  #endTag(open: Open): string | null {
    const tag = `</${open.written}`;
    if (!this.#text.startsWith(tag, this.#at)) return 'an end tag does not match';
    this.#at += tag.length;
    this.#blanks();
    if (this.#text[this.#at] !== '>') return 'an end tag does not match';
    this.#at++;
    this.#stack.pop();
    return null;
  }

  /** The element whose start tag stands here, pushed unless it is empty; a fault as text. */
  #startTag(): XmlElement | string {
    if (this.#text[this.#at] !== '<') return 'an element is missing';
    // Everything that begins `<!` or `<?` is refused: DOCTYPE, entities, CDATA, comments,
    // instructions.
    const written = this.#name(this.#at + 1);
    if (written === '') return 'a tag that is no element';
    if (this.#stack.length >= depthMax || ++this.#elements > this.elementsMax)
      return 'too many elements';
    this.#at += 1 + written.length;
    const attributes = this.#attributes();
    if (attributes === null) return 'malformed attributes';
    const prefixes = bind(this.#stack.at(-1)?.prefixes ?? null, attributes);
    const colon = written.indexOf(':');
    const namespace = boundTo(prefixes, colon < 0 ? '' : written.slice(0, colon));
    if (colon >= 0 && namespace === undefined) return 'an unbound prefix';
    const name = written.slice(colon + 1);
    const element = { namespace: namespace ?? '', name, attributes, children: [], text: '' };
    return this.#endOfStartTag({ element, written, prefixes });
  }

  #endOfStartTag(open: Open): XmlElement | string {
    if (this.#text[this.#at] === '>') {
      this.#at++;
      this.#stack.push(open);
      return open.element;
    }
    if (!this.#text.startsWith('/>', this.#at)) return 'malformed start tag';
    this.#at += 2;
    return open.element;
  }

  #name(from: number): string {
    let at = from;
    while (isNameCode(this.#text.charCodeAt(at), at === from)) at++;
    return this.#text.slice(from, at);
  }

  /** `name="value"` pairs up to the end of the tag, or null. */
  #attributes(): Map<string, string> | null {
    const found = new Map<string, string>();
    for (;;) {
      const before = this.#at;
      this.#blanks();
      const char = this.#text[this.#at];
      if (char === '>' || char === '/') return found;
      const name = this.#name(this.#at);
      if (name === '' || before === this.#at || found.has(name)) return null;
      this.#at += name.length;
      const value = this.#attributeValue();
      if (value === null) return null;
      found.set(name, value);
    }
  }

  #attributeValue(): string | null {
    this.#blanks();
    if (this.#text[this.#at] !== '=') return null;
    this.#at++;
    this.#blanks();
    const quote = this.#text[this.#at] ?? '';
    const end = quote === '"' || quote === "'" ? this.#text.indexOf(quote, this.#at + 1) : -1;
    if (end < 0) return null;
    const raw = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return raw.includes('<') ? null : unescapeXml(raw);
  }
}

// Nothing is copied: many elements that bind a prefix each, inside one that binds many, cost what they are long.
function bind(outer: Prefixes | null, attributes: ReadonlyMap<string, string>): Prefixes | null {
  let own: Map<string, string> | null = null;
  for (const [name, value] of attributes) {
    if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue;
    own ??= new Map();
    own.set(name === 'xmlns' ? '' : name.slice(6), value);
  }
  return own === null ? outer : { own, outer };
}

/** What a prefix is bound to; at most `depthMax` steps. */
function boundTo(prefixes: Prefixes | null, prefix: string): string | undefined {
  for (let at = prefixes; at !== null; at = at.outer) {
    const bound = at.own.get(prefix);
    if (bound !== undefined) return bound;
  }
  return undefined;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The ASCII names an IMDN needs; other names of XML are not read. */
function isNameCode(code: number, first: boolean): boolean {
  const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
  if (letter || first) return letter;
  return (code >= 0x30 && code <= 0x3a) || code === 0x2d || code === 0x2e;
}

const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * Text with its five entities and character references resolved; null when anything else stands in
 * it.
 */
export function unescapeXml(raw: string): string | null {
  let out = '';
  for (let at = 0; at < raw.length; ) {
    if (raw[at] !== '&') {
      const code = raw.codePointAt(at)!;
      if (!isXmlCode(code) && !(code >= 0x7f && code <= 0x9f)) return null;
      const char = String.fromCodePoint(code);
      // XML 1.0 section 2.11: a literal line break is read as LF.
      if (char !== '\r') out += char;
      else if (raw[at + 1] !== '\n') out += '\n';
      at += char.length;
      continue;
    }
    const end = referenceEnd(raw, at);
    const value = end < 0 ? null : reference(raw.slice(at + 1, end));
    if (value === null) return null;
    out += value;
    at = end + 1;
  }
  return out;
}

/** Index of the semicolon of the reference at `at`; the longest one has ten characters. */
function referenceEnd(raw: string, at: number): number {
  for (let end = at + 1; end < raw.length && end < at + 11; end++) {
    if (raw[end] === ';') return end;
  }
  return -1;
}

function reference(name: string): string | null {
  if (!name.startsWith('#')) return named.get(name) ?? null;
  const hex = name[1] === 'x';
  const digits = name.slice(hex ? 2 : 1);
  let code = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = hexDigitAt(digits, at);
    if (digit < 0 || (!hex && digit > 9)) return null;
    code = code * (hex ? 16 : 10) + digit;
  }
  return digits !== '' && isXmlCode(code) ? String.fromCodePoint(code) : null;
}
