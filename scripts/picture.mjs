// `npm run picture`: the README's moving picture, of the editor and the sidebar as they are. Needs Chromium.
// A Node-RED of its own plays a folder's photos into the example; people's faces are blurred before each shot.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { blurFaces, importExample, launch, openEditor } from "../test/support/editor.ts";
import { eventually, startNodeRed } from "../test/support/node-red.ts";
import { groupPhoto, portrait } from "../test/support/photos.ts";

const OUT = fileURLToPath(new URL("../docs/picture.webp", import.meta.url));
const EXAMPLE = "19 - greeting once a visit";
const VIEWPORT = { width: 1200, height: 675 };
/** Of each shot, in ms. */
const SHOWN_MS = 1800;
const SETTLE_MS = 900;
const QUALITY = 70;

const photos = mkdtempSync(join(tmpdir(), "picture-"));
for (const index of [6, 5]) writeFileSync(join(photos, `${index}.jpg`), groupPhoto(index));
const red = await startNodeRed([]);
const browser = await launch();
const shots = [];
try {
  const { page } = await openEditor(browser, red, { viewport: VIEWPORT });
  await blurFaces(page);
  const shoot = async () => {
    await page.waitForTimeout(SETTLE_MS);
    shots.push(await page.screenshot());
  };
  const editor = (what, ...args) => page.evaluate(`RED.${what}(${args.map((each) => JSON.stringify(each))})`);
  await importExample(page, EXAMPLE);
  await shoot();
  await page.evaluate((path) => {
    const { RED } = globalThis;
    const [camera] = RED.nodes.filterNodes({ type: "facewire-camera" });
    Object.assign(camera, { source: "folder", path, fps: "1", loop: true, dirty: true, changed: true });
    RED.nodes.dirty(true);
  }, photos);
  await page.locator("#red-ui-header-button-deploy").click();
  await editor("sidebar.show", "facenet");
  for (const [name, who] of [
    ["Alice", "green"],
    ["Bo", "emerald"],
    ["小明", "stripes"],
  ]) {
    await page.locator("#facenet-tab-people").click();
    const back = page.locator(".facenet-person .facenet-bar button").first();
    if (await back.isVisible()) await back.click();
    await page.locator(".facenet-do-add").click();
    await page.locator(".facenet-dialog-frame input").fill(name);
    await page.keyboard.press("Enter");
    await page.locator(".facenet-person-head h2", { hasText: name }).waitFor();
    const file = { name: `${name}.jpg`, mimeType: "image/jpeg", buffer: await portrait(who) };
    await page.locator(".facenet-drop input").setInputFiles(file);
    await page.locator(".facenet-upload", { hasText: name }).last().locator("progress").waitFor({ state: "hidden" });
    if (name === "Alice") await shoot();
  }
  await page.locator(".facenet-person .facenet-bar button").first().click();
  await shoot();
  for (const section of ["events", "visits", "live"]) {
    await page.locator(`#facenet-tab-${section}`).click();
    await page.locator(".facenet-sidebar").getByText("Alice").first().waitFor();
    await shoot();
  }
} finally {
  await browser.close();
  await red.stop();
}
await sharp(shots, { join: { animated: true } })
  .webp({ quality: QUALITY, delay: shots.map(() => SHOWN_MS), loop: 0 })
  .toFile(OUT);
console.log(`${OUT}: ${shots.length} shots`);
