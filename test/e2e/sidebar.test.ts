/** The sidebar tab "Faces" where there is little room, and of nodes without names. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { fetchApi } from "../support/api";
import { launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { portrait } from "../support/photos";
import { example, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";

const CAMERA = "0123456789abcdef";
const MATCHER = "fedcba9876543210";
const LOW = { width: 1200, height: 430 };

interface Editor {
  RED: { sidebar: { show(id: string): void } };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

async function showFaces(page: Page): Promise<void> {
  await page.evaluate(() => {
    (globalThis as unknown as Editor).RED.sidebar.show("facenet");
  });
  await page.locator(".facenet-chooser").waitFor();
}

const LINEAR_BELOW = 0.04045;

/** Relative luminance, 0 to 1, of a colour as a browser writes it: WCAG 2, "relative luminance". */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= LINEAR_BELOW ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast, 1 to 21, of the words of an element with what is behind them: WCAG 2, "contrast ratio". */
async function contrastOf(element: Locator): Promise<number> {
  const colours = await element.evaluate((one) => [
    getComputedStyle(one).color,
    getComputedStyle(one).backgroundColor,
  ]);
  const [low = 0, high = 0] = colours.map(luminance).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

async function boxOf(page: Page, selector: string): Promise<Box> {
  const box = await page.locator(selector).first().boundingBox();
  assert.ok(box, selector);
  return box;
}

async function changePhoto(url: string, change: { sure: boolean } | { out: boolean }): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetchApi(url, { method: "PATCH", headers, body: JSON.stringify(change) });
  assert.ok(answer.ok, `${url} ${answer.status}`);
}

