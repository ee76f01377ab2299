// Where a run begins.

/** 1 March 2026, 12:00 UTC: true time nought. */
export const epochMs = Date.UTC(2026, 2, 1, 12, 0, 0);
