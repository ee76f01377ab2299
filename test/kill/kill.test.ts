// The short form of `npm run kill`: struck on the way of a message and of its effects. The long form strikes everywhere,
// in every mode.
import t from 'tap';
import { stop, strikeAll } from './short-form.js';

const struck = strikeAll(
  [
    ['A1: killed on receipt, before validation', stop('cmd.received:6:kill')],
    ['A2: killed before commit', stop('cmd.validated:6:kill'), stop('commit.before:3:kill')],
    ['A3: killed while the batch is in flight', stop('commit.before:3:cut')],
    ['A4: killed after commit, before acknowledgement', stop('ack.before:4:kill')],
    ['A5: killed after acknowledgement', stop('ack.after:4:kill')],
    ['C1: killed before publish', stop('effect.before-publish:2:kill')],
    ['C2: killed after publish', stop('effect.after-publish:2:kill')],
    ['C3: killed after an outcome arrived, before its commit', stop('outcome.received:2:kill')],
    ['C4: killed after outcome commit', stop('outcome.after-commit:2:kill')],
    ['C5: killed after report commit, before publish', stop('report.after-commit:2:kill')],
    ['C6: killed after report publish, before outbox delete', stop('report.after-publish:2:kill')],
  ],
  1,
);

t.setTimeout(115_000);
for (const { name, judged } of struck) t.test(name, { timeout: 115_000 }, judged);
