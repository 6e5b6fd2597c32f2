import { type Migration, withDefaults } from "../../common/migrate.js";

/** No node told of visits, so that none were kept: there is nothing that they would be added to. */
export const two: Migration = (definition) => withDefaults(definition, { keepVisits: "30" });
