/** Nodes of flows of earlier versions get the present form as they are loaded; the next deploy writes it back. */
import { type Migration, migrated, unchanged, versionOf } from "../nodes/common/migrate.js";
import { MIGRATIONS as camera } from "../nodes/camera/migrations/index.js";
import { MIGRATIONS as faceAnnotate } from "../nodes/face-annotate/migrations/index.js";
import { MIGRATIONS as faceAttendance } from "../nodes/face-attendance/migrations/index.js";
import { MIGRATIONS as faceDetect } from "../nodes/face-detect/migrations/index.js";
import { MIGRATIONS as faceGallery } from "../nodes/face-gallery/migrations/index.js";
import { MIGRATIONS as faceGate } from "../nodes/face-gate/migrations/index.js";
import { MIGRATIONS as faceMatch } from "../nodes/face-match/migrations/index.js";
import { MIGRATIONS as facenetEmbed } from "../nodes/facenet-embed/migrations/index.js";
import { MIGRATIONS as haarDetect } from "../nodes/haar-detect/migrations/index.js";

const STEPS: Readonly<Record<string, readonly Migration[]>> = {
  "facewire-camera": camera,
  "face-gallery": faceGallery,
  "face-match": faceMatch,
  "facenet-embed": facenetEmbed,
  "haar-detect": haarDetect,
  "face-annotate": faceAnnotate,
  "face-detect": faceDetect,
  "face-attendance": faceAttendance,
  "face-enrol": [unchanged],
  "face-presence": [unchanged],
  "face-liveness": [unchanged],
  "face-notify": [unchanged],
  "face-gate": faceGate,
  "tts-greet": [unchanged],
};

/** Called once; a node comes with a flow, an import, or from the palette, where it has the present form already. */
export function migrateWhatComes(): void {
  RED.events.on("nodes:add", (added) => {
    const steps = Object.hasOwn(STEPS, added.type) ? STEPS[added.type] : undefined;
    if (steps !== undefined && versionOf(added) < steps.length) Object.assign(added, migrated(fieldsOf(added), steps));
  });
}

/** The fields that a flow keeps; beside them a node has what the editor needs of it. */
function fieldsOf(node: FlowNode): Record<string, unknown> {
  const { defaults } = node["_def"] as { defaults: Record<string, unknown> };
  return Object.fromEntries(Object.keys(defaults).map((field) => [field, node[field]]));
}
