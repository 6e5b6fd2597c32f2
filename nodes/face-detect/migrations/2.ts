import { type Migration, withDefaults } from "../../common/migrate.js";

/** Every frame was searched. */
export const two: Migration = (definition) => withDefaults(definition, { motionGate: false });
