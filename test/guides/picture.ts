/**
 * `npm run picture`: the README's moving picture, of the editor and the sidebar as they are. Needs Chromium. A
 * Node-RED of its own plays a folder's photos into an example; people's faces are blurred before each shot.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { blurFaces, importExample, launch, openEditor } from "../support/editor";
import { startNodeRed } from "../support/node-red";
import { groupPhoto, portrait, type PORTRAITS } from "../support/photos";

const OUT = join(__dirname, "../../docs/picture.webp");
const EXAMPLE = "14 - greeting once a visit";
const VIEWPORT = { width: 1200, height: 675 };
/** Of each shot, in ms. */
const SHOWN_MS = 1800;
const SETTLE_MS = 900;
const QUALITY = 70;

const PEOPLE: readonly (readonly [string, keyof typeof PORTRAITS])[] = [
  ["Alice", "green"],
  ["Bo", "emerald"],
  ["小明", "stripes"],
];

/** What is used here of the editor's own objects. */
interface Editor {
  RED: {
    actions: { invoke(action: string): void };
    nodes: { filterNodes(by: { type: string }): object[]; dirty(state: boolean): void };
    sidebar: { show(id: string): void };
  };
}

async function main(): Promise<void> {
  const photos = mkdtempSync(join(tmpdir(), "picture-"));
  for (const index of [6, 5] as const) writeFileSync(join(photos, `${index}.jpg`), groupPhoto(index));
  const red = await startNodeRed([]);
  const browser = await launch();
  const shots: Buffer[] = [];
  try {
    const { page } = await openEditor(browser, red, { viewport: VIEWPORT });
    await blurFaces(page);
    const shoot = async (): Promise<void> => {
      await page.waitForTimeout(SETTLE_MS);
      shots.push(await page.screenshot());
    };
    await importExample(page, EXAMPLE);
    // Room for the whole flow.
    await page.evaluate(() => {
      const { actions } = (globalThis as unknown as Editor).RED;
      for (const action of ["core:toggle-palette", "core:zoom-out", "core:zoom-out"]) actions.invoke(action);
    });
    await page.locator(".red-ui-tab-label", { hasText: "Greeting" }).first().click();
    await shoot();
    await page.evaluate((path) => {
      const { RED } = globalThis as unknown as Editor;
      const [camera] = RED.nodes.filterNodes({ type: "facewire-camera" });
      Object.assign(camera ?? {}, { source: "folder", path, fps: "1", loop: true, dirty: true, changed: true });
      RED.nodes.dirty(true);
    }, photos);
    await page.locator("#red-ui-header-button-deploy").click();
    await page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("facenet");
    });
    const back = page.locator(".facenet-person .facenet-bar button").first();
    for (const [name, who] of PEOPLE) {
      await page.locator("#facenet-tab-people").click();
      if (await back.isVisible()) await back.click();
      await page.locator(".facenet-do-add").click();
      await page.locator(".facenet-dialog-frame input").fill(name);
      await page.keyboard.press("Enter");
      await page.locator(".facenet-person-head h2", { hasText: name }).waitFor();
      const file = { name: `${name}.jpg`, mimeType: "image/jpeg", buffer: await portrait(who) };
      await page.locator(".facenet-drop input").setInputFiles(file);
      const upload = page.locator(".facenet-upload", { hasText: name }).last();
      await upload.locator("progress").waitFor({ state: "hidden" });
      if (name === "Alice") await shoot();
    }
    await back.click();
    await shoot();
    const alice = { hasText: "Alice" };
    await page.locator("#facenet-tab-events").click();
    await page.locator(".facenet-event", alice).first().waitFor();
    await shoot();
    await page.locator("#facenet-tab-visits").click();
    await page.locator(".facenet-section", alice).locator("visible=true").first().waitFor();
    await shoot();
    await page.locator("#facenet-tab-live").click();
    await shoot();
  } finally {
    await browser.close();
    await red.stop();
  }
  await sharp(shots, { join: { animated: true } })
    .webp({ quality: QUALITY, delay: shots.map(() => SHOWN_MS), loop: 0 })
    .toFile(OUT);
  console.log(`${OUT}: ${shots.length} shots`);
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
