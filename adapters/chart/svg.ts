// Writes a placed chart as SVG. Colours stand on the elements, for light; a style sheet turns them
// for dark where the viewer asks for it, and a place that forbids style sheets still gets the light
// picture on its own ground. All text is escaped; every text is told how wide it may be.
import {
  type Graph,
  isWithin,
  type Path,
  stopsOf,
  takenOn,
  visible,
} from '../../machines/index.js';
import {
  type Colour,
  darkSheet,
  escapeXml,
  fill,
  fonts,
  marker,
  pill,
  pillWidth,
  runs,
  stroke,
  text,
} from './ink.js';
import {
  type Arrow,
  type Box,
  type ChartModel,
  labelPx,
  lineHeight,
  type Place,
  type PlacedChart,
  type Point,
  rowPx,
  titleHeight,
  titlePx,
} from './model.js';
import { textWidth } from './text-width.js';

const margin = 28;
const idSigns = /^[A-Za-z0-9-]$/;
export interface DrawOptions {
  /** Title of the policy; the graph's id when not given. */
  readonly title?: string;
  /** What the policy does, in a sentence or two. */
  readonly description?: string;
  /** The way of one message: states numbered in order, the arrows between them highlighted. */
  readonly path?: Path;
  /** Path of the state one message is in now. */
  readonly current?: string;
  /** Number of messages per state path. */
  readonly counts?: Readonly<Record<string, number>>;
}

interface Drawing {
  readonly model: ChartModel;
  readonly placed: PlacedChart;
  readonly options: DrawOptions;
  readonly visits: ReadonlyMap<string, readonly number[]>;
  readonly taken: ReadonlySet<string>;
  /** Begins every id, so that several charts can stand in one page. */
  readonly name: string;
  readonly dx: number;
  readonly dy: number;
}

/** The SVG document of a placed chart. */
export function svg(
  graph: Graph,
  model: ChartModel,
  placed: PlacedChart,
  options: DrawOptions,
): string {
  const title = visible(options.title ?? graph.id);
  const width = Math.max(placed.width, 640) + 2 * margin;
  const about = wrap(visible(options.description ?? ''), width - 2 * margin);
  const head = 30 + (about.length === 0 ? 0 : about.length * 18 + 2) + 14;
  const height = margin + head + placed.height + 46 + margin - 12;
  const name = `chart-${[...graph.id].map((sign) => (idSigns.test(sign) ? sign : '_')).join('')}`;
  const drawing: Drawing = {
    name,
    model,
    placed,
    options,
    visits: visitsOf(options.path ?? []),
    taken: takenArrows(graph, model, options.path ?? []),
    dx: margin + Math.round((width - 2 * margin - placed.width) / 2),
    dy: margin + head,
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="deferred-chart" role="img" width="${width}"` +
      ` height="${height}" viewBox="0 0 ${width} ${height}"` +
      ` aria-labelledby="${name}-title ${name}-desc"` +
      ` font-family="${escapeXml(fonts)}">`,
    `<title id="${name}-title">${escapeXml(title)}</title>`,
    `<desc id="${name}-desc">${escapeXml(spoken(graph, options))}</desc>`,
    `<style>${darkSheet()}</style>`,
    `<defs>${marker(`${name}-tip`, 'line')}${marker(`${name}-way`, 'path')}</defs>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"` +
      `${fill('ground')}${stroke('frame')}/>`,
    text(margin, margin + 16, title, { px: 20, bold: true, colour: 'text' }),
    ...about.map((line, index) =>
      text(margin, margin + 40 + index * 18, line, { px: 13, colour: 'soft' }),
    ),
    ...containers(drawing),
    ...takenLast(drawing).map((arrow) => arrowSvg(drawing, arrow)),
    ...model.arrows.map((arrow) => labelSvg(drawing, arrow)),
    ...model.boxes.flatMap((box) => boxSvg(drawing, box)),
    ...legend(drawing, height - margin),
    '</svg>',
    '',
  ].join('\n');
}

function spoken(graph: Graph, options: DrawOptions): string {
  const states = graph.states.filter((state) => state.path !== '').map((state) => state.path);
  const about = options.description === undefined ? '' : `${options.description} `;
  const path = stopsOf(options.path ?? []).map((stop) => stop.state);
  const way = path.length === 0 ? '' : ` The way of one message: ${path.join(', ')}.`;
  return visible(`${about}Statechart with the states ${states.join(', ')}.${way}`);
}

function visitsOf(path: Path): ReadonlyMap<string, readonly number[]> {
  const visits = new Map<string, number[]>();
  for (const [index, { state }] of stopsOf(path).entries()) {
    visits.set(state, [...(visits.get(state) ?? []), index + 1]);
  }
  return visits;
}

