import { type Measured, measure, type MeasureTask } from "./measure";

/** Runs in a worker. */
export default function calibrateTask(task: MeasureTask): Measured {
  return measure(task);
}
