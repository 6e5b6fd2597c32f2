import type { Migration } from "../../common/migrate.js";
import { four } from "./4.js";
import { one } from "./1.js";
import { three } from "./3.js";
import { two } from "./2.js";

/** From the first version to the present one. */
export const MIGRATIONS: readonly Migration[] = [one, two, three, four];