function takenArrows(graph: Graph, model: ChartModel, path: Path): ReadonlySet<string> {
  const taken = new Set(takenOn(graph, path).map((one) => one.transition));
  const hit = (arrow: Arrow) => arrow.transitions.some((one) => taken.has(one));
  return new Set(model.arrows.filter(hit).map((arrow) => arrow.id));
}

// The way of the message lies on top of the arrows it crosses.
function takenLast({ model, taken }: Drawing): readonly Arrow[] {
  return [
    ...model.arrows.filter((arrow) => !taken.has(arrow.id)),
    ...model.arrows.filter((arrow) => taken.has(arrow.id)),
  ];
}

// ---- boxes ----

function placeOf(drawing: Drawing, id: string): Place {
  const place = drawing.placed.boxes.get(id);
  if (place === undefined) throw new TypeError(`box ${id} was not placed`);
  return { ...place, x: place.x + drawing.dx, y: place.y + drawing.dy };
}

function containers(drawing: Drawing): readonly string[] {
  const nested = (boxes: readonly Box[]): readonly string[] =>
    boxes.flatMap((box) =>
      box.children.length === 0 ? [] : [frame(drawing, box, 'inside'), ...nested(box.children)],
    );
  return nested(drawing.model.boxes);
}

function boxSvg(drawing: Drawing, box: Box): readonly string[] {
  const { x, y, width, height } = placeOf(drawing, box.id);
  if (box.kind === 'dot') {
    const radius = width / 2;
    return [`<circle cx="${x + radius}" cy="${y + radius}" r="${radius}"${fill('text')}/>`];
  }
  const tone: Colour = box.accent ? 'accentText' : 'text';
  const middle = x + Math.round(width / 2);
  const inner = box.children.length > 0;
  return [
    ...(inner ? [] : [frame(drawing, box, box.accent ? 'accentBox' : 'box')]),
    text(inner ? x + 16 : middle, y + 22, box.title, {
      px: titlePx,
      bold: true,
      colour: tone,
      ...(inner ? {} : { anchor: 'middle' as const }),
    }),
    ...(box.rows.length === 0 ? [] : [rule(x, y + titleHeight, width, box.accent)]),
    ...box.rows.map((row, index) =>
      runs(x + 16, y + titleHeight + 17 + index * lineHeight, row, rowPx),
    ),
    ...badges(drawing, box, { x, y, width, height }),
    ...box.children.flatMap((child) => boxSvg(drawing, child)),
  ];
}

function frame(drawing: Drawing, box: Box, ground: Colour): string {
  const { x, y, width, height } = placeOf(drawing, box.id);
  const inside = box.kind === 'anywhere' ? '' : box.path;
  const visited = [...drawing.visits.keys()].some(
    (path) => inside !== '' && isWithin(path, inside),
  );
  const here = drawing.options.current === box.path;
  const edge: Colour = visited || here ? 'path' : box.accent ? 'accentEdge' : 'edge';
  const thick = here ? 3 : visited ? 2.2 : 1.4;
  const dashes = box.kind === 'anywhere' || box.kind === 'history' ? ' stroke-dasharray="5 4"' : '';
  const at = (inset: number, radius: number, paint: string, line: number) =>
    `<rect x="${x + inset}" y="${y + inset}" width="${width - 2 * inset}"` +
    ` height="${height - 2 * inset}" rx="${radius}"${paint}${stroke(edge)}` +
    ` stroke-width="${line}"${dashes}/>`;
  const hint = box.hint === '' ? '' : `<title>${escapeXml(box.hint)}</title>`;
  const second = box.kind === 'final' ? at(4, 6, ' fill="none"', 1.2) : '';
  return `<g>${hint}${at(0, 9, fill(ground), thick)}${second}</g>`;
}

function rule(x: number, y: number, width: number, accent: boolean): string {
  const edge: Colour = accent ? 'accentEdge' : 'edge';
  return `<path d="M${x} ${y}h${width}"${stroke(edge)} stroke-opacity="0.5" fill="none"/>`;
}

// Numbers of the path on the left border, the population on the right one: arrows come from above
// and leave below, so nothing is hidden there, and the layout is the same with and without them.
function badges(drawing: Drawing, box: Box, at: Place): readonly string[] {
  const visits = drawing.visits.get(box.path);
  const count = drawing.options.counts?.[box.path];
  const y = at.y + titleHeight / 2;
  const left = (label: string, full: string) =>
    pill(at.x + badgeInside - pillWidth(label), y, label, full, 'path', 'onPath');
  const right = (label: string, full: string) =>
    pill(at.x + at.width - badgeInside, y, label, full, 'count', 'onCount');
  return [
    ...(visits === undefined ? [] : [left(visitLabel(visits), visits.join(', '))]),
    ...(count === undefined ? [] : [right(countLabel(count), String(count))]),
  ];
}

const badgeInside = 12;

