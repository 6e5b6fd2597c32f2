import { type Migration, withDefaults } from "../../common/migrate.js";

/** Blank was dlib's network, the only one there was. */
export const one: Migration = (definition) => {
  const model = definition["model"] === "" ? undefined : definition["model"];
  return withDefaults({ ...definition, model }, { model: "dlib-resnet-v1", modelFile: "", reembedAfter: "1000" });
};
