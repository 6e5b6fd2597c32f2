import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runInNewContext } from "node:vm";
import { haarOptionsSchema } from "../../lib/detect/haar/options";
import { PRESETS } from "../../lib/detect/haar/presets";
import { BUILT_IN_MODELS, DEFAULT_MODEL } from "../../lib/embed/descriptor";
import { optionsOf as cameraOptions } from "../../nodes/camera/camera";
import type { CameraDef } from "../../nodes/camera/definition";
import { optionalFlag, optionalNumber, requireVariables } from "../../nodes/common/options";
import { type HaarDetectDef, optionsOf as detectorOptions } from "../../nodes/haar-detect/haar-detect";

const NODES = join(__dirname, "../../nodes");

/** What a new node has, as the script of a form says. */
function fieldsOf(script: string, settings: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const registerType = (_type: string, { defaults }: { defaults: Record<string, { value: unknown }> }): void => {
    for (const [name, { value }] of Object.entries(defaults)) fields[name] = value;
  };
  const validator = (): void => undefined;
  const FacenetForms = new Proxy({}, { get: () => () => validator });
  runInNewContext(script, { RED: { settings, nodes: { registerType } }, FacenetForms });
  return fields;
}

describe("the forms", () => {
  it("offer every network that comes with the package, and one's own", () => {
    for (const node of ["facenet-embed", "face-gallery"]) {
      const html = readFileSync(join(NODES, node, `${node}.html`), "utf8");
      const [, select = ""] = /<select id="node-(?:config-)?input-model"[^>]*>(.*?)<\/select>/s.exec(html) ?? [];
      assert.deepEqual(
        [...select.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value),
        [...BUILT_IN_MODELS, "file"],
      );
    }
  });

  it("give a new node the default network by its id, and say in both languages which it is", () => {
    for (const node of ["facenet-embed", "face-gallery"]) {
      assert.equal(
        / model: \{ value: "([^"]*)"/.exec(readFileSync(join(NODES, node, `${node}.html`), "utf8"))?.[1],
        DEFAULT_MODEL.id,
      );
      for (const [locale, word] of [
        ["en-US", "(default)"],
        ["zh-TW", "（預設）"],
      ] as const) {
        const words = JSON.parse(readFileSync(join(NODES, node, "locales", locale, `${node}.json`), "utf8")) as Record<
          string,
          { model: Record<string, string> }
        >;
        assert.deepEqual(
          Object.entries(words[node]?.model ?? {})
            .filter(([, text]) => text.includes(word))
            .map(([name]) => name),
          ["mobilefacenet"],
        );
      }
    }
  });

  it("of haar-detect says and sets what enrolment and benches know by the preset's name", () => {
    const html = readFileSync(join(NODES, "haar-detect/haar-detect.html"), "utf8");
    const offered = [...html.matchAll(/id="haar-detect-preset-(\w+)"/g)].map(
      ([, name]) => name as keyof typeof PRESETS,
    );
    assert.deepEqual(offered, ["tracking", "accurate", "original"]);
    for (const locale of ["en-US", "zh-TW"]) {
      const file = readFileSync(join(NODES, "haar-detect/locales", locale, "haar-detect.json"), "utf8");
      const words = JSON.parse(file) as { "haar-detect": { preset: Record<string, string> } };
      for (const name of offered) {
        const { scaleFactor, minNeighbors } = PRESETS[name];
        const [, ...figures] = /(\d\.\d)\D+(\d)/.exec(words["haar-detect"].preset[name] ?? "") ?? [];
        assert.deepEqual(figures, [String(scaleFactor), String(minNeighbors)], `${locale} ${name}`);
      }
    }
    const script = /<script type="text\/javascript">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
    const defaults = fieldsOf(script, { haarDetectPresets: PRESETS });
    const { tracking, ...search } = PRESETS.tracking;
    assert.equal(defaults["tracking"], tracking);
    assert.deepEqual(
      detectorOptions(defaults as unknown as HaarDetectDef),
      haarOptionsSchema.parse({ ...search, minSize: 36, region: undefined }),
    );
  });

  it("know of each of them that no τ above 2 makes sense", () => {
    const html = readFileSync(join(__dirname, "../../nodes/face-match/face-match.html"), "utf8");
    const known = new RegExp(/const longest = .*?\(\/(.+?)\/\.test/.exec(html)?.[1] ?? "nothing");
    for (const model of BUILT_IN_MODELS) assert.match(model, known);
    assert.doesNotMatch("file", known);
  });
});

describe("what a form or a variable says", () => {
  it("is a number, blank is the default, anything else is said", () => {
    assert.deepEqual(["", "  ", undefined, null, "0.5", 7, " 8 "].map(optionalNumber), [
      undefined,
      undefined,
      undefined,
      undefined,
      0.5,
      7,
      8,
    ]);
    assert.throws(() => optionalNumber("${TAU}"), /"\$\{TAU\}" is not a number/);
    assert.throws(() => optionalNumber("wide"), /not a number/);
  });

  it("is yes or no, as text too", () => {
    assert.deepEqual([true, false, "true", "false", " TRUE ", "", undefined, null].map(optionalFlag), [
      true,
      false,
      true,
      false,
      true,
      undefined,
      undefined,
      undefined,
    ]);
    assert.throws(() => optionalFlag("perhaps"), /neither true nor false/);
  });

  it("names the variable that is not set, in a list too, and leaves names alone", () => {
    assert.throws(() => requireVariables({ threshold: "${TAU}" }), /^Error: threshold: the variable TAU is not set/);
    assert.throws(() => requireVariables({ url: "$(ADDRESS)" }), /the variable ADDRESS is not set/);
    assert.throws(
      () => requireVariables({ schedule: [{ days: [1], from: "${OPENS}", to: "18:00" }] }),
      /schedule: the variable OPENS/,
    );
    requireVariables({ name: "${NAME}", template: "Hi {names}, that is 5 $", wires: [["a"]], credentials: undefined });
  });

  it("is not sent to a camera as the text of a variable that is not set", () => {
    const def = { source: "snapshot", url: "http://door.lan/a.jpg" } as CameraDef;
    assert.throws(
      () => cameraOptions(def, "cam", { user: "me", password: "${PASSWORD}" }),
      /password: the variable PASSWORD is not set/,
    );
    assert.equal(cameraOptions({ ...def, loop: "false", realtime: "true" }, "cam").source, "snapshot");
  });

  it("cannot ask for faces that are larger than the largest", () => {
    const def = { minSize: "100", maxSize: "50" } as HaarDetectDef;
    assert.throws(() => detectorOptions(def), /the largest face is smaller than the smallest/);
    assert.equal(detectorOptions({ ...def, maxSize: "0" }).minSize, 100);
  });
});
