import { type Migration, withDefaults } from "../../common/migrate.js";

/** There was no choice: every frame was sent. */
export const two: Migration = (definition) => withDefaults(definition, { changes: false });