describe("the Faces tab with little room", () => {
  let browser: Browser;
  let red: NodeRed;
  let editor: OpenEditor;
  before(async () => {
    browser = await launch();
    const pictures = mkdtempSync(join(tmpdir(), "pictures-"));
    writeFileSync(join(pictures, "Alice.jpg"), await portrait("green"));
    const flow = example("recognize a photo over HTTP");
    const { z } = nodeOf(flow, "ph_match");
    Object.assign(nodeOf(flow, "facewire_gallery"), { folder: pictures, name: "Front" });
    Object.assign(nodeOf(flow, "ph_match"), { name: "", id: MATCHER });
    Object.assign(nodeOf(flow, "ph_embed"), { wires: [[MATCHER]] });
    flow.push({
      id: CAMERA,
      type: "facewire-camera",
      z,
      name: "",
      source: "folder",
      path: pictures,
      loop: true,
      autostart: true,
      width: "",
      height: "",
      fps: "2",
      output: "jpeg",
      wires: [["ph_detect"], []],
    });
    flow.push({ ...nodeOf(flow, "facewire_gallery"), id: "aaaaaaaaaaaaaaaa", folder: "", name: "Back" });
    red = await startNodeRed(flow);
    editor = await openEditor(browser, red, { viewport: LOW });
    await showFaces(editor.page);
    await editor.page.locator(".facenet-chooser select").selectOption({ label: "Front" });
    await editor.page.locator(".facenet-tabs").waitFor();
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("shows the live picture whole, however low it is", async () => {
    const { page } = editor;
    await page.locator("#facenet-tab-live").click();
    await page.locator(".facenet-live-view img").waitFor();
    const [picture, view] = [await boxOf(page, ".facenet-live-view img"), await boxOf(page, ".facenet-live-view")];
    assert.ok(picture.height > picture.width / 3, `${picture.width} × ${picture.height}`);
    assert.ok(view.height >= picture.height, `${view.height} of ${picture.height} pixels are shown`);
    await shoot(page, "sidebar-live-low");
  });

  it("says after how many frames of a track somebody was named, and how sure that is", async () => {
    const { page } = editor;
    await page.locator("#facenet-tab-events").click();
    const event = page
      .locator(".facenet-event", { has: page.locator(".facenet-card-title", { hasText: "Alice" }) })
      .first();
    await event.waitFor();
    assert.match(
      await event.locator(".facenet-sub").innerText(),
      /^Near enough, and nobody else is near\. \(after (1 frame|\d+ frames), 99% sure\)$/,
    );
    await page.locator("#facenet-tab-live").click();
    await page.locator(".facenet-live-view img").waitFor();
  });

  it("calls nodes without a name by what they are and where, never by their id", async () => {
    const { page } = editor;
    const place = "Recognize a photo over HTTP";
    await page.locator(".facenet-live-choice", { hasText: `face-match on ${place}` }).waitFor();
    await page.locator(".facenet-stats caption", { hasText: `camera on ${place}` }).waitFor();
    await page.locator("#facenet-tab-events").click();
    await page
      .locator(".facenet-event", { hasText: `camera on ${place}` })
      .first()
      .waitFor();
    await page.locator("#facenet-tab-people").click();
    await page.locator("button.facenet-row").first().click();
    await page.locator(".facenet-capture", { hasText: `camera on ${place}` }).waitFor();
    assert.doesNotMatch(await page.locator(".facenet-sidebar").innerText(), new RegExp(`${CAMERA}|${MATCHER}`));
  });

  it("keeps the button of a photo's dialog in the window, before and after the picture comes", async () => {
    const { page } = editor;
    await page.locator(".facenet-tile-open").first().click();
    const button = ".facenet-dialog-frame .ui-dialog-buttonset .primary";
    const first = await boxOf(page, button);
    const frame = await boxOf(page, ".facenet-dialog-frame");
    assert.ok(frame.y + frame.height <= LOW.height, "the dialog ends in the window");
    assert.ok(
      first.y + first.height <= frame.y + frame.height - 6 && first.x + first.width <= frame.x + frame.width - 6,
      "the button stands off the dialog's edge",
    );
    await page.locator(".facenet-dialog-frame .facenet-full img, .facenet-dialog-frame p").first().waitFor();
    assert.deepEqual(await boxOf(page, button), first);
    await page.locator(`${button}:focus`).waitFor();
    await shoot(page, "sidebar-photo-low");
    await page.locator(button).click();
    await page.locator(".facenet-dialog-frame").waitFor({ state: "detached" });
  });

  it("has tabs that stand beside or below each other at 198 pixels", async () => {
    const { page } = editor;
    await page.locator(".facenet-sidebar").evaluate((sidebar) => {
      (sidebar as unknown as { style: { width: string } }).style.width = "198px";
    });
    const tabs = page.locator(".facenet-tab");
    const clipped = await tabs.evaluateAll((all) =>
      (all as unknown as { scrollWidth: number; clientWidth: number; innerText: string }[])
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map(({ innerText }) => innerText),
    );
    assert.deepEqual(clipped, []);
    const boxes = await Promise.all(
      Array.from(
        { length: await tabs.count() },
        async (_, index) => (await tabs.nth(index).boundingBox()) ?? assert.fail("a tab is hidden"),
      ),
    );
    const [{ x: left } = assert.fail("no tabs")] = boxes;
    for (const [index, one] of boxes.entries()) {
      assert.ok(one.x + one.width <= left + 199, "inside the sidebar");
      for (const other of boxes.slice(index + 1))
        assert.ok(
          one.x + one.width <= other.x + 1 || other.x + other.width <= one.x + 1 || one.y + one.height <= other.y + 1,
          "apart",
        );
    }
    await shoot(page, "sidebar-narrow");
    await page.locator(".facenet-sidebar").evaluate((sidebar) => {
      (sidebar as unknown as { style: { width: string } }).style.width = "";
    });
  });

  it("shows which photo is set aside and why, and uses it all the same and not, by the keyboard too", async () => {
    const { page } = editor;
    const api = `${red.url}/facenet/api/aaaaaaaaaaaaaaaa/people`;
    const send = async (
      path: string,
      type: string,
      body: string | Uint8Array<ArrayBuffer>,
    ): Promise<{ id: string; photos: { id: string }[] }> => {
      const answer = await fetchApi(`${api}${path}`, { method: "POST", headers: { "Content-Type": type }, body });
      assert.ok(answer.ok, `${path} ${answer.status}`);
      return (await answer.json()) as { id: string; photos: { id: string }[] };
    };
    const { id } = await send("", "application/json", JSON.stringify({ name: "Odd" }));
    // Three who are three; nobody is sure any more that they are one.
    for (const name of ["green", "front", "stripes"] as const)
      await send(`/${id}/photos?accept=unlike,resembles`, "image/jpeg", new Uint8Array(await portrait(name)));
    const photosOf = async (): Promise<{ id: string; aside: object | null }[]> =>
      ((await (await fetchApi(`${api}/${id}`)).json()) as { photos: { id: string; aside: object | null }[] }).photos;
    const sure = (photo: string, value: boolean): Promise<void> =>
      changePhoto(`${api}/${id}/photos/${photo}`, { sure: value });
    for (const photo of await photosOf()) await sure(photo.id, false);
    // Of the other two somebody is: whoever is let in again turns nobody out.
    for (const photo of await photosOf()) if (photo.aside === null) await sure(photo.id, true);
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.locator(".facenet-chooser select").selectOption({ label: "Back" });
    await page.locator("#facenet-tab-people").click();
    await page.locator("button.facenet-row", { hasText: "Odd" }).click();
    const aside = page.locator(".facenet-aside");
    await aside.waitFor();
    assert.equal(await aside.count(), 1);
    assert.match(await aside.innerText(), /set aside/);
    assert.match(
      await page.locator(".facenet-person-body").innerText(),
      /1 photo set aside, because farther from the others than τ/,
    );
    await shoot(page, "sidebar-aside");
    await aside.locator(".facenet-tile-open").focus();
    await page.keyboard.press("Enter");
    const dialog = page.locator(".facenet-dialog-frame");
    await dialog
      .locator("dd", { hasText: /Farther from their other photos than τ \(\d\.\d\d, τ \d\.\d{3}\)/ })
      .waitFor();
    await shoot(page, "sidebar-aside-photo");
    for (const button of await dialog.locator(".ui-dialog-buttonset button").all()) {
      await button.focus();
      const ratio = await contrastOf(button);
      assert.ok(ratio >= 4.5, `${await button.innerText()} with the focus: ${ratio.toFixed(2)}`);
    }
    await dialog.locator("button", { hasText: "Use it all the same" }).focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await aside.waitFor({ state: "detached" });
    assert.equal((await photosOf()).filter((photo) => photo.aside !== null).length, 0);
    await page.locator(".facenet-tile-open").first().click();
    await dialog.locator("button", { hasText: "Compare it with the others again" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.locator(".facenet-chooser select").selectOption({ label: "Front" });
    await page.setViewportSize(LOW);
  });

  it("leaves a photo out, says what that means, and uses it again, by the keyboard too", async () => {
    const { page } = editor;
    const api = `${red.url}/facenet/api/aaaaaaaaaaaaaaaa/people`;
    const { people } = (await (await fetchApi(`${api}?search=Odd`)).json()) as { people: { id: string }[] };
    const id = people[0]?.id ?? assert.fail("the person of the test before");
    const photos = async (): Promise<{ id: string; out: boolean }[]> =>
      ((await (await fetchApi(`${api}/${id}`)).json()) as { photos: { id: string; out: boolean }[] }).photos;
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.locator(".facenet-chooser select").selectOption({ label: "Back" });
    await page.locator("#facenet-tab-people").click();
    await page.locator("button.facenet-row", { hasText: "Odd" }).click();
    const dialog = page.locator(".facenet-dialog-frame");
    await page.locator(".facenet-tile-open").first().focus();
    await page.keyboard.press("Enter");
    await dialog.locator("button", { hasText: "Leave it out" }).focus();
    await shoot(page, "sidebar-leave-out");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page
      .locator(".red-ui-notification", { hasText: "Somebody left it out of recognition. It is kept" })
      .waitFor();
    const out = page.locator(".facenet-out");
    await out.waitFor();
    assert.deepEqual(await out.allInnerTexts(), ["left out"]);
    assert.equal((await photos()).filter((photo) => photo.out).length, 1);
    const tile = page.locator(".facenet-photos li.facenet-tile", { has: out });
    const left = (await tile.getAttribute("data-id")) ?? assert.fail("a tile without its photo");
    await tile.locator(".facenet-tile-open").focus();
    // Whatever somebody else changes meanwhile, the focus stays where it is.
    const other = (await photos()).find(({ id: each }) => each !== left) ?? assert.fail("no other photo");
    const focused = (): Promise<string | null | undefined> =>
      page.evaluate(() => document.activeElement?.closest("li")?.getAttribute("data-id"));
    for (const [leaveOut, count] of [
      [true, 2],
      [false, 1],
    ] as const) {
      await changePhoto(`${api}/${id}/photos/${other.id}`, { out: leaveOut });
      await page.waitForFunction((number) => document.querySelectorAll(".facenet-out").length === number, count);
      assert.equal(await focused(), left);
    }
    await page.keyboard.press("Enter");
    await dialog.locator("dd", { hasText: /^Somebody left it out of recognition\./ }).waitFor();
    assert.equal(await dialog.locator("button", { hasText: "Use it all the same" }).count(), 0);
    await shoot(page, "sidebar-left-out-photo");
    await dialog.locator("button", { hasText: "Use it again" }).focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await out.waitFor({ state: "detached" });
    assert.deepEqual(
      (await photos()).map((photo) => photo.out),
      [false, false, false],
    );
    await page.locator(".facenet-chooser select").selectOption({ label: "Front" });
    await page.setViewportSize(LOW);
  });

  for (const [locale, leave, words, answer, merged] of [
    [
      "en-US",
      "Leave it out",
      ["Move …", "Move"],
      "Used again, for Anew has no other photo in use: 1 photo.",
      "Anew is Odd",
    ],
    [
      "zh-TW",
      "排除這張照片",
      ["移動…", "移動"],
      "由於 Anew 沒有其他使用中的照片，已重新使用 1 張照片。",
      "Anew 就是 Odd",
    ],
  ] as const)
    it(`says that a photo left out is used again by whom it is moved to or merged with, in ${locale}`, async () => {
      const { context, page, complaints } = await openEditor(browser, red, { locale });
      const api = `${red.url}/facenet/api/aaaaaaaaaaaaaaaa/people`;
      const toast = (text: string): Locator => page.locator(".red-ui-notification", { hasText: text });
      const row = (name: string): Locator => page.locator("button.facenet-row", { hasText: name });
      const agree = async (): Promise<void> => page.locator(".facenet-dialog-frame .primary").click();
      await showFaces(page);
      await page.locator(".facenet-chooser select").selectOption({ label: "Back" });
      await page.locator("#facenet-tab-people").click();
      await row("Odd").click();
      await page.locator(".facenet-tile-open").first().click();
      await page.locator(".facenet-dialog-frame button", { hasText: leave }).click();
      await page.locator(".facenet-out").waitFor();
      // Moved to somebody new …
      await page
        .locator("li", { has: page.locator(".facenet-out") })
        .locator("input[type=checkbox]")
        .check();
      await page.getByRole("button", { name: words[0] }).click();
      await page.locator(".facenet-dialog-frame input").fill("Anew");
      await agree();
      await toast(answer).waitFor();
      await shoot(page, `sidebar-used-again-${locale}`);
      assert.equal(await page.locator(".facenet-out").count(), 0);
      // … and where there are others in use, nothing of the kind is said.
      await page.locator(".facenet-bar button").first().click();
      await row("Anew").click();
      await page.locator(".facenet-do-merge").click();
      await page.locator(".facenet-dialog-frame input").fill("Odd");
      await agree();
      const told = toast(merged);
      await told.waitFor();
      assert.doesNotMatch(await told.innerText(), /Used again|重新使用/);
      const { people } = (await (await fetchApi(`${api}?search=Anew`)).json()) as { people: unknown[] };
      assert.deepEqual(people, []);
      assert.deepEqual(complaints, []);
      await context.close();
    });

  it("shows the same gallery after a reload", async () => {
    const { page } = editor;
    await page.reload();
    await page.waitForFunction("globalThis.RED?.workspaces?.active()");
    await showFaces(page);
    await page.locator(".facenet-tabs").waitFor();
    assert.equal(await page.locator(".facenet-chooser select option:checked").innerText(), "Front");
    assert.deepEqual(editor.complaints, []);
  });
});

describe("the Faces tab when a second gallery comes", () => {
  it("shows after a reload the one that was shown while it was alone", async () => {
    const browser = await launch();
    const flow = example("recognize a photo over HTTP");
    Object.assign(nodeOf(flow, "facewire_gallery"), { name: "Front" });
    const red = await startNodeRed(flow);
    try {
      const { page } = await openEditor(browser, red);
      await showFaces(page);
      await page.locator(".facenet-tabs").waitFor();
      const second = [...flow, { ...nodeOf(flow, "facewire_gallery"), id: "aaaaaaaaaaaaaaaa", name: "Back" }];
      const deployed = await fetch(`${red.url}/flows`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Node-RED-Deployment-Type": "flows" },
        body: JSON.stringify(second),
      });
      assert.equal(deployed.status, 204);
      await page.reload();
      await page.waitForFunction("globalThis.RED?.workspaces?.active()");
      await showFaces(page);
      await page.locator(".facenet-tabs").waitFor();
      assert.equal(await page.locator(".facenet-chooser select option:checked").innerText(), "Front");
    } finally {
      await browser.close();
      await red.stop();
    }
  });
});
