// How wide a text is, from a fixed table (advance widths of the Helvetica family per thousand of
// the font size). The same text has the same width on every machine, so a chart does not depend on
// installed fonts; the picture asks the viewer to fit each text into that width.
const widths: Readonly<Record<string, number>> = Object.freeze(
  Object.assign(Object.create(null), tableOf()),
);
const otherWidth = 600;
const wideWidth = 1000;
const boldFactor = 1.07;

/** Width in pixels of one line of text. */
export function textWidth(text: string, fontPx: number, bold = false): number {
  let thousandths = 0;
  for (const sign of text) thousandths += widths[sign] ?? unlisted(sign.codePointAt(0) as number);
  return Math.ceil((thousandths * fontPx * (bold ? boldFactor : 1)) / 1000);
}

// From Hangul on, scripts fill a whole square.
function unlisted(code: number): number {
  return code >= 0x1100 ? wideWidth : otherWidth;
}

function tableOf(): Record<string, number> {
  const groups: readonly (readonly [number, string])[] = [
    [191, "'"],
    [222, 'ijl'],
    [260, '|'],
    [278, ' !,./:;I[\\]ft'],
    [333, '()-`r'],
    [334, '{}'],
    [355, '"'],
    [389, '*'],
    [469, '^'],
    [500, 'Jckszvxy'],
    [556, '#$0123456789?_Labdeghnopqu'],
    [584, '+<=>~'],
    [611, 'FTZ'],
    [667, '&ABEKPSVXY'],
    [722, 'CDHNRUw'],
    [778, 'GOQ'],
    [833, 'Mm'],
    [889, '%'],
    [944, 'W'],
    [1015, '@'],
    [1000, '→'],
  ];
  return Object.fromEntries(
    groups.flatMap(([width, signs]) => [...signs].map((sign) => [sign, width])),
  );
}
