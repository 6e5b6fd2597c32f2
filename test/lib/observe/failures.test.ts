import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { withoutPaths } from "../../../lib/observe/diagnosis";
import { Failures } from "../../../lib/observe/failures";
import { Fault, UserError } from "../../../lib/errors";
import { parseOptions } from "../../../lib/validate";

/** As zod and we throw it. */
function refused(value: unknown): unknown {
  try {
    return parseOptions(z.object({ width: z.number() }), { width: value }, "Alice");
  } catch (error) {
    return error;
  }
}

const SECRET = "Alice Liddell of /home/alice/photos/Alice.jpg, rtsp://admin:hunter2@10.0.0.7/";

describe("what failed lately", () => {
  it("is counted by where it was thrown, the newest first", () => {
    const failures = new Failures();
    const one = (): unknown => refused(SECRET);
    const other = (): Error => new TypeError(SECRET);
    for (const at of [1000, 2000]) failures.note("camera", one(), at);
    failures.note("haar-detect", other(), 3000);
    failures.note("camera", one(), 4000);
    assert.deepEqual(
      failures.list().map(({ where, kind, told, count, first, last }) => ({ where, kind, told, count, first, last })),
      [
        { where: "camera", kind: "UserError", told: true, count: 3, first: 1000, last: 4000 },
        { where: "haar-detect", kind: "TypeError", told: false, count: 1, first: 3000, last: 3000 },
      ],
    );
    assert.match(failures.list()[0]?.places[0] ?? "", /^parseOptions lib\/validate\.[jt]s:\d+:\d+$/);
  });

  it("has places in packages, and no word of the message, no path of this computer and no odd code", () => {
    const failures = new Failures();
    const deep = new UserError(`${SECRET}\n    at Alice (/home/alice/.node-red/node_modules/alice/index.js:1:1)`);
    const odd = Object.assign(new Fault(SECRET), { code: SECRET });
    const system = Object.assign(new Error(SECRET), { code: "ENOSPC" });
    for (const error of [deep, odd, system, SECRET, null, undefined, { code: SECRET }]) failures.note("api", error, 1);
    // Its stack ends in a package.
    failures.note("camera", refused(SECRET), 2);
    const told = JSON.stringify(failures.list());
    assert.doesNotMatch(told, /alice|hunter2|10\.0\.0\.7|home|rtsp/i);
    assert.ok(!told.includes(__dirname), "a folder of this computer");
    assert.match(failures.list()[0]?.places.join(" ") ?? "", /lib\/validate\.[jt]s:\d+/);
    assert.deepEqual(
      failures.list().flatMap(({ code }) => code ?? []),
      ["ENOSPC"],
    );
  });

  it("is bounded, and keeps the newest", () => {
    const failures = new Failures();
    for (let index = 0; index < 100; index += 1) failures.note(`node-${index}`, new Error("no"), index);
    assert.equal(failures.list().length, 20);
    assert.equal(failures.list()[0]?.where, "node-99");
  });
});

describe("a sentence without paths", () => {
  for (const [text, shown] of [
    [
      "cannot load /home/alice/.node-red/node_modules/x/build/x.node: no",
      "cannot load …/node_modules/x/build/x.node: no",
    ],
    ["in C:\\Users\\Alice\\photos\\a.jpg and C:/Users/Alice", "in … and …"],
    ["of @tensorflow/tfjs-node and onnxruntime-node", "of @tensorflow/tfjs-node and onnxruntime-node"],
    ["(/opt/a/node_modules/b/node_modules/c/d.js)", "(…/node_modules/c/d.js)"],
  ] as const)
    it(`is "${shown}"`, () => {
      assert.equal(withoutPaths(text), shown);
    });
});
