// Failpoints (reliability 3.1): DEFERRED_IM_FAILPOINT=name:n ends the process, as a power cut
// would, at the n-th pass of a point. Only with NODE_ENV=test; anywhere else the variable is named
// in the log and ignored.
import type { Log } from '../log.js';

/** The hook for the runtime, or null when no failpoint is set. */
export function failpointFrom(
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): ((name: string) => void) | null {
  const wanted = environment['DEFERRED_IM_FAILPOINT'];
  if (wanted === undefined || wanted === '') return null;
  const [point = '', count = '1'] = wanted.split(':');
  if (environment['NODE_ENV'] !== 'test' || !(Number(count) >= 1)) {
    log('warn', 'failpoint.ignored', { failpoint: wanted });
    return null;
  }
  let left = Number(count);
  return (name) => {
    if (name !== point) return;
    left -= 1;
    if (left === 0) kill();
  };
}
