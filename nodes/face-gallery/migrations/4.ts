import { type Migration, withDefaults } from "../../common/migrate.js";

/** Check-ins stayed at their own site. */
export const four: Migration = (definition) => withDefaults(definition, { dbCheckIns: false });
