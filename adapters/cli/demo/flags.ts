// The flags of the demo, for its help and for its own reading of the command line.

/** Meaning of each flag; all are switches. `json` is every verb's. */
export const demoFlags = {
  'in-process': { meaning: 'The same story without NATS and Kamailio, inside one process.' },
  keep: { meaning: 'Keep the temporary folder and say where it is.' },
  'no-color': { meaning: 'Plain text also on a terminal.' },
} as const;
