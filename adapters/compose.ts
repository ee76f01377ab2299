// The face of the package, and the engine within a process. The files beside it are the composition root: together the
// only place that knows every adapter; `service.ts` puts the service together. They decide nothing.
import type { Graph } from '../machines/index.js';
import { openFolder } from '../runtime/index.js';
import { runVerb, serveAdmin, type VerbContext } from './admin/index.js';
import type { DrawOptions } from './chart/index.js';
import { adminPath } from './doors.js';
import { type EngineOptions, type LocalEngine, openLocalEngine } from './local/index.js';
import { canonicalAor, readAccessRules } from './sip/index.js';
import { type CodecOptions, codecOf } from './sip-codec.js';

export {
  compilePolicy,
  type OwnAction,
  type OwnGuard,
  type OwnVocabulary,
  publishedPolicySchema as policySchemaFor,
  shippedPolicy,
  shippedPolicyIds,
} from '../machines/index.js';
export { type AuditEvent, type Reply, RuntimeFault } from '../runtime/index.js';
export { askAdmin, type VerbAnswer } from './admin/index.js';
export { adminPath } from './doors.js';
export { checkKamailioFile, type KamailioFinding } from './kamailio/index.js';
export type {
  DeferredActor,
  EngineOptions,
  LocalEffect as Effect,
  LocalEngine,
  RequestParts,
} from './local/index.js';
export { BusError } from './nats/index.js';
export { type Service, startService } from './service.js';
export type { ServiceHooks } from './service-options.js';
export { correlate, readImdn, type SentMessage } from './sip/index.js';

/**
 * Opens the engine inside this process: the same machines, runtime and store as `deferred-im serve`, without NATS.
 * What `submit` has accepted is on disk. Rejects with a RuntimeFault that names what is wrong with the folder.
 */
export async function openEngine(
  options: EngineOptions & { readonly admin?: boolean; readonly sip?: CodecOptions },
): Promise<LocalEngine> {
  const engine = await openLocalEngine(options, codecOf(options.sip ?? {}));
  if (options.admin !== true) return engine;
  const readiness = () => ({ ready: true, reason: null });
  const context: VerbContext = { engine: engine.runtime, canonicalAor, readAccessRules, readiness };
  const admin = await serveAdmin(adminPath(options.folder), context, rethrow);
  return { ...engine, close: () => admin.close().then(() => engine.close()) };
}

/** The chart of a policy as an SVG document; the layout engine is large and is loaded only now. */
export async function drawChart(graph: Graph, options: DrawOptions = {}): Promise<string> {
  const { drawSvg } = await import('./chart/index.js');
  return drawSvg(graph, options);
}

/** Runs one reading verb on a store that nobody serves, under its lock. */
export async function askStore(
  folder: string,
  verb: string,
  args: object,
  watermarkFolder?: string,
): ReturnType<typeof runVerb> {
  const effects = { ready: () => false, send: () => {} };
  const location = watermarkFolder === undefined ? { folder } : { folder, watermarkFolder };
  const opened = await openFolder(location, { effects, readOnly: true });
  try {
    await opened.ready;
    const readiness = () => ({ ready: false, reason: 'not running' });
    return await runVerb(
      { engine: opened.engine, canonicalAor, readAccessRules, readiness },
      verb,
      args,
    );
  } finally {
    await opened.close();
  }
}

function rethrow(cause: unknown): never {
  throw cause;
}
