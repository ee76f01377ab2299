// What a pure reading of a short text came to, remembered: of addresses the same few come again and again. Invariant:
// bounded in number and length, emptied when full, and nothing in it holds on to the request a text was cut from. It
// must not know what is read.

const textsMax = 4096;
const charactersMax = 128;

/** The same function, which reads a text it has met lately no second time. `read` must be pure. */
export function remembered<T extends string | boolean | null>(
  read: (text: string) => T,
): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const met = known.get(text);
    if (met !== undefined) return met;
    if (text.length > charactersMax) return read(text);
    if (known.size === textsMax) known.clear();
    // A part of a larger text keeps all of it in memory: what stays here is a copy, and what was read from it.
    const copy = Buffer.from(text, 'utf16le').toString('utf16le');
    const result = read(copy);
    known.set(copy, result);
    return result;
  };
}
