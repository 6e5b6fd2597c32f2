/** Native OpenCV in a real Node-RED: whatever it does, Node-RED lives on and says a sentence. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import { nativeInstalled } from "../../lib/detect/haar/native";
import { eventually, type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { groupPhoto } from "../support/photos";
import { pattern } from "../support/pattern";

const SKIP = nativeInstalled() ? false : "@u4/opencv4nodejs is not installed: npm run test:engines opencv";
const MODULES = join(process.env["FACENET_ENGINE"] ?? "", "node_modules");
const ADDON = "build/Release/opencv4nodejs.node";
const PACKAGE = "@u4/opencv4nodejs";

/** Answers a picture that is posted to /NAME with its faces, or with the sentence and 400. */
function detection(name: string, fields: object): FlowNode[] {
  const id = (part: string): string => `${name}-${part}`;
  const set = (from: string): object => ({ rules: [{ t: "set", p: "payload", pt: "msg", to: from, tot: "msg" }] });
  return [
    { id: id("in"), z: "tab", type: "http in", url: `/${name}`, method: "post", wires: [[id("haar")]] },
    { id: id("haar"), z: "tab", type: "haar-detect", ...fields, wires: [[id("faces")]] },
    { id: id("faces"), z: "tab", type: "change", ...set("faces"), wires: [[id("out")]] },
    { id: id("out"), z: "tab", type: "http response", statusCode: "200", wires: [] },
    { id: id("catch"), z: "tab", type: "catch", scope: [id("haar")], wires: [[id("said")]] },
    { id: id("said"), z: "tab", type: "change", ...set("error.message"), wires: [[id("refused")]] },
    { id: id("refused"), z: "tab", type: "http response", statusCode: "400", wires: [] },
  ];
}

const flow = (...nodes: FlowNode[][]): FlowNode[] => [{ id: "tab", type: "tab", label: "tab" }, ...nodes.flat()];

async function ask(red: NodeRed, name: string): Promise<{ status: number; text: string }> {
  const body = new Uint8Array(await sharp(groupPhoto(3)).resize(640).png().toBuffer());
  return eventually("an answer", async () => {
    const answer = await fetch(`${red.url}/${name}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/octet-stream" },
    });
    const text = await answer.text();
    // While a deploy goes on nobody is there.
    return answer.status === 404 ? undefined : { status: answer.status, text };
  });
}

/** The engine's folder again, with another addon in it. */
function withAddon(change: (addon: Buffer) => Buffer): string {
  const modules = join(mkdtempSync(join(tmpdir(), "engine-")), "node_modules");
  for (const name of readdirSync(MODULES))
    if (!name.startsWith(".") && name !== "@u4") {
      mkdirSync(modules, { recursive: true });
      symlinkSync(join(MODULES, name), join(modules, name), "junction");
    }
  mkdirSync(join(modules, PACKAGE, "build/Release"), { recursive: true });
  symlinkSync(join(MODULES, "@u4/opencv-build"), join(modules, "@u4/opencv-build"), "junction");
  for (const part of ["package.json", "cjs", "src"])
    cpSync(join(MODULES, PACKAGE, part), join(modules, PACKAGE, part), { recursive: true });
  writeFileSync(join(modules, PACKAGE, ADDON), change(readFileSync(join(MODULES, PACKAGE, ADDON))));
  return modules;
}

/** The addon as another Node.js would have it: the function that registers it has the version in its name. */
function ofAnotherNode(addon: Buffer): Buffer {
  const name = Buffer.from(`node_register_module_v${process.versions.modules}`);
  const at = addon.indexOf(name);
  assert.ok(at > 0);
  for (let each = at; each >= 0; each = addon.indexOf(name, each + 1))
    addon.write("093".padStart(process.versions.modules.length), each + "node_register_module_v".length);
  return addon;
}

describe("native OpenCV in Node-RED", { skip: SKIP }, () => {
  it("outlives five deploys and a picture after each, with the boxes of OpenCV WASM", async () => {
    const nodes = flow(detection("native", { engine: "native" }), detection("wasm", { engine: "wasm" }));
    const red = await startNodeRed(nodes);
    try {
      const expected = await ask(red, "wasm");
      assert.equal((JSON.parse(expected.text) as unknown[]).length, 3);
      for (let deploy = 0; deploy < 5; deploy += 1) {
        assert.deepEqual(await ask(red, "native"), expected, `after ${deploy} deploys`);
        const answer = await fetch(`${red.url}/flows`, {
          method: "POST",
          body: JSON.stringify(nodes),
          headers: { "content-type": "application/json", "node-red-deployment-type": "full" },
        });
        assert.equal(answer.status, 204);
      }
      assert.deepEqual(await ask(red, "native"), expected);
    } finally {
      await red.stop();
    }
  });

  it("names a file that is no cascade, and one at which OpenCV ends, and goes on with others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cascade-"));
    writeFileSync(join(folder, "hello.xml"), "hello");
    // Cut short where OpenCV notices, and not before.
    writeFileSync(
      join(folder, "odd.xml"),
      "<?xml version='1.0'?><opencv_storage><cascade><height>24</height>\n" +
        "<width>24</width><stages/></cascade></opencv_storage>\n",
    );
    const file = (name: string): object => ({ engine: "native", cascade: "file", cascadeFile: join(folder, name) });
    const red = await startNodeRed(
      flow(
        detection("hello", file("hello.xml")),
        detection("odd", file("odd.xml")),
        detection("native", { engine: "native" }),
      ),
    );
    try {
      const hello = await ask(red, "hello");
      assert.equal(hello.status, 400);
      assert.match(
        hello.text,
        pattern(
          /the file \S+hello\.xml is not an OpenCV cascade: choose a built-in /,
          /one or a \.xml made by OpenCV's traincascade\.$/,
        ),
      );
      const odd = await ask(red, "odd");
      assert.equal(odd.status, 400);
      assert.match(
        odd.text,
        /cannot use the cascade file \S+odd\.xml \(SIGABRT: .*what\(\): .*\): choose a built-in cascade/,
      );
      assert.equal((await ask(red, "native")).status, 200);
    } finally {
      await red.stop();
    }
  });

  for (const [what, modules, sentence] of [
    [
      "missing",
      () => "",
      /the native engine @u4\/opencv4nodejs is not installed: run "npm install @u4\/opencv4nodejs"/,
    ],
    [
      "broken",
      () => withAddon((addon) => addon.subarray(0, 4000)),
      /the native engine @u4\/opencv4nodejs is installed but cannot be loaded \(.+\): install it again/,
    ],
    [
      "no addon at all",
      () => withAddon(() => Buffer.from("hello")),
      /the native engine @u4\/opencv4nodejs is installed but cannot be loaded \(.+\): install it again/,
    ],
    [
      "of another ABI",
      () => withAddon(ofAnotherNode),
      pattern(
        /the native engine @u4\/opencv4nodejs was compiled for another Node\.js than /,
        /this \(v[\d.]+\): run "npm rebuild @u4\/opencv4nodejs"/,
      ),
    ],
  ] as const) {
    it(`says a sentence where it is ${what}, and OpenCV WASM works beside it`, async () => {
      const red = await startNodeRed(
        flow(detection("native", { engine: "native" }), detection("wasm", { engine: "wasm" })),
        { env: { NODE_PATH: modules() } },
      );
      try {
        const native = await ask(red, "native");
        assert.equal(native.status, 400, native.text);
        assert.match(native.text, sentence);
        assert.equal((await ask(red, "wasm")).status, 200);
      } finally {
        await red.stop();
      }
    });
  }
});
