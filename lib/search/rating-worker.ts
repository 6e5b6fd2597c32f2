import { serve } from "../workers/serve";
import { make, type RatingAnswer, type RatingTask, rate, shelve } from "./rating";

export default serve((task: RatingTask): RatingAnswer => {
  if (task.what === "make") return make(task);
  return { values: task.what === "shelve" ? shelve(task) : rate(task), aside: [] };
});
