// The short form of `npm run kill`: struck while the engine stops or boots, while an operator swaps policies and moves
// messages, while its events are heard.
import t from 'tap';
import { stop, strikeAll } from './short-form.js';

const struck = strikeAll(
  [
    ['E7: an assertion fails after a commit', stop('commit.after:3:throw')],
    ['G1: SIGTERM under load', { kind: 'term', afterMs: 250 }],
    ['G2: killed during shutdown', stop('shutdown.before-close:1:kill')],
    ['R10: killed during boot', stop('boot.scanned:20:kill')],
    ['J7: killed around the activation of a policy', stop('policy.after-activate:1:kill')],
    [
      'F5: killed while living messages are moved to another policy',
      stop('policy.before-move:20:kill'),
      stop('policy.after-move:10:kill'),
    ],
    [
      'killed between the commit and the acknowledgement of an event',
      stop('audit.before-publish:3:kill'),
      stop('audit.acknowledged:3:kill'),
    ],
    [
      'killed around the removal of an event',
      stop('audit.after-publish:4:kill'),
      stop('audit.after-remove:4:kill'),
    ],
  ],
  12,
);

t.setTimeout(115_000);
for (const { name, judged } of struck) t.test(name, { timeout: 115_000 }, judged);
