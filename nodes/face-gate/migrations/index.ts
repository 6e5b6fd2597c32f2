import { type Migration, unchanged } from "../../common/migrate.js";
import { two } from "./2.js";

/** From the first version to the present one. */
export const MIGRATIONS: readonly Migration[] = [unchanged, two];
