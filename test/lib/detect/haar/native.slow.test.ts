import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UserError } from "../../../../lib/errors";
import { FaceDetector } from "../../../../lib/detect/face-detector";
import { haar } from "../../../../lib/detect/haar/haar";
import { NativeDetector } from "../../../../lib/detect/haar/native";
import { haarOptionsSchema } from "../../../../lib/detect/haar/options";
import type { Pixels } from "../../../../lib/image/pixels";
import { eventually } from "../../../support/node-red";
import { runs } from "../../../support/programs";
import { pattern } from "../../../support/pattern";

/**
 * A package in place of @u4/opencv4nodejs that finds one box in any picture, except as `onLoad`, `onCascade` and
 * `onSearch` (statements)
 * have it. Each start of its process is a line in the file `starts`, with the process's id.
 */
function fakeOpenCv({ onLoad = "", onCascade = "", onSearch = "" }): {
  folder: string;
  module: string;
  starts: () => number[];
} {
  const folder = mkdtempSync(join(tmpdir(), "opencv-"));
  const home = join(folder, "@u4/opencv4nodejs");
  const starts = join(folder, "starts");
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "@u4/opencv4nodejs", main: "index.js" }));
  writeFileSync(
    join(home, "index.js"),
    `const { appendFileSync, existsSync, writeFileSync } = require("node:fs");
    appendFileSync(${JSON.stringify(starts)}, process.pid + "\\n");
    ${onLoad}
    class Mat {
      constructor(data, rows, cols) { Object.assign(this, { rows, cols }); }
      resize(rows, cols) { return new Mat(undefined, rows, cols); }
      release() {}
    }
    class Size {}
    class CascadeClassifier {
      constructor(path) { ${onCascade} }
      detectMultiScale({ cols }) {
        ${onSearch};
        return { objects: [{ x: 1, y: 2, width: 30, height: 30 }], numDetections: [7] };
      }
    }
    module.exports = { CV_8UC1: 0, INTER_AREA: 3, Mat, Size, CascadeClassifier };`,
  );
  writeFileSync(starts, "");
  return {
    folder,
    module: join(home, "index.js"),
    starts: () => readFileSync(starts, "utf8").split("\n").filter(Boolean).map(Number),
  };
}

