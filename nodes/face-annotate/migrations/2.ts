import { type Migration, withDefaults } from "../../common/migrate.js";

/** A JPEG came out, in which every face was shown. */
export const two: Migration = (definition) => withDefaults(definition, { output: "jpeg", blur: "none", keep: "" });
