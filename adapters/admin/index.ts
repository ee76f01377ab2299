// The public face of adapters/admin/.
export { type AdminServer, askAdmin, serveAdmin } from './socket.js';
export {
  runVerb,
  type Verb,
  type VerbAnswer,
  type VerbContext,
  VerbRefused,
  verbs,
} from './verbs.js';
