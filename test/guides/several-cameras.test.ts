/** docs/guides/several-cameras.md, followed in a browser from an empty Node-RED. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Locator, Page } from "playwright-core";
import { Reader } from "./follow";

/** The middle of something on the page. */
async function middleOf(place: Locator): Promise<{ x: number; y: number }> {
  const box = await place.boundingBox();
  assert.ok(box !== null, "it is on the page");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

async function drag(page: Page, from: Locator, to: Locator): Promise<void> {
  const [start, end] = [await middleOf(from), await middleOf(to)];
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  // Node-RED begins a wire once the mouse has moved.
  await page.mouse.move((start.x + end.x) / 2, (start.y + end.y) / 2, { steps: 8 });
  await page.mouse.move(end.x, end.y, { steps: 8 });
  await page.mouse.up();
}

interface Deployed {
  id: string;
  type: string;
  name?: string;
  wires?: string[][];
  zones?: unknown;
}

describe("the guide to several cameras", () => {
  it("leads to two cameras before one detector, and to their zones", async () => {
    const reader = await Reader.begin("several-cameras");
    const { page } = reader;
    try {
      await reader.imports("greeting once a visit", "14", "Greeting once a visit");
      const node = (name: string): Locator =>
        page.locator("g.red-ui-flow-node-group", { hasText: new RegExp(`^\\s*${name}\\s*$`) });
      const camera = node(reader.reads("front door")).first();
      await camera.locator(".red-ui-flow-node").click();
      await page.keyboard.press("Control+c");
      await page.keyboard.press("Control+v");
      const { x, y } = await middleOf(camera);
      const BELOW = 130;
      await page.mouse.move(x, y + BELOW, { steps: 5 });
      await page.mouse.click(x, y + BELOW);
      await node("front door").nth(1).waitFor();
      const copy = node("front door").nth(1);
      await drag(
        page,
        copy.locator(".red-ui-flow-port-output .red-ui-flow-port").first(),
        node(reader.reads("face-detect")).first().locator(".red-ui-flow-port-input .red-ui-flow-port").first(),
      );
      await copy.locator(".red-ui-flow-node").dblclick();
      await page.locator(".red-ui-tray :focus").waitFor();
      await reader.writes("Name", "#node-input-name", reader.reads("yard"));
      await reader.chooses("Source", "#node-input-source", "browser");
      await reader.done();
      await reader.sees("flow");
      reader.reads("face-presence");
      await reader.opens("face-presence");
      reader.reads("Zones");
      for (const [index, [name, zone]] of [
        ["front door", "outside"],
        ["yard", "outside"],
      ].entries()) {
        await page.locator(".red-ui-tray .red-ui-editableList-addButton").first().click();
        await page
          .locator(".face-presence-camera")
          .nth(index)
          .fill(name ?? "");
        await page
          .locator(".face-presence-zone")
          .nth(index)
          .fill(zone ?? "");
      }
      await reader.sees("zones");
      // A row that was begun and left empty says nothing.
      await page.locator(".red-ui-tray .red-ui-editableList-addButton").first().click();
      await reader.done();
      await reader.deploys();
      const flows = (await (await fetch(`${reader.red.url}/flows`)).json()) as Deployed[];
      const detector = flows.find(({ type }) => type === "face-detect")?.id;
      const cameras = flows.filter(({ type }) => type === "facewire-camera");
      assert.deepEqual(
        cameras.map(({ name = "" }) => name).sort((a, b) => a.localeCompare(b)),
        ["front door", "yard"],
      );
      for (const { wires } of cameras) assert.deepEqual(wires?.[0], [detector]);
      assert.deepEqual(flows.find(({ type }) => type === "face-presence")?.zones, [
        { camera: "front door", zone: "outside" },
        { camera: "yard", zone: "outside" },
      ]);
    } finally {
      await reader.ends();
    }
  });
});
