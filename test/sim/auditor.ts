// The operator's own system that hears of every step: its requests and answers are lost and late like all else on the bus.
// What it heard is told to the model.
import type { AuditEvent, AuditPort } from '../../runtime/index.js';
import type { Life } from './life.js';
import { Random } from './random.js';
import type { Stage } from './stage.js';

const patienceMs = 5000;

/** The port of one life. */
export function auditPort(simulation: Stage, life: Life): AuditPort {
  const random = new Random(simulation.options.seed, `audit ${life.number}`);
  const { scheduler, model } = simulation;
  const isLost = (): boolean => random.chance(simulation.rate('lineLost'));
  return {
    ready: () => !life.dead,
    publish: (event: AuditEvent) =>
      new Promise((resolve) => {
        const [there, back] = [!isLost(), !isLost()];
        // On its way it is nobody's: it arrives although its engine has died.
        if (there) scheduler.after(random.spread(0.1, 20), () => model.heardEvent(event));
        const answerMs = there && back ? random.spread(20, 60) : patienceMs;
        scheduler.after(answerMs, () => resolve(there && back), life);
      }),
  };
}
