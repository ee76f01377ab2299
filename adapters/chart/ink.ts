// The ink of a chart: colours for light and dark, text that is told how wide it may be, number
// badges, arrow tips. All text is escaped here and nowhere else.

import type { Role, TextLine } from './model.js';
import { textWidth } from './text-width.js';

export const fonts = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans Condensed', sans-serif";

// name: light, dark
const palette = {
  ground: ['#ffffff', '#0f1720'],
  frame: ['#d5dbe3', '#2b3846'],
  text: ['#17202b', '#e6edf5'],
  soft: ['#56657a', '#9fb0c3'],
  line: ['#73839a', '#8497ad'],
  box: ['#f4f6f9', '#1a2531'],
  edge: ['#8e9bae', '#5f7288'],
  inside: ['#fafbfd', '#141d28'],
  accentBox: ['#e2eefc', '#12304f'],
  accentEdge: ['#2266b8', '#5aa2ee'],
  accentText: ['#0f3d78', '#c4e0ff'],
  guard: ['#7a4a9e', '#cfa5ee'],
  action: ['#1d7a53', '#7ad3aa'],
  path: ['#c2570c', '#ffa057'],
  onPath: ['#ffffff', '#1b1206'],
  count: ['#17202b', '#e6edf5'],
  onCount: ['#ffffff', '#0f1720'],
} as const;

export type Colour = keyof typeof palette;

export interface TextLook {
  readonly px: number;
  readonly colour: Colour;
  readonly bold?: boolean;
  readonly anchor?: 'middle';
}

export function text(x: number, y: number, content: string, look: TextLook): string {
  const bold = look.bold === true;
  const weight = bold ? ' font-weight="bold"' : '';
  const anchor = look.anchor === undefined ? '' : ` text-anchor="${look.anchor}"`;
  const length = fitted(textWidth(content, look.px, bold));
  return (
    `<text x="${x}" y="${y}" font-size="${look.px}"${weight}${anchor}${length}` +
    `${fill(look.colour)}>` +
    `${escapeXml(content)}</text>`
  );
}

const roleColour: Readonly<Record<Role, Colour>> = {
  trigger: 'text',
  guard: 'guard',
  action: 'action',
};

export function runs(x: number, y: number, line: TextLine, px: number): string {
  const parts = line.runs.map(
    (run) => `<tspan${fill(roleColour[run.role])}>${escapeXml(run.text)}</tspan>`,
  );
  const fit = fitted(line.width);
  const head = `<text x="${x}" y="${y}" font-size="${px}"${fit} xml:space="preserve">`;
  return `${head}${parts.join('')}</text>`;
}

function fitted(width: number): string {
  return width === 0 ? '' : ` textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
}

export function fill(colour: Colour): string {
  return ` class="f-${colour}" fill="${palette[colour][0]}"`;
}

export function stroke(colour: Colour): string {
  return ` stroke="${palette[colour][0]}" data-s="${colour}"`;
}

export function darkSheet(): string {
  const rules = Object.entries(palette).map(
    ([name, [, dark]]) =>
      `.deferred-chart .f-${name}{fill:${dark}}.deferred-chart [data-s=${name}]{stroke:${dark}}`,
  );
  return `@media (prefers-color-scheme:dark){${rules.join('')}}`;
}

export function pillWidth(label: string): number {
  return Math.max(20, textWidth(label, 11, true) + 10);
}

export function pill(
  x: number,
  y: number,
  label: string,
  full: string,
  ground: Colour,
  ink: Colour,
): string {
  const width = pillWidth(label);
  const box = `<rect x="${x}" y="${y - 10}" width="${width}" height="20" rx="10"${fill(ground)}/>`;
  const middle = x + width / 2;
  const words = text(middle, y + 4, label, { px: 11, bold: true, colour: ink, anchor: 'middle' });
  return `<g><title>${escapeXml(full)}</title>${box}${words}</g>`;
}

export function marker(id: string, colour: Colour): string {
  return (
    `<marker id="${id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9"` +
    ` markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1L10 5L0 9z"${fill(colour)}/></marker>`
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeXml(content: string): string {
  return [...content].map((sign) => entities[sign] ?? sign).join('');
}
