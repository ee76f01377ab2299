// Operators' verbs on the bus: the same table as behind the socket, `messages.list` is `messages-list` there. Every reply
// is checked against the schema of its verb before it leaves. Part of the composition root.
import { schemaChecker } from '../machines/index.js';
import { runVerb, type VerbContext, verbs } from './admin/index.js';
import type { Log } from './log.js';
import { adminReplySchema, adminSubject, type Bus, refuse, serveRequests } from './nats/index.js';

/** The verb's part of a subject and of the name of its schema. */
export const subjectWord = (verb: string): string => verb.replaceAll('.', '-');

// A verb has the schema of its arguments itself.
const anything = schemaChecker({ type: 'object' });

/** Serves every verb, for the operator role of the bus. */
export function serveAdminSubjects(bus: Bus, context: VerbContext, log: Log): void {
  for (const verb of Object.keys(verbs)) {
    serveRequests<object>(bus, {
      subject: adminSubject(subjectWord(verb)),
      request: anything,
      reply: adminReplySchema(subjectWord(verb)),
      handle: async (request) => {
        // The contract's version is the bus's, not the verb's.
        const { v: _version, ...args } = request as { v?: unknown };
        const answer = await runVerb(context, verb, args);
        return answer.ok
          ? { v: 1, ok: true, result: answer.result }
          : refuse(400, answer.code, answer.message);
      },
      onMalformed: ({ where, code, message }) =>
        log('warn', 'payload.malformed', { where, code, message }),
      onFailure: (where, error) => log('error', 'admin.failed', { where, why: String(error) }),
    });
  }
}
