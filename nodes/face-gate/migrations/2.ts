import { type Migration, withDefaults } from "../../common/migrate.js";

/** Each gate had second factors of its own: nobody is to pass a door for which they were not set. */
export const two: Migration = (definition) => withDefaults(definition, { shared: false });
