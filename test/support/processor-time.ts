/**
 * A watch of this process' own processor time, which how busy the computer is changes little.
 * @returns what tells milliseconds since, of all its threads
 */
export function processorTime(): () => number {
  const began = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000;
  };
}
