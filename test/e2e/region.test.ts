/** The region of haar-detect, drawn in a real browser on a picture of a real camera node. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { portrait } from "../support/photos";
import { type NodeRed, startNodeRed } from "../support/node-red";

const WIDTH = 1000;
const HEIGHT = 800;

interface Editor {
  RED: { editor: { edit(node: unknown): void }; nodes: { node(id: string): { region: string } } };
}

async function edit(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { RED } = globalThis as unknown as Editor;
    RED.editor.edit(RED.nodes.node("detect"));
  });
  await page.locator(".red-ui-tray :focus").waitFor();
}

async function region(page: Page): Promise<number[]> {
  return (await page.locator("#node-input-region").inputValue()).split(",").map(Number);
}

describe("the region of haar-detect", () => {
  let browser: Browser;
  let red: NodeRed;
  let photo: Buffer;
  before(async () => {
    browser = await launch();
    const pictures = mkdtempSync(join(tmpdir(), "pictures-"));
    photo = await sharp(await portrait("green"))
      .resize(WIDTH, HEIGHT, { fit: "fill" })
      .jpeg()
      .toBuffer();
    writeFileSync(join(pictures, "hall.jpg"), photo);
    red = await startNodeRed([
      { id: "tab", type: "tab", label: "Hall" },
      {
        id: "cam",
        type: "facewire-camera",
        z: "tab",
        name: "",
        source: "folder",
        path: pictures,
        loop: true,
        realtime: true,
        autostart: true,
        width: "",
        height: "",
        fps: "2",
        output: "jpeg",
        transport: "tcp",
        certificate: "verify",
        fingerprint: "",
        idle: "",
        oldFfmpeg: false,
        x: 100,
        y: 100,
        wires: [["away"], []],
      },
      { id: "away", type: "link out", z: "tab", name: "", mode: "link", links: ["here"], x: 250, y: 100, wires: [] },
      { id: "here", type: "link in", z: "tab", name: "", links: ["away"], x: 300, y: 160, wires: [["detect"]] },
      {
        id: "detect",
        type: "haar-detect",
        z: "tab",
        name: "",
        cascade: "frontalface_default",
        scaleFactor: "1.1",
        minNeighbors: "3",
        minSize: "40",
        region: "",
        x: 400,
        y: 100,
        wires: [[]],
      },
    ]);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  for (const [locale, button] of [
    ["en-US", "Draw on a picture of camera on Hall"],
    ["zh-TW", "在 Hall 的 camera 的影像上框選"],
  ] as const) {
    it(`is drawn on a picture of the camera before it, with the mouse and with keys, in ${locale}`, async () => {
      const { context, page, complaints } = await openEditor(browser, red, { locale });
      await edit(page);
      await page.getByRole("button", { name: button }).click();
      await page.locator(".facenet-region-said", { hasText: `${WIDTH} × ${HEIGHT}` }).waitFor();
      const surface = page.locator(".facenet-region-surface");
      await surface.scrollIntoViewIfNeeded();
      const box = (await surface.boundingBox()) ?? assert.fail("no picture");
      assert.ok(Math.abs(box.width / box.height - WIDTH / HEIGHT) < 0.02, "the picture keeps its shape");
      const at = (part: number, other: number): [number, number] => [
        box.x + box.width * part,
        box.y + box.height * other,
      ];
      await page.mouse.move(...at(0.25, 0.5));
      await page.mouse.down();
      await page.mouse.move(...at(0.5, 0.6));
      await page.mouse.move(...at(0.75, 1));
      await page.mouse.up();
      const drawn = await region(page);
      for (const [index, wanted] of [250, 400, 500, 400].entries())
        assert.ok(Math.abs((drawn[index] ?? 0) - wanted) <= 5, drawn.join(", "));
      await shoot(page, `region-${locale}`);
      await assertAccessible(page, ".facenet-region", `region in ${locale}`);
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowUp");
      await page.keyboard.press("Shift+ArrowLeft");
      const [x = 0, y = 0, width = 0, height = 0] = drawn;
      assert.deepEqual(await region(page), [x - 20, y - 16, width - 20, height]);
      // By hand, as ever.
      await page.locator("#node-input-region").fill("10, 20, 300, 400");
      await page.locator("#node-input-region").press("Tab");
      const frame = (await page.locator(".facenet-region-box").boundingBox()) ?? assert.fail("no rectangle");
      assert.ok(Math.abs(frame.width - box.width * 0.3) < 3 && Math.abs(frame.height - box.height * 0.5) < 3);
      await page.locator("#node-dialog-ok").click();
      await page.locator(".red-ui-tray").waitFor({ state: "detached" });
      assert.equal(
        await page.evaluate(() => (globalThis as unknown as Editor).RED.nodes.node("detect").region),
        "10, 20, 300, 400",
      );
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }

  it("is drawn on a picture from a file", async () => {
    const { context, page } = await openEditor(browser, red);
    await edit(page);
    await page
      .locator(".facenet-region input[type=file]")
      .setInputFiles({ name: "hall.jpg", mimeType: "image/jpeg", buffer: photo });
    await page.locator(".facenet-region-said", { hasText: `${WIDTH} × ${HEIGHT}` }).waitFor();
    // To look changes nothing; the keys begin at the whole picture.
    assert.equal(await page.locator("#node-input-region").inputValue(), "");
    await page.locator(".facenet-region-box").focus();
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await region(page), [20, 0, WIDTH - 20, HEIGHT]);
    await page.locator("#node-dialog-cancel").click();
    await context.close();
  });
});
