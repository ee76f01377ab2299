// The public face of adapters/msrp/: what the composition root may use.
export { Delivery } from './delivery.js';
export { MsrpHub, type SecureOptions } from './hub.js';
export { Intake } from './intake.js';
export { msrpLimits } from './limits.js';
export { readNetwork } from './places.js';
export type { LargeCodec } from './ports.js';
