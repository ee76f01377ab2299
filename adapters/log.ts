// JSON logs, one object a line, to standard error. Bodies, header values and secrets never come here: callers pass
// ids, codes and counts. A value longer than a line should be is cut (reliability P7, X15).

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

const order: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
const textMax = 500;

/** A log that writes what is at least as severe as `least`; `always` stands in every line. */
export function createLog(
  least: LogLevel,
  write: (line: string) => void = (line) => process.stderr.write(line),
  now: () => Date = () => new Date(),
  always: LogFields = {},
): Log {
  return (level, event, fields = {}) => {
    if (order.indexOf(level) > order.indexOf(least)) return;
    const entry: Record<string, unknown> = {
      time: now().toISOString(),
      level,
      event,
      ...always,
    };
    for (const [name, value] of Object.entries(fields)) {
      entry[name] =
        typeof value === 'string' && value.length > textMax ? `${value.slice(0, textMax)}…` : value;
    }
    write(`${JSON.stringify(entry)}\n`);
  };
}