function visitLabel(visits: readonly number[]): string {
  return visits.length < 3 ? visits.join(' · ') : `${visits[0]} … ${visits.at(-1)}`;
}

// Short enough for the margin between boxes; the whole number shows when pointed at.
function countLabel(count: number): string {
  const sizes: readonly (readonly [number, string])[] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ];
  const size = sizes.find(([least]) => count >= least);
  if (size === undefined) return String(count);
  const scaled = count / (size[1] === 'k' ? 1000 : size[0]);
  return `${scaled < 100 ? Math.floor(scaled * 10) / 10 : Math.floor(scaled)}${size[1]}`;
}

// ---- arrows ----

function arrowSvg(drawing: Drawing, arrow: Arrow): string {
  const route = drawing.placed.routes.get(arrow.id) ?? [];
  const points = route.map(({ x, y }) => ({ x: x + drawing.dx, y: y + drawing.dy }));
  const taken = drawing.taken.has(arrow.id);
  const look = taken
    ? `${stroke('path')} stroke-width="2.6" marker-end="url(#${drawing.name}-way)"`
    : `${stroke('line')} stroke-width="1.3" marker-end="url(#${drawing.name}-tip)"`;
  return `<path d="${rounded(points)}" fill="none"${look}/>`;
}

const bend = 7;

// Corners are rounded, by less where a leg is short.
function rounded(points: readonly Point[]): string {
  const parts = points.map((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined) return `M${point.x} ${point.y}`;
    if (after === undefined) return `L${point.x} ${point.y}`;
    const near = towards(point, before);
    const far = towards(point, after);
    return `L${near.x} ${near.y}Q${point.x} ${point.y} ${far.x} ${far.y}`;
  });
  return parts.join('');
}

function towards(from: Point, to: Point): Point {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.abs(dx) + Math.abs(dy);
  const step = length === 0 ? 0 : Math.min(bend, Math.floor(length / 2)) / length;
  return { x: Math.round(from.x + dx * step), y: Math.round(from.y + dy * step) };
}

function labelSvg(drawing: Drawing, arrow: Arrow): string {
  const place = drawing.placed.labels.get(arrow.id);
  if (place === undefined) return '';
  const x = place.x + drawing.dx;
  const y = place.y + drawing.dy;
  const ground =
    `<rect x="${x}" y="${y}" width="${place.width}" height="${place.height}" rx="4"` +
    `${fill(isInside(drawing, place) ? 'inside' : 'ground')} fill-opacity="0.94"/>`;
  const lines = arrow.lines.map((line, index) => {
    const start = x + Math.round((place.width - line.width) / 2);
    return runs(start, y + 14 + index * lineHeight, line, labelPx);
  });
  return `<g>${ground}${lines.join('')}</g>`;
}

// The ground behind a label is that of the container it lies in.
function isInside(drawing: Drawing, label: Place): boolean {
  return drawing.model.boxes.some((box) => {
    const at = drawing.placed.boxes.get(box.id);
    if (at === undefined || box.children.length === 0) return false;
    const across = label.x >= at.x && label.x + label.width <= at.x + at.width;
    return across && label.y >= at.y && label.y + label.height <= at.y + at.height;
  });
}

function wrap(content: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of content.split(' ').filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(`${last} ${word}`, 13) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function legend(drawing: Drawing, y: number): readonly string[] {
  const { path, counts } = drawing.options;
  const swatch = (x: number, ground: Colour, edge: Colour, double: boolean) =>
    `<rect x="${x}" y="${y - 11}" width="22" height="14" rx="4"` +
    `${fill(ground)}${stroke(edge)} stroke-width="1.4"/>` +
    (double
      ? `<rect x="${x + 3}" y="${y - 8}" width="16" height="8" rx="2" fill="none"${stroke(edge)}/>`
      : '');
  const items: readonly (readonly [string, (x: number) => string])[] = [
    ['state the requirements name', (x) => swatch(x, 'accentBox', 'accentEdge', false)],
    ['state of this policy', (x) => swatch(x, 'box', 'edge', false)],
    ['final state', (x) => swatch(x, 'box', 'edge', true)],
    ...(path === undefined
      ? []
      : [
          [
            'way of one message',
            (x: number) => pill(x + 1, y - 4, '1', 'step', 'path', 'onPath'),
          ] as const,
        ]),
    ...(counts === undefined
      ? []
      : [
          [
            'messages now',
            (x: number) => pill(x + 1, y - 4, 'n', 'number', 'count', 'onCount'),
          ] as const,
        ]),
  ];
  let x = margin;
  return items.flatMap(([label, mark]) => {
    const parts = [mark(x), text(x + 30, y, label, { px: 11.5, colour: 'soft' })];
    x += 30 + textWidth(label, 11.5) + 26;
    return parts;
  });
}
