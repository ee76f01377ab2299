// Which of several layouts reads best: few crossings and bends, short arrows, a shape that fits a
// page, and every initial state above its neighbours. Whole numbers in, one number out: the smaller
// the better.
import type { Box, ChartModel, Place, PlacedChart, Point } from './model.js';

const crossingCost = 90;
const bendCost = 12;
const widthMax = 1320;
const overWidthCost = 6;
const wrongOrderCost = 4000;

/** Cost of a layout. */
export function costOf(model: ChartModel, chart: PlacedChart): number {
  const routes = [...chart.routes.values()];
  const length = routes.reduce((sum, route) => sum + lengthOf(route), 0);
  const bends = routes.reduce((sum, route) => sum + Math.max(0, route.length - 2), 0);
  const over = Math.max(0, chart.width - widthMax);
  return (
    Math.round(length / 20 + (chart.width * chart.height) / 2000) +
    crossings(routes) * crossingCost +
    bends * bendCost +
    over * overWidthCost +
    wrongOrders(model.boxes, chart.boxes) * wrongOrderCost
  );
}

function lengthOf(route: readonly Point[]): number {
  return legs(route).reduce((sum, [a, b]) => sum + Math.abs(a.x - b.x) + Math.abs(a.y - b.y), 0);
}

type Leg = readonly [Point, Point];

function legs(route: readonly Point[]): readonly Leg[] {
  return route.slice(1).map((point, index) => [route[index] as Point, point]);
}

// All legs run along an axis, so a crossing is a level leg that meets an upright one inside both.
function crossings(routes: readonly (readonly Point[])[]): number {
  const all = routes.flatMap(legs);
  const level = all.filter(([a, b]) => a.y === b.y);
  const upright = all.filter(([a, b]) => a.x === b.x);
  return level.reduce((sum, one) => sum + upright.filter((other) => crosses(one, other)).length, 0);
}

function crosses([a, b]: Leg, [c, d]: Leg): boolean {
  return between(c.x, a.x, b.x) && between(a.y, c.y, d.y);
}

function between(value: number, one: number, other: number): boolean {
  return value > Math.min(one, other) && value < Math.max(one, other);
}

// The initial state of a level is its topmost one.
function wrongOrders(boxes: readonly Box[], places: ReadonlyMap<string, Place>): number {
  const top = (box: Box) => places.get(box.id)?.y ?? 0;
  const dot = boxes.find((box) => box.kind === 'dot');
  const initial = boxes.find((box) => box.kind !== 'dot' && box.path === dot?.path);
  const states = boxes.filter((box) => box.kind !== 'dot' && box.kind !== 'anywhere');
  const wrong = initial !== undefined && states.some((box) => top(box) < top(initial)) ? 1 : 0;
  return boxes.reduce((sum, box) => sum + wrongOrders(box.children, places), wrong);
}
