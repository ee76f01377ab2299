// The public face of adapters/chart/: a policy's chart as a picture.
export { type DrawOptions, drawSvg } from './draw.js';
