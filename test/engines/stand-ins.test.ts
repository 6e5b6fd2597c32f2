import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { installationOf } from "../../lib/tensor/engines";
import {
  emptyFolder,
  type Folder,
  makePackage,
  packageSource,
  runEngines,
  SECOND_BACKEND,
  SECOND_RUNTIME,
} from "../support/engines";
import type { Result } from "../support/engine-run";
import { tinyOnnxModel } from "../support/tiny-models";
import { pattern } from "../support/pattern";

const ONNX = "onnxruntime-node";
const TENSORFLOW = "@tensorflow/tfjs-node";
/** What the issue allows between engines. */
const LARGEST_DIFFERENCE = 1e-5;

function folderWith(packages: Record<string, string>): Folder {
  const folder = emptyFolder();
  for (const [name, source] of Object.entries(packages)) makePackage(folder, name, source);
  return folder;
}

const largest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Infinity))));

function assertSame(results: readonly Result[], dimensions = 128): void {
  for (const { embedding } of results) {
    assert.equal(embedding?.length, dimensions);
    assert.ok(largest(embedding, results[0]?.embedding ?? []) <= LARGEST_DIFFERENCE);
  }
}

describe("the engine", () => {
  beforeEach(async (test) => {
    // They would hide those that these tests are about.
    if ((await Promise.all([ONNX, TENSORFLOW].map(installationOf))).some((found) => found !== ""))
      (test as TestContext).skip("an engine is installed beside this package");
  });

  it("is the fastest that is installed: ONNX, TensorFlow, WASM; what a flow names it keeps", async () => {
    const steps = [
      { do: "open", as: "a", engine: "auto" },
      { do: "open", as: "b", engine: "wasm" },
    ] as const;
    const engines = async (packages: Record<string, string>): Promise<unknown[]> =>
      (await runEngines(folderWith(packages), steps)).flatMap(({ engine, passedOver }) => [engine, passedOver]);
    assert.deepEqual(await engines({ [ONNX]: SECOND_RUNTIME, [TENSORFLOW]: SECOND_BACKEND }), [
      "onnxruntime-node",
      [],
      "TF.js wasm",
      [],
    ]);
    assert.deepEqual(await engines({ [TENSORFLOW]: SECOND_BACKEND }), ["TF.js tensorflow", [], "TF.js wasm", []]);
    assert.deepEqual(await engines({}), ["TF.js wasm", [], "TF.js wasm", []]);
  });

  it("stays each node's own where two backends and enrolment take turns, and the result names what ran", async () => {
    const folder = folderWith({ [TENSORFLOW]: SECOND_BACKEND });
    const turns = [
      { do: "embed", as: "wasm" },
      { do: "embed", as: "native" },
      { do: "enrol" },
      { do: "embed", as: "wasm" },
      { do: "enrol" },
      { do: "embed", as: "native" },
    ] as const;
    const results = await runEngines(folder, [
      { do: "open", as: "native", engine: "tfjs-node" },
      { do: "open", as: "wasm", engine: "wasm" },
      ...turns,
    ]);
    const [, , ...done] = results;
    assert.deepEqual(
      done.map(({ engine }) => engine),
      ["TF.js wasm", "TF.js tensorflow", undefined, "TF.js wasm", undefined, "TF.js tensorflow"],
    );
    // Enrolment takes the fastest too. The second backend counts its convolutions, the first cannot be counted: none
    // of the second's is one of the first.
    assert.deepEqual(
      done.map(({ kernels }) => kernels > 0),
      [false, true, true, false, true, true],
    );
    assertSame([done[0], done[1], done[3], done[5]] as Result[]);
    assertSame([done[2], done[4]] as Result[]);
  });

  it("gives MobileFaceNet's embeddings whichever it is", async () => {
    const model = "mobilefacenet-192";
    const results = await runEngines(folderWith({ [ONNX]: SECOND_RUNTIME, [TENSORFLOW]: SECOND_BACKEND }), [
      ...(["onnx", "tfjs-node", "wasm"] as const).map(
        (engine) => ({ do: "open", as: engine, engine, model }) as const,
      ),
      ...(["onnx", "tfjs-node", "wasm"] as const).map((as) => ({ do: "embed", as }) as const),
      { do: "embed", as: "wasm", of: "blonde" },
    ]);
    const [, , , onnx, native, wasm, other] = results as [Result, Result, Result, Result, Result, Result, Result];
    assert.deepEqual(
      [onnx.engine, native.engine, wasm.engine],
      ["onnxruntime-node", "TF.js tensorflow", "TF.js wasm"],
    );
    assertSame([wasm, onnx, native], 192);
    assert.ok(Math.abs(Math.hypot(...(wasm.embedding ?? [])) - 1) < 1e-6, "of length 1");
    assert.ok(largest(wasm.embedding ?? [], other.embedding ?? []) > 0.05, "two people");
  });

  it("gives enrolment the embeddings of WASM whatever is installed", async () => {
    const steps = [{ do: "enrol" }, { do: "enrol", of: "blonde" }] as const;
    const [plain, onnx] = await Promise.all([
      runEngines(folderWith({}), steps),
      runEngines(folderWith({ [ONNX]: SECOND_RUNTIME }), steps),
    ]);
    for (const [index, one] of plain.entries()) assertSame([one, onnx[index] as Result]);
    assert.ok(largest(plain[0]?.embedding ?? [], plain[1]?.embedding ?? []) > 0.05, "two people");
  });

  it(
    "that throws when it is loaded is passed over with its reason; chosen, it is an error; neither costs a " +
      "second try",
    async () => {
      const folder = folderWith({ [ONNX]: 'throw new Error("libonnxruntime.so.1: version GLIBC_2.99 not found");' });
      const embeds = [
        { do: "embed", as: "a" },
        { do: "embed", as: "b" },
        { do: "embed", as: "a" },
        { do: "embed", as: "b" },
      ] as const;
      const [auto, chosen, ...pictures] = await runEngines(folder, [
        { do: "open", as: "a", engine: "auto" },
        { do: "open", as: "b", engine: "onnx" },
        ...embeds,
      ]);
      const sentence = pattern(
        /^onnxruntime-node is installed but cannot be used \(.*GLIBC_2\.99 not found\): run /,
        /"npm uninstall onnxruntime-node" and then "npm install onnxruntime-node" in the /,
        /Node-RED user folder, on this computer \(\S+ \S+, Node\.js v[\d.]+\), then deploy /,
        /again, or choose the engine "TF\.js WASM"\.$/,
      );
      assert.deepEqual([auto?.engine, auto?.passedOver?.length], ["TF.js wasm", 1]);
      assert.match(auto?.passedOver?.[0] ?? "", sentence);
      assert.match(chosen?.error ?? "", sentence);
      for (const index of [1, 3]) assert.match(pictures[index]?.error ?? "", sentence);
      assert.deepEqual(
        pictures.map(({ engine }) => engine),
        ["TF.js wasm", undefined, "TF.js wasm", undefined],
      );
      assert.deepEqual(
        pictures.map(({ loads }) => loads),
        [0, 0, 0, 0],
      );
    },
  );

  it("that failed is tried again at a deploy, and when what is installed changes", async () => {
    const folder = folderWith({ [ONNX]: 'throw new Error("broken");' });
    const main = join(folder.modules, ONNX, "index.js");
    const manifest = join(folder.modules, ONNX, "package.json");
    const [opened, remembered, again, mended, installed] = await runEngines(folder, [
      { do: "open", as: "a", engine: "onnx" },
      { do: "embed", as: "a" },
      { do: "open", as: "b", engine: "onnx" },
      { do: "write", path: main, text: packageSource(folder.log, SECOND_RUNTIME) },
      { do: "embed", as: "a" },
      { do: "write", path: manifest, text: JSON.stringify({ name: ONNX, version: "0.0.22", main: "index.js" }) },
      { do: "embed", as: "a" },
    ]).then((results) => [results[0], results[1], results[2], results[4], results[6]]);
    assert.match(opened?.error ?? "", /\(broken\)/);
    assert.deepEqual(
      [opened?.loads, remembered?.loads, again?.loads],
      [1, 0, 1],
      "tried at both deploys, not by the picture",
    );
    assert.match(mended?.error ?? "", /\(broken\)/, "nobody installed anything");
    assert.equal(installed?.engine, "onnxruntime-node");
  });

  it("that is missing says what to install, and is found once it is installed, without a restart", async () => {
    const folder = emptyFolder();
    const later = join(folder.modules, ONNX);
    mkdirSync(later);
    const [missing, chosen, , , found] = await runEngines(folder, [
      { do: "open", as: "a", engine: "tfjs-node" },
      { do: "open", as: "b", engine: "onnx" },
      { do: "write", path: join(later, "index.js"), text: packageSource(folder.log, SECOND_RUNTIME) },
      {
        do: "write",
        path: join(later, "package.json"),
        text: JSON.stringify({ name: ONNX, version: "0.0.1", main: "index.js" }),
      },
      { do: "embed", as: "b" },
    ]);
    assert.match(
      missing?.error ?? "",
      pattern(
        /@tensorflow\/tfjs-node is not installed: run "npm install @tensorflow\/tfjs-node" in the /,
        /Node-RED user folder .* then deploy again, or choose the engine "TF\.js WASM"/,
      ),
    );
    assert.match(
      chosen?.error ?? "",
      pattern(
        /the engine "ONNX" needs onnxruntime-node, which is not installed: run "npm install /,
        /onnxruntime-node" .*--onnxruntime-node-install=skip.* in the Node-RED user folder, then deploy /,
        /again/,
      ),
    );
    assert.equal(found?.engine, "onnxruntime-node");
  });

  for (const [what, source, reason] of [
    [
      "ends the process that loads it, as a cut library does",
      "process.kill(process.pid, 'SIGSEGV'); while (true);",
      /the process that tried it ended with SIGSEGV/,
    ],
    [
      "needs a processor that this is not",
      "process.kill(process.pid, 'SIGILL'); while (true);",
      /it needs instructions that this computer's processor does not have: SIGILL/,
    ],
    ["ends the thread that loads it", "process.exit(0);", /ended/],
    [
      "is for another Node.js",
      String.raw`throw new Error("The module 'x.node'\nwas compiled against a different Node.js version using\n` +
        String.raw`NODE_MODULE_VERSION 93. This version of Node.js requires\nNODE_MODULE_VERSION 115.");`,
      pattern(
        /was compiled against a different Node\.js version using NODE_MODULE_VERSION 93.*: run "npm /,
        /rebuild onnxruntime-node" in the Node-RED user folder with this Node\.js/,
      ),
    ],
    [
      "computes wrong numbers",
      `${SECOND_RUNTIME}
      const create = async (...given) => {
        const session = await ort.InferenceSession.create(...given);
        const { inputNames, outputNames } = session;
        const run = async (feeds) => {
          const result = await session.run(feeds);
          for (const { data } of Object.values(result)) data.fill(0);
          return result;
        };
        return { inputNames, outputNames, release: () => session.release(), run };
      };
      module.exports = { ...ort, InferenceSession: { create } };`,
      /it computes wrong numbers/,
    ],
  ] as const) {
    it(
      `that ${what} is a sentence, and Node-RED goes on with the next`,
      { skip: process.platform === "win32" ? "signals are of other systems" : false },
      async () => {
        const [auto, chosen, picture] = await runEngines(folderWith({ [ONNX]: source }), [
          { do: "open", as: "a", engine: "auto" },
          { do: "open", as: "b", engine: "onnx" },
          { do: "embed", as: "a" },
        ]);
        assert.match(auto?.passedOver?.[0] ?? "", reason);
        assert.match(chosen?.error ?? "", reason);
        assert.deepEqual([picture?.engine, picture?.embedding?.length], ["TF.js wasm", 128]);
      },
    );
  }

  it("that could be loaded, but not once more, is passed over as well", async () => {
    const source = `if (loads() > 2) throw new Error("no memory left");${SECOND_RUNTIME}`;
    const [auto, picture] = await runEngines(folderWith({ [ONNX]: source }), [
      { do: "open", as: "a", engine: "auto" },
      { do: "embed", as: "a" },
    ]);
    assert.match(auto?.passedOver?.[0] ?? "", /\(no memory left\)/);
    assert.deepEqual([auto?.engine, picture?.engine], ["TF.js wasm", "TF.js wasm"]);
  });

  it("TensorFlow works on a Node.js that has no util.isNullOrUndefined and no util.isArray", async () => {
    const folder = folderWith({ [TENSORFLOW]: SECOND_BACKEND });
    folder.prelude = join(folder.modules, "node-23.cjs");
    writeFileSync(
      folder.prelude,
      'const util = require("node:util"); delete util.isNullOrUndefined; delete util.isArray;',
    );
    const [opened, picture] = await runEngines(folder, [
      { do: "open", as: "a", engine: "tfjs-node" },
      { do: "embed", as: "a" },
    ]);
    assert.deepEqual(
      [opened?.error, picture?.engine, picture?.embedding?.length],
      [undefined, "TF.js tensorflow", 128],
    );
  });

  it("that fails is not blamed on a model's descriptor", async () => {
    const source = `${SECOND_BACKEND}
      tf.registerKernel({ kernelName: "Mean", backendName: "wrong", kernelFunc: () => null });
      tf.unregisterKernel("Mean", "tensorflow");
      const kernelFunc = () => { throw new TypeError("util_1.gone is not a function"); };
      tf.registerKernel({ kernelName: "Mean", backendName: "tensorflow", kernelFunc });`;
    const [opened, again] = await runEngines(folderWith({ [TENSORFLOW]: source }), [
      { do: "open", as: "a", engine: "tfjs-node" },
      { do: "embed", as: "a" },
    ]);
    assert.match(
      opened?.error ?? "",
      /^@tensorflow\/tfjs-node is installed but cannot be used \(util_1\.gone is not a function\)/,
    );
    assert.equal(again?.error, opened?.error);
    assert.equal(again?.loads, 0);
  });

  it("reads somebody's own ONNX model on onnxruntime-web where onnxruntime-node is broken", async () => {
    const folder = folderWith({ [ONNX]: 'throw new Error("broken");' });
    const [opened, picture] = await runEngines(folder, [
      { do: "open", as: "a", model: tinyOnnxModel() },
      { do: "embed", as: "a" },
    ]);
    assert.deepEqual(
      [opened?.engine, picture?.engine, picture?.embedding?.length, opened?.passedOver?.length],
      ["onnxruntime-web", "onnxruntime-web", 4, 1],
    );
  });

  it("does not read a model's file that was refused for every picture", async () => {
    const folder = emptyFolder();
    folder.prelude = join(folder.modules, "count-reads.cjs");
    writeFileSync(
      folder.prelude,
      packageSource(
        folder.log,
        "const read = fs.createReadStream; fs.createReadStream = (path, ...rest) => { if " +
          '(String(path).endsWith(".onnx")) note("K"); return read(path, ...rest); };',
      ).replace('note("L");', ""),
    );
    const model = tinyOnnxModel({ sha256: "0".repeat(64) });
    const [opened, again] = await runEngines(folder, [
      { do: "open", as: "a", model },
      { do: "embed", as: "a" },
    ]);
    assert.match(opened?.error ?? "", /tiny\.onnx is not the one of the descriptor tiny-onnx/);
    assert.deepEqual([again?.error, opened?.kernels, again?.kernels], [opened?.error, 1, 0]);
  });
});
