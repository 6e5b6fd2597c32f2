import { type Migration, withDefaults } from "../../common/migrate.js";

/** Certificates were verified, an old ffmpeg refused, and no time without pictures could be set. */
export const one: Migration = (definition) =>
  withDefaults(definition, { oldFfmpeg: false, certificate: "verify", fingerprint: "", idle: "" });
