// Where everything goes: hands the measured chart to elkjs (loaded only now, it is large) and
// brings back places in whole pixels. The only user of elkjs. The seed and every option are fixed,
// so equal charts get equal places.
import type { ElkExtendedEdge, ElkNode, ElkPoint, LayoutOptions } from 'elkjs/lib/elk-api.js';
import { costOf } from './cost.js';
import {
  type Arrow,
  type Box,
  boxHeight,
  type ChartModel,
  type Place,
  type PlacedChart,
  type Point,
} from './model.js';

const shared: LayoutOptions = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.spacing.nodeNode': '24',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '9',
  'elk.spacing.edgeLabel': '4',
  'elk.spacing.labelNode': '10',
  'elk.layered.spacing.nodeNodeBetweenLayers': '18',
  'elk.layered.spacing.edgeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '9',
  'elk.layered.thoroughness': '12',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.layering.strategy': 'NETWORK_SIMPLEX',
};

const root: LayoutOptions = {
  ...shared,
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'org.eclipse.elk.json.shapeCoords': 'ROOT',
  'org.eclipse.elk.json.edgeCoords': 'ROOT',
  'elk.padding': '[top=0,left=0,bottom=0,right=0]',
};

// Tried in this order; the best picture wins, the first of equals. A layout the engine fails on is
// no candidate.
const candidates: readonly LayoutOptions[] = [
  ...['1', '2', '3', '4', '5', '6'].map((seed) => candidate('DEPTH_FIRST', seed)),
  candidate('GREEDY', '1'),
  candidate('BFS_NODE_ORDER', '1'),
];

function candidate(cycleBreaking: string, seed: string): LayoutOptions {
  return { 'elk.layered.cycleBreaking.strategy': cycleBreaking, 'elk.randomSeed': seed };
}

/** Places of all boxes, arrows and labels of a chart. */
export async function layout(model: ChartModel): Promise<PlacedChart> {
  const { default: loaded } = await import('elkjs/lib/elk.bundled.js');
  const elk = new (loaded as unknown as typeof loaded.default)();
  let best: { readonly chart: PlacedChart; readonly cost: number } | null = null;
  let failure: unknown = null;
  for (const options of candidates) {
    try {
      const chart = placed(await elk.layout(elkGraph(model, options)));
      const cost = costOf(model, chart);
      if (best === null || cost < best.cost) best = { chart, cost };
    } catch (error) {
      failure = error;
    }
  }
  if (best === null) throw new Error('the chart cannot be laid out', { cause: failure });
  return best.chart;
}

function elkGraph(model: ChartModel, options: LayoutOptions): ElkNode {
  return {
    id: 'root',
    layoutOptions: { ...root, ...options },
    children: model.boxes.map((box) => node(box, options)),
    edges: model.arrows.map(edge),
  };
}

function node(box: Box, options: LayoutOptions): ElkNode {
  if (box.children.length === 0) {
    const first = box.kind === 'dot' && !box.path.includes('.');
    const place = first ? { 'elk.layered.layering.layerConstraint': 'FIRST_SEPARATE' } : {};
    return { id: box.id, width: box.width, height: box.height, layoutOptions: place };
  }
  const top = boxHeight(box.rows.length) + 10;
  return {
    id: box.id,
    layoutOptions: {
      ...shared,
      ...options,
      'elk.padding': `[top=${top},left=22,bottom=22,right=22]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${box.width},${box.height})`,
    },
    children: box.children.map((child) => node(child, options)),
  };
}

function edge(arrow: Arrow): ElkExtendedEdge {
  const bare = { id: arrow.id, sources: [arrow.from], targets: [arrow.to] };
  if (arrow.lines.length === 0) {
    return arrow.from.startsWith('dot-') ? { ...bare, layoutOptions: straight } : bare;
  }
  const { width, height } = arrow;
  const label = { id: `l-${arrow.id}`, text: arrow.id, width, height, layoutOptions: inline };
  return { ...bare, labels: [label] };
}

const straight: LayoutOptions = {
  'elk.layered.priority.straightness': '10',
  'elk.layered.priority.shortness': '10',
  'elk.layered.priority.direction': '10',
};

// A label stands in the line, which is broken for it: nobody has to guess to which arrow it
// belongs.
const inline: LayoutOptions = {
  'elk.edgeLabels.inline': 'true',
  'elk.edgeLabels.placement': 'CENTER',
};

function placed(result: ElkNode): PlacedChart {
  const boxes = new Map<string, Place>();
  const routes = new Map<string, readonly Point[]>();
  const labels = new Map<string, Place>();
  const visit = (at: ElkNode): void => {
    for (const child of at.children ?? []) {
      boxes.set(child.id, place(child));
      visit(child);
    }
    for (const one of at.edges ?? []) {
      routes.set(one.id, route(one));
      const label = one.labels?.[0];
      if (label !== undefined) labels.set(one.id, place(label));
    }
  };
  visit(result);
  return { width: whole(result.width), height: whole(result.height), boxes, routes, labels };
}

function place(shape: { x?: number; y?: number; width?: number; height?: number }): Place {
  const { x, y, width, height } = shape;
  return { x: whole(x), y: whole(y), width: whole(width), height: whole(height) };
}

function route(one: ElkExtendedEdge): readonly Point[] {
  const points: ElkPoint[] = (one.sections ?? []).flatMap((section) => [
    section.startPoint,
    ...(section.bendPoints ?? []),
    section.endPoint,
  ]);
  const rounded = points.map(({ x, y }) => ({ x: whole(x), y: whole(y) }));
  return withoutFirstJog(withoutFirstJog(rounded).reverse()).reverse();
}

const jogMax = 3;

// A first leg that is only a few pixels off the next one starts there instead: a tiny step looks
// like a mistake.
function withoutFirstJog(points: readonly Point[]): Point[] {
  const [start, from, to, ...rest] = points;
  if (start === undefined || from === undefined || to === undefined) return [...points];
  const jog = Math.abs(from.x - to.x);
  if (rest.length === 0 || start.x !== from.x || from.y !== to.y || jog > jogMax)
    return [...points];
  return [{ x: to.x, y: start.y }, ...rest];
}

function whole(value: number | undefined): number {
  return Math.round(value ?? 0);
}
