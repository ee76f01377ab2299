// The public face of adapters/local/.
export {
  type DeferredActor,
  type EngineOptions,
  type LocalCodec,
  type LocalEffect,
  type LocalEngine,
  openLocalEngine,
  type RequestParts,
} from './engine.js';
