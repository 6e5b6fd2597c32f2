import { type Migration, withDefaults } from "../../common/migrate.js";

/**
 * Blank was dlib's network, the only one there was; photos and strangers were kept without asking, and faces of photos
 * found by the Haar cascade.
 */
export const one: Migration = (definition) => {
  const model = definition["model"] === "" ? undefined : definition["model"];
  return withDefaults(
    { ...definition, model },
    {
      model: "dlib-resnet-v1",
      modelFile: "",
      keepPhotos: true,
      keepUnknowns: true,
      unknownDays: "7",
      detector: "haar",
    },
  );
};
