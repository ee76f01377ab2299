// Draws a policy's chart as an SVG picture: measured (model), placed (layout), written (svg). Equal
// graphs and options give equal bytes: fixed order, whole pixels, no time stamps, no installed
// fonts. A graph is laid out once, however often it is drawn with other numbers on it.
import type { Graph } from '../../machines/index.js';
import { layout } from './layout.js';
import { type ChartModel, chartModel, type PlacedChart } from './model.js';
import { type DrawOptions, svg } from './svg.js';

export type { DrawOptions } from './svg.js';

/** A chart measured, and where everything in it goes. */
export interface Laid {
  readonly model: ChartModel;
  readonly placed: Promise<PlacedChart>;
}

const laid = new WeakMap<Graph, Laid>();

/** The chart of a graph as an SVG document. */
export async function drawSvg(graph: Graph, options: DrawOptions = {}): Promise<string> {
  const { model, placed } = laidOut(graph);
  return svg(graph, model, await placed, options);
}

/** The layout of a graph: made at the first asking, then kept with it. */
export function laidOut(graph: Graph): Laid {
  return laid.get(graph) ?? lay(graph);
}

function lay(graph: Graph): Laid {
  const model = chartModel(graph);
  const fresh = { model, placed: layout(model) };
  laid.set(graph, fresh);
  return fresh;
}
