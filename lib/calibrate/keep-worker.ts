import { serve } from "../workers/serve";
import { keep } from "./keeping";

/** Runs in a worker. */
export default serve(keep);
