import { serve } from "../workers/serve";
import { measure } from "./measure";

/** Runs in a worker. */
export default serve(measure);
