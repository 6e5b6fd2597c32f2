/** Processes as Linux's /proc tells of them. */
import { readdirSync, readFileSync } from "node:fs";

/** Ticks of Linux's clock in a second, as /proc counts them (USER_HZ is 100 on all that run Node.js). */
const TICKS = 100;

export interface Process {
  pid: number;
  name: string;
  parent: number;
  /** Of processor that it has used, all its threads together. */
  seconds: number;
}

/** A process and all that it started and that still run. */
export function processesOf(root: number): Process[] {
  const all = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const one = processOf(Number(name));
        return one === undefined ? [] : [[one.pid, one] as const];
      }),
  );
  return [...all.values()].filter(({ pid }) => {
    let above: number | undefined = pid;
    while (above !== undefined && above > 1 && above !== root) above = all.get(above)?.parent;
    return above === root;
  });
}

/** Undefined where it has ended. */
function processOf(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name may have spaces and brackets in it.
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    return {
      pid,
      name: stat.slice(stat.indexOf("(") + 1, end),
      parent: Number(fields[1]),
      seconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    };
  } catch {
    return undefined;
  }
}
