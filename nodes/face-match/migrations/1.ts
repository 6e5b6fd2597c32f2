import { type Migration, withDefaults } from "../../common/migrate.js";

/**
 * There was no choice of distance, of strangers or of tracks: such a node compares Euclidean distances with its τ and
 * decides each face alone. Nobody may get in, or be kept out, by an update.
 */
export const one: Migration = (definition) =>
  withDefaults(definition, {
    distance: "euclidean",
    wanted: "fixed",
    tracks: false,
    groups: "",
    schedule: [],
  });
