/** Flows of the first version in the editor: opened, and written back in the present form. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, openEditor } from "../support/editor";
import { eventually, type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";

const OLD = join(__dirname, "../support/old-flows/photo-over-http.json");

interface Editor {
  RED: {
    editor: { edit(node: unknown): void };
    nodes: { node(id: string): Record<string, unknown>; dirty(dirty: boolean): void };
  };
}

/** What the first version did without saying so. */
const PRESENT: Record<string, object> = {
  "face-match": {
    version: 2,
    changes: false,
    distance: "euclidean",
    wanted: "fixed",
    tracks: false,
    groups: "",
    schedule: [],
  },
  "haar-detect": { version: 2, workingWidthType: "whole", tracking: true, fullEvery: "8", motionGate: false },
  "facenet-embed": { version: 1, model: "dlib-resnet-v1", reembedAfter: "1000" },
  "face-gallery": {
    version: 4,
    store: "local",
    dbCheckIns: false,
    model: "dlib-resnet-v1",
    keepVisits: "30",
    keepPhotos: true,
    keepUnknowns: true,
    unknownDays: "7",
    detector: "haar",
  },
};

describe("a flow of the first version", () => {
  let browser: Browser;
  let red: NodeRed;
  const old = JSON.parse(readFileSync(OLD, "utf8")) as FlowNode[];
  before(async () => {
    browser = await launch();
    red = await startNodeRed(old);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  const flows = async (): Promise<FlowNode[]> => (await (await fetch(`${red.url}/flows`)).json()) as FlowNode[];

  it("opens without a warning, and the next deploy writes it back in the present form", async () => {
    const { context, page, complaints } = await openEditor(browser, red);
    for (const [type, fields] of Object.entries(PRESENT)) {
      const { id } = old.find((node) => node.type === type) ?? assert.fail(type);
      const shown = await page.evaluate((of) => {
        const node = (globalThis as unknown as Editor).RED.nodes.node(of);
        return { ...(JSON.parse(JSON.stringify({ ...node, _def: undefined, _: undefined })) as object) };
      }, id);
      for (const [field, value] of Object.entries(fields))
        assert.deepEqual((shown as Record<string, unknown>)[field], value, `${type}.${field}`);
      assert.equal((shown as { valid?: boolean }).valid, true, `${type} is valid`);
    }
    const match = old.find(({ type }) => type === "face-match")?.id ?? "";
    await page.evaluate((id) => {
      const { RED } = globalThis as unknown as Editor;
      RED.editor.edit(RED.nodes.node(id));
    }, match);
    await page.locator("#node-input-distance").waitFor();
    assert.equal(await page.locator("#node-input-distance").inputValue(), "euclidean");
    await page.locator("#node-dialog-cancel").click();
    await page.locator("#node-input-distance").waitFor({ state: "detached" });
    assert.ok((await flows()).every(({ version }) => version === undefined));
    await page.evaluate(() => (globalThis as unknown as Editor).RED.nodes.dirty(true));
    await page.locator("#red-ui-header-button-deploy").click();
    const written = await eventually("the flow is written back", async () => {
      const all = await flows();
      return all.some(({ version }) => version !== undefined) ? all : undefined;
    });
    for (const [type, fields] of Object.entries(PRESENT)) {
      const node = written.find((each) => each.type === type) ?? assert.fail(type);
      for (const [field, value] of Object.entries(fields)) assert.deepEqual(node[field], value, `${type}.${field}`);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
});
