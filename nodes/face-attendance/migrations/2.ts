import { type Migration, withDefaults } from "../../common/migrate.js";

/** Check-ins had no end: a hundred years. */
export const two: Migration = (definition) => withDefaults(definition, { keepCheckIns: "36500" });
