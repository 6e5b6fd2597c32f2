import { type Migration, withDefaults } from "../../common/migrate.js";

/** Each gallery was one computer's alone. */
export const three: Migration = (definition) =>
  withDefaults(definition, {
    store: "local",
    siteName: "",
    dbHost: "",
    dbPort: "5432",
    dbName: "",
    dbUser: "",
    dbTls: true,
    dbCa: "",
    dbGallery: "people",
  });
