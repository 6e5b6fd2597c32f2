import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Definition, type Migration, migrated } from "../../nodes/common/migrate";
import { MIGRATIONS as camera } from "../../nodes/camera/migrations/index";
import { MIGRATIONS as faceAnnotate } from "../../nodes/face-annotate/migrations/index";
import { MIGRATIONS as faceAttendance } from "../../nodes/face-attendance/migrations/index";
import { MIGRATIONS as faceDetect } from "../../nodes/face-detect/migrations/index";
import { MIGRATIONS as faceGallery } from "../../nodes/face-gallery/migrations/index";
import { MIGRATIONS as faceGate } from "../../nodes/face-gate/migrations/index";
import { MIGRATIONS as faceMatch } from "../../nodes/face-match/migrations/index";
import { MIGRATIONS as facenetEmbed } from "../../nodes/facenet-embed/migrations/index";
import { MIGRATIONS as haarDetect } from "../../nodes/haar-detect/migrations/index";

const ROOT = join(__dirname, "../..");
const STEPS: Record<string, readonly Migration[]> = {
  camera,
  "face-annotate": faceAnnotate,
  "face-attendance": faceAttendance,
  "face-detect": faceDetect,
  "face-gallery": faceGallery,
  "face-gate": faceGate,
  "face-match": faceMatch,
  "facenet-embed": facenetEmbed,
  "haar-detect": haarDetect,
};

/** Of a gallery that no other site shares. */
const LOCAL = {
  store: "local",
  siteName: "",
  dbHost: "",
  dbPort: "5432",
  dbName: "",
  dbUser: "",
  dbTls: true,
  dbCa: "",
  dbGallery: "people",
  dbCheckIns: false,
};

describe("a definition of an earlier version", () => {
  const cases: [string, Definition, Definition][] = [
    [
      "face-match",
      { threshold: "0.6", margin: "0.02" },
      {
        distance: "euclidean",
        wanted: "fixed",
        tracks: false,
        changes: false,
        groups: "",
        schedule: [],
        threshold: "0.6",
        margin: "0.02",
      },
    ],
    [
      "face-match",
      { distance: "cohort", wanted: "0.001", tracks: "${VOTE}", groups: "staff" },
      { distance: "cohort", wanted: "0.001", tracks: "${VOTE}", changes: false, groups: "staff", schedule: [] },
    ],
    ["face-match", { version: 1, changes: "${NEWS}" }, { changes: "${NEWS}" }],
    [
      "haar-detect",
      { workingWidth: "480" },
      { workingWidth: "480", workingWidthType: "num", tracking: true, fullEvery: "8", motionGate: false },
    ],
    [
      "haar-detect",
      {},
      { workingWidth: "", workingWidthType: "whole", tracking: true, fullEvery: "8", motionGate: false },
    ],
    [
      "haar-detect",
      { workingWidth: "", tracking: false },
      { workingWidth: "", workingWidthType: "whole", tracking: false, fullEvery: "8", motionGate: false },
    ],
    ["face-annotate", { quality: "70" }, { quality: "70", output: "jpeg", blur: "none", keep: "" }],
    [
      "face-annotate",
      { output: "dataUrl", blur: "${BLUR}", keep: "Ada" },
      { output: "dataUrl", blur: "${BLUR}", keep: "Ada" },
    ],
    ["face-detect", { minScore: "0.4" }, { minScore: "0.4", motionGate: false }],
    ["face-detect", { motionGate: "${GATE}" }, { motionGate: "${GATE}" }],
    ["facenet-embed", { model: "" }, { model: "dlib-resnet-v1", modelFile: "", reembedAfter: "1000" }],
    [
      "facenet-embed",
      { model: "file", modelFile: "net.json" },
      { model: "file", modelFile: "net.json", reembedAfter: "1000" },
    ],
    [
      "face-gallery",
      { folder: "people" },
      {
        folder: "people",
        model: "dlib-resnet-v1",
        modelFile: "",
        keepPhotos: true,
        keepUnknowns: true,
        unknownDays: "7",
        detector: "haar",
        keepVisits: "30",
        ...LOCAL,
      },
    ],
    ["face-attendance", { mode: "strict" }, { mode: "strict", keepCheckIns: "36500" }],
    ["face-attendance", { version: 1, keepCheckIns: "9" }, { version: 1, keepCheckIns: "9" }],
    // PINs were set for one door.
    ["face-gate", { factor: "pin" }, { factor: "pin", shared: false }],
    ["face-gate", { version: 1, shared: true }, { version: 1, shared: true }],
    ["face-gallery", { version: 1, keepVisits: "0" }, { version: 1, keepVisits: "0", ...LOCAL }],
    ["face-gallery", { version: 2, keepVisits: "0" }, { version: 2, keepVisits: "0", ...LOCAL }],
    ["face-gallery", { version: 3, store: "shared" }, { version: 3, store: "shared", dbCheckIns: false }],
    [
      "camera",
      { source: "rtsp", url: "rtsps://a" },
      { source: "rtsp", url: "rtsps://a", oldFfmpeg: false, certificate: "verify", fingerprint: "", idle: "" },
    ],
  ];

  for (const [type, before, after] of cases)
    it(`of ${type} gets what was so before there was a choice: ${JSON.stringify(before)}`, () => {
      const given = structuredClone(before);
      const steps = STEPS[type] as readonly Migration[];
      assert.deepEqual(migrated(given, steps), { ...after, version: steps.length });
      assert.deepEqual(given, before, "the flow's own is left alone");
      assert.deepEqual(migrated(migrated(given, steps), steps), { ...after, version: steps.length });
    });

  it("goes through every step after its own version, in their order, and through none of a newer one", () => {
    const steps: Migration[] = ["a", "b", "c"].map((letter) => (definition) => ({
      ...definition,
      went: `${(definition["went"] as string | undefined) ?? ""}${letter}`,
    }));
    const went = (definition: Definition): unknown => (migrated(definition, steps) as Definition)["went"];
    assert.equal(went({}), "abc");
    assert.equal(went({ version: 1 }), "bc");
    assert.equal(went({ version: 3 }), undefined);
    assert.deepEqual(migrated({ version: 7 }, steps), { version: 7 });
    for (const version of ["1", -1, 0.5, null, NaN]) assert.equal(went({ version }), "abc", String(version));
  });
});

describe("a new node", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    "node-red": { nodes: Record<string, string> };
  };
  for (const name of Object.keys(manifest["node-red"].nodes))
    it(`${name} has the present version`, () => {
      const html = readFileSync(join(ROOT, "nodes", name, `${name}.html`), "utf8");
      assert.equal(Number(/\bversion: \{ value: (\d+) \}/.exec(html)?.[1]), STEPS[name]?.length ?? 1);
    });
});
