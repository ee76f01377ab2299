// The public face of adapters/admin/.
export { type AdminServer, askAdmin, serveAdmin } from './socket.js';
export { type Verb, type VerbAnswer, type VerbContext, VerbRefused } from './verb.js';
export { runVerb, verbs } from './verbs.js';
