import { serve } from "../workers/serve";
import { measureOwn } from "./own-edges";

/** Runs in a worker. */
export default serve(measureOwn);