/** Whether it still works: what was ended while its thread hung is but an entry of the table of processes. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return runs(pid) && !(existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, "utf8")));
}

const SHORT = { load: 60_000, cascade: 60_000, search: 60_000 };
const OPTIONS = haarOptionsSchema.parse({ engine: "native" });
const picture = (width: number): Pixels => ({ data: new Uint8Array(width * 100 * 3), width, height: 100 });
const FOUND = [{ box: { x: 1, y: 2, width: 30, height: 30 }, score: 7 }];
const refusal = (words: RegExp) => (error: unknown) => error instanceof UserError && words.test(error.message);

describe("NativeDetector", () => {
  for (const [what, onLoad, sentence] of [
    [
      "aborts",
      "process.abort();",
      pattern(
        /cannot be loaded \(SIGABRT\): install it again in the Node-RED user /,
        /folder, or choose the engine "OpenCV WASM"\.$/,
      ),
    ],
    [
      "exits",
      'process.stderr.write("no licence\\n"); process.exit(3);',
      /cannot be loaded \(exit code 3: no licence\)/,
    ],
    [
      "is broken",
      'throw new Error("opencv4nodejs.node: file too short\\nRequire stack: …");',
      /cannot be loaded \(opencv4nodejs\.node: file too short\): install it again/,
    ],
    [
      "is of another ABI",
      "throw new Error(\"The module 'x.node'\\nwas compiled against a different Node.js version " +
        'using\\nNODE_MODULE_VERSION 93.");',
      /was compiled for another Node\.js than this \(v[\d.]+\): run "npm rebuild @u4\/opencv4nodejs"/,
    ],
  ] as const) {
    it(`says a sentence where the package ${what} when loaded, and does not try again for every picture`, async () => {
      const { module, starts } = fakeOpenCv({ onLoad });
      const detector = new NativeDetector({ find: () => module });
      for (let pictures = 0; pictures < 3; pictures += 1)
        await assert.rejects(detector.detect(picture(100), OPTIONS), refusal(sentence));
      assert.equal(starts().length, 1);
    });
  }

  it("ends a package that hangs as it is loaded", async () => {
    const { module, starts } = fakeOpenCv({ onLoad: "for (;;);" });
    const detector = new NativeDetector({ find: () => module, patience: { ...SHORT, load: 1500 } });
    await assert.rejects(
      detector.detect(picture(100), OPTIONS),
      refusal(/cannot be loaded \(no answer within 1\.5 s\)/),
    );
    await eventually("its end", () => starts().every((pid) => !runs(pid)) || undefined);
  });

  it("names the package and how to get it where it is not installed", async () => {
    const detector = new NativeDetector({ find: () => undefined });
    await assert.rejects(
      detector.detect(picture(100), OPTIONS),
      refusal(/is not installed: run "npm install @u4\/opencv4nodejs" in the Node-RED user folder/),
    );
  });

  it(
    "refuses by a sentence that names its size a picture at which the package ends twice, and goes on with " +
      "others",
    async () => {
      const { module, starts } = fakeOpenCv({ onSearch: "if (cols === 31) process.abort()" });
      const detector = new NativeDetector({ find: () => module });
      assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
      await assert.rejects(
        detector.detect(picture(31), OPTIONS),
        refusal(
          /broke on a picture of 31 × 100 pixels \(SIGABRT\) and is restarted: send a smaller picture, or choose/,
        ),
      );
      assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
      assert.equal(starts().length, 3);
    },
  );

  it("finds the faces of a picture at which the package ends once", async () => {
    const { module, folder, starts } = fakeOpenCv({
      onSearch: `if (!existsSync(__dirname + "/once")) { writeFileSync(__dirname + "/once", ""); process.abort(); }`,
    });
    const detector = new NativeDetector({ find: () => module });
    assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
    assert.equal(starts().length, 2);
    assert.ok(existsSync(join(folder, "@u4/opencv4nodejs/once")));
  });

  it("lets a package rest that ends at picture after picture", async () => {
    const { module, starts } = fakeOpenCv({ onSearch: "process.abort()" });
    const detector = new NativeDetector({ find: () => module });
    for (let pictures = 0; pictures < 6; pictures += 1)
      await assert.rejects(detector.detect(picture(100), OPTIONS), refusal(/broke on a picture/));
    assert.ok(starts().length < 10, `started ${starts().length} times`);
  });

  it("ends a package that hangs in a search", async () => {
    const { module, starts } = fakeOpenCv({ onSearch: "for (;;);" });
    const detector = new NativeDetector({ find: () => module, patience: { ...SHORT, search: 1000 } });
    await assert.rejects(
      detector.detect(picture(100), OPTIONS),
      refusal(/broke on a picture of 100 × 100 pixels \(no answer within 1 s\)/),
    );
    await eventually("its end", () => starts().every((pid) => !runs(pid)) || undefined);
    assert.equal(starts().length, 1);
  });

  it("says what the package threw, and keeps it", async () => {
    const { module, starts } = fakeOpenCv({ onSearch: 'if (cols === 31) throw new Error("bad argument")' });
    const detector = new NativeDetector({ find: () => module });
    await assert.rejects(
      detector.detect(picture(31), OPTIONS),
      refusal(/failed \(bad argument\): choose the engine "OpenCV WASM"/),
    );
    assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
    assert.equal(starts().length, 1);
  });

  it("names the cascade file at which the package ends", async () => {
    const { module, folder } = fakeOpenCv({ onCascade: 'if (path.endsWith("odd.xml")) process.abort()' });
    const cascade = join(folder, "odd.xml");
    writeFileSync(
      cascade,
      "<opencv_storage><cascade><height>24</height>\n<width>24</width></cascade></opencv_storage>\n",
    );
    const detector = new NativeDetector({ find: () => module });
    await assert.rejects(
      detector.detect(picture(100), { ...OPTIONS, cascade }),
      refusal(/cannot use the cascade file \S+odd\.xml \(SIGABRT\): choose a built-in cascade/),
    );
    assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
  });

  it("starts the package anew when its process was ended meanwhile", async () => {
    const { module, starts } = fakeOpenCv({});
    const detector = new NativeDetector({ find: () => module });
    assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
    process.kill(starts()[0] as number, "SIGKILL");
    assert.deepEqual(await detector.detect(picture(100), OPTIONS), FOUND);
    assert.equal(starts().length, 2);
  });

  for (const [which, onSearch] of [
    ["", ""],
    [", even one that hangs", "for (;;);"],
  ] as const) {
    it(`leaves no process behind when its last user goes${which}`, async () => {
      const { folder, starts } = fakeOpenCv({ onSearch });
      const before = process.env["NODE_PATH"];
      // Where the worker's `require` looks besides.
      process.env["NODE_PATH"] = folder;
      const detector = new FaceDetector(haar, OPTIONS);
      try {
        const answer = detector.warmUp().then(
          () => "done",
          () => "closed",
        );
        await eventually("a start", () => starts().length > 0 || undefined);
        if (onSearch === "") assert.equal(await answer, "done");
        await detector.close();
        await answer;
        await eventually("its end", () => starts().every((pid) => !isAlive(pid)) || undefined);
      } finally {
        if (before === undefined) delete process.env["NODE_PATH"];
        else process.env["NODE_PATH"] = before;
        await detector.close();
      }
    });
  }
});
