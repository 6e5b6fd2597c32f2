import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import sharp from "sharp";
import { statisticsOf } from "../../../lib/calibrate/model-statistics";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { createEncoder } from "../../../lib/enrol/encoder";
import { normalisationOf } from "../../../lib/embed/normalise";
import { BUILT_IN_MODELS } from "../../../lib/embed/descriptor";
import { findModel } from "../../../lib/models/find-model";
import { listModels } from "../../../lib/models/list";
import { findPacks, lookForPacksIn } from "../../../lib/models/packs";
import { installPack, TINY_COHORT, writePack } from "../../support/packs";
import { TINY_DIMENSIONS } from "../../support/tiny-models";

describe("model packs", () => {
  let userDir: string;
  const folderOf = (id: string): string => join(userDir, "facenet", "models", id);
  const ours = async (): ReturnType<typeof findPacks> =>
    (await findPacks()).filter(({ path }) => path.startsWith(userDir));
  /** The sentence of the one pack there is. */
  const problem = async (): Promise<string> => {
    const found = await ours();
    assert.equal(found.length, 1);
    return found[0]?.problem ?? "";
  };

  beforeEach(() => {
    userDir = mkdtempSync(join(tmpdir(), "packs-"));
    lookForPacksIn(userDir);
  });

  it("are found in the user folder and among its npm packages, scoped ones too, without a restart", async () => {
    assert.deepEqual(await ours(), []);
    writePack(folderOf("one"), { id: "one" });
    installPack(join(userDir, "node_modules"), "facenet-two", { id: "two" });
    installPack(join(userDir, "node_modules"), "@somebody/three", { id: "three" });
    assert.deepEqual(
      (await ours()).map(({ place, pack, problem: told }) => [place, pack?.id, told]),
      [
        ["folder", "one", undefined],
        ["package", "three", undefined],
        ["package", "two", undefined],
      ],
    );
  });

  it("give the network, its cohort, its τ of d' and its statistics by their id", async () => {
    writePack(folderOf("here"), { id: "whole" });
    const model = await findModel("whole");
    const normalisation = await normalisationOf(model);
    assert.deepEqual(
      [normalisation?.mean, normalisation?.threshold, normalisation?.rows.length],
      [TINY_COHORT.mean, TINY_COHORT.threshold, TINY_COHORT.rows * TINY_DIMENSIONS],
    );
    assert.equal(statisticsOf("whole")?.people, 2);
    const flat = await sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 200, g: 100, b: 50 } } })
      .png()
      .toBuffer();
    const embedder = new FaceEmbedder(model, embedderOptionsSchema.parse({}));
    try {
      const { faces } = await embedder.embed({ bytes: flat, frame: undefined }, [
        { box: { x: 8, y: 8, width: 32, height: 32 }, score: 1 },
      ]);
      assert.deepEqual(
        [...(faces[0]?.embedding ?? [])].map((value) => Math.round(value * 1000) / 1000),
        [0.478, 0.239, 0.12, 0.837],
      );
      assert.equal(faces[0]?.model, "whole");
    } finally {
      await embedder.close();
    }
  });

  it(
    "without a cohort are compared by Euclidean distance, and forget the cohort that an earlier one of their id " +
      "had",
    async () => {
      writePack(folderOf("here"), { id: "changing" });
      assert.notEqual(await normalisationOf(await findModel("changing")), undefined);
      rmSync(folderOf("here"), { recursive: true });
      writePack(folderOf("here"), { id: "changing", measured: false });
      assert.equal(await normalisationOf(await findModel("changing")), undefined);
      assert.equal(statisticsOf("changing"), undefined);
    },
  );

  it("are taken by the path of their facenet-pack.json wherever that is", async () => {
    const path = writePack(mkdtempSync(join(tmpdir(), "elsewhere-")), { id: "elsewhere" });
    const encoder = await createEncoder({ model: path });
    assert.deepEqual([encoder.model, encoder.normalisation?.threshold], ["elsewhere", TINY_COHORT.threshold]);
    await encoder.close();
    assert.equal((await findModel("elsewhere")).id, "elsewhere");
  });

  it("that nobody has are named with the ids that there are", async () => {
    writePack(folderOf("here"), { id: "mine" });
    await assert.rejects(
      findModel("theirs"),
      /there is no model "theirs": choose .*dlib-resnet-v1.*mine.*, install or download its model pack/,
    );
  });

  it("whose network's file was exchanged are refused when it is loaded", async () => {
    const path = writePack(folderOf("here"), { id: "exchanged" });
    const bytes = readFileSync(join(dirname(path), "weights.bin"));
    bytes.writeFloatLE(2, bytes.length - 4);
    writeFileSync(join(dirname(path), "weights.bin"), bytes);
    const embedder = new FaceEmbedder(await findModel("exchanged"), embedderOptionsSchema.parse({}));
    await assert.rejects(embedder.warmUp(), /is not the one of the descriptor exchanged: its sha256 is/);
    await embedder.close();
  });

  it("that are broken are told with a sentence, and others are found all the same", async () => {
    writePack(folderOf("a-good-one"), { id: "good" });
    mkdirSync(folderOf("empty"));
    mkdirSync(folderOf("downloading"));
    writeFileSync(join(folderOf("downloading"), "net.onnx.part"), "half");
    mkdirSync(folderOf("nothing"));
    writeFileSync(join(folderOf("nothing"), "net.onnx"), "");
    mkdirSync(folderOf("torn"));
    writeFileSync(join(folderOf("torn"), "facenet-pack.json"), '{"facenetPack": 1, ');
    assert.deepEqual(
      (await ours()).map(({ pack }) => pack?.id),
      ["good", undefined, undefined],
    );
    const [, nothing, torn] = await ours();
    assert.match(nothing?.problem ?? "", /facenet-pack\.json cannot be read \(ENOENT\)/);
    assert.match(torn?.problem ?? "", /is not JSON/);
    await assert.rejects(
      findModel("torn"),
      /there is no model "torn".*A model pack cannot be used: .*torn.facenet-pack\.json is not JSON/,
    );
  });

  const BROKEN: [what: string, breaks: (path: string) => void, sentence: RegExp][] = [
    ["of a later form", (path) => edit(path, { facenetPack: 2 }), /is of a later form \(2\): install a newer version/],
    ["with a field nobody knows", (path) => edit(path, { treshold: 1 }), /is malformed: .*treshold/],
    [
      "with a path that leads out",
      (path) => edit(path, { licence: { id: "MIT", file: "../LICENSE" } }),
      /licence\.file: must not lead out of the pack/,
    ],
    [
      "with an absolute path",
      (path) => edit(path, { licence: { id: "MIT", file: "/etc/passwd" } }),
      /licence\.file: must be a file of the pack/,
    ],
    [
      "with a link that leads out",
      (path) => {
        rmSync(join(dirname(path), "LICENSE"));
        symlinkSync("/etc/passwd", join(dirname(path), "LICENSE"));
      },
      /LICENSE is a link that leads out of the pack/,
    ],
    [
      "without the text of its licence",
      (path) => rmSync(join(dirname(path), "LICENSE")),
      /LICENSE cannot be read \(ENOENT\)/,
    ],
    [
      "whose licence is a folder",
      (path) => {
        rmSync(join(dirname(path), "LICENSE"));
        mkdirSync(join(dirname(path), "LICENSE"));
      },
      /LICENSE cannot be read \(EISDIR\)/,
    ],
    [
      "with the id of a built-in network",
      (path) => editDescriptor(path, { id: "mobilefacenet-192" }),
      /calls its model "mobilefacenet-192", as one that comes with/,
    ],
    [
      "with the built-in network's format",
      (path) => editDescriptor(path, { format: "dlib-resnet" }),
      /descriptor\.format: must be onnx, tflite or tfjs-graph/,
    ],
    ["without a hash", (path) => editDescriptor(path, { sha256: undefined }), /descriptor\.sha256/],
    [
      "whose cohort is damaged",
      (path) => appendFileSync(join(dirname(path), "cohort.i8"), "x"),
      /is damaged: the sha256 of .*cohort\.i8/,
    ],
    [
      "whose cohort has other dimensions",
      (path) => editDescriptor(path, { dimensions: 7 }),
      /its cohort .* is no rows of 7 numbers/,
    ],
    [
      "whose statistics are damaged",
      (path) => appendFileSync(join(dirname(path), "statistics.json"), " "),
      /is damaged: the sha256 of .*statistics\.json/,
    ],
    [
      "whose statistics are another network's",
      (path) => editDescriptor(path, { id: "another" }),
      /its statistics are of the model "broken", not of "another"/,
    ],
  ];
  for (const [what, breaks, sentence] of BROKEN) {
    it(`one ${what} is told`, async () => {
      breaks(writePack(folderOf("broken"), { id: "broken" }));
      assert.match(await problem(), sentence);
    });
  }

  it("one whose network is cut short is told", async () => {
    const path = writePack(folderOf("broken"), { id: "broken", format: "onnx" });
    writeFileSync(join(dirname(path), "tiny.onnx"), readFileSync(join(dirname(path), "tiny.onnx")).subarray(0, 100));
    assert.match(await problem(), /is not whole: .*tiny\.onnx has 100 bytes, not \d+/);
  });

  it("are told apart by a code", async () => {
    const code = async (): Promise<string | null | undefined> => {
      const broken = (await ours()).find(({ pack }) => pack === undefined);
      rmSync(join(userDir, "facenet"), { recursive: true });
      return broken?.pack === undefined ? broken?.code : undefined;
    };
    const told: unknown[] = [];
    const at = (): string => writePack(folderOf("broken"), { id: "broken", format: "onnx" });
    writeFileSync(at(), "{");
    told.push(await code());
    writeFileSync(at(), JSON.stringify({ facenetPack: 2 }));
    told.push(await code());
    writeFileSync(at(), JSON.stringify({ facenetPack: 1 }));
    told.push(await code());
    writeFileSync(join(dirname(at()), "tiny.onnx"), "cut");
    told.push(await code());
    rmSync(join(dirname(at()), "tiny.onnx"));
    told.push(await code());
    at();
    writePack(folderOf("other"), { id: "broken" });
    told.push(await code());
    assert.deepEqual(told, ["not_json", "later_form", "malformed", "not_whole", "unreadable", "same_id"]);
    for (const language of ["en-US", "zh-TW"]) {
      const path = join(__dirname, "../../../plugins/facenet-sidebar/locales", language, "facenet-sidebar.json");
      const { models } = JSON.parse(readFileSync(path, "utf8")) as {
        models: Record<"licence-of", Record<string, string>>;
      };
      assert.deepEqual(Object.keys(models["licence-of"]).sort(), [...BUILT_IN_MODELS].sort(), language);
    }
  });

  it("of one id are told from each other: the user folder's is used", async () => {
    writePack(folderOf("here"), { id: "twice" });
    installPack(join(userDir, "node_modules"), "facenet-twice", { id: "twice" });
    const [first, second] = await ours();
    assert.deepEqual([first?.place, first?.pack?.id], ["folder", "twice"]);
    assert.match(second?.problem ?? "", /has the id "twice" as .*models.*here.*has: remove one of them/);
  });

  it("one that names a path out of its npm package is told", async () => {
    const path = installPack(join(userDir, "node_modules"), "sly", { id: "sly" });
    writePack(folderOf("victim"), { id: "victim" });
    writeFileSync(
      join(dirname(path), "package.json"),
      JSON.stringify({ name: "sly", facenet: { pack: "../../facenet/models/victim/facenet-pack.json" } }),
    );
    assert.deepEqual(
      (await ours()).map(({ pack }) => pack?.id),
      ["victim", undefined],
    );
    assert.match((await ours())[1]?.problem ?? "", /must be a file of the package/);
  });

  it("tell what must be installed before they can be used, and nothing where it is there", async () => {
    writePack(folderOf("graph"), { id: "graph" });
    writePack(folderOf("onnx"), { id: "onnx", format: "onnx" });
    const needsWhere = async (installed: readonly string[]): Promise<(string | undefined)[]> => {
      const found = await listModels((name) => Promise.resolve(installed.includes(name) ? "here" : ""));
      return ["graph", "onnx", "sface-2021dec", "mobilefacenet-192"].map(
        (id) => found.find((each) => each.id === id)?.needs?.code,
      );
    };
    assert.deepEqual(await needsWhere([]), ["tfjs-converter", "onnx-runtime", "onnx-runtime", undefined]);
    assert.deepEqual(await needsWhere(["onnxruntime-web"]), ["tfjs-converter", undefined, undefined, undefined]);
    const all = ["onnxruntime-node", "@tensorflow/tfjs-converter"];
    assert.deepEqual(await needsWhere(all), [undefined, undefined, undefined, undefined]);
  });

  it("a package that is broken, or says nothing of packs, is passed over", async () => {
    for (const [name, text] of [
      ["torn", '{"facenet"'],
      ["other", '{"facenet": true}'],
      ["plain", "{}"],
    ] as const) {
      mkdirSync(join(userDir, "node_modules", name), { recursive: true });
      writeFileSync(join(userDir, "node_modules", name, "package.json"), text);
    }
    assert.deepEqual(await ours(), []);
  });
});

function edit(path: string, fields: object): void {
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...fields }));
}

function editDescriptor(path: string, fields: object): void {
  const { descriptor } = JSON.parse(readFileSync(path, "utf8")) as { descriptor: object };
  edit(path, { descriptor: { ...descriptor, ...fields } });
}
