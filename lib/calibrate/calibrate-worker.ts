import { serve } from "../workers/serve";
import { measure, type MeasureTask } from "./measure";
import { type CohortTask, measureCohort } from "./measure-cohort";

/** Runs in a worker. */
export default serve((task: MeasureTask | CohortTask) =>
  "normalisation" in task ? measureCohort(task) : measure(task),
);
