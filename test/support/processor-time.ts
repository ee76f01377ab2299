// What a piece of work costs this process, whatever else the machine is doing meanwhile.

/** Milliseconds of processor time that a call takes. */
export function processorMs(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
