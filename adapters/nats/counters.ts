// Plain counters by name, for metrics and tests. Names are ours; nothing from the bus becomes one.

export interface Counters {
  count(name: string): void;
  /** All counters, as a copy. */
  read(): Readonly<Record<string, number>>;
}

export function createCounters(): Counters {
  const values = new Map<string, number>();
  return {
    count(name) {
      values.set(name, (values.get(name) ?? 0) + 1);
    },
    read: () => Object.fromEntries(values),
  };
}
