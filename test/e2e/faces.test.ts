/** The sidebar tab "Faces" in a real browser, on a real gallery. Needs Chromium, as editor.test.ts does. */
import assert from "node:assert/strict";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import sharp from "sharp";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { groupPhoto, portrait, PORTRAITS } from "../support/photos";
import { example, eventually, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";

const GALLERY = "facewire_gallery";
const MATCHER = "ph_match";
/** What keys of the locales begin with. */
const KEYS = [
  "people",
  "person",
  "photo",
  "photos",
  "unknowns",
  "events",
  "live",
  "calibrate",
  "count",
  "finding",
  "reason",
  "outcome",
  "archive",
  "receipt",
];

/** What is used here of the editor's own objects. */
interface Editor {
  RED: {
    sidebar: { show(id: string): void };
  };
}

class Faces {
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly complaints: string[],
    readonly language: string,
  ) {}

  /** The editor with the tab open. */
  static async open(browser: Browser, url: string, language: string): Promise<Faces> {
    const { context, page, complaints } = await openEditor(browser, { url }, { locale: language });
    await page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("facenet");
    });
    await page.locator(".facenet-tabs, .facenet-empty").first().waitFor();
    return new Faces(page, context, complaints, language);
  }

  async section(name: "people" | "unknowns" | "events" | "live"): Promise<void> {
    await this.page.locator(`#facenet-tab-${name}`).click();
  }

  row(name: string): Locator {
    return this.page.locator("button.facenet-row", { hasText: name });
  }

  get dialog(): Locator {
    return this.page.locator(".facenet-dialog-frame");
  }

  /** Press the button that a dialog is about. */
  async agree(): Promise<void> {
    const asked = await this.dialog.elementHandle();
    await this.dialog.locator(".ui-dialog-buttonset .primary").click();
    // That one: what it did may have brought the next by now.
    await this.page.waitForFunction((dialog) => !dialog?.isConnected, asked);
  }

  async addPerson(name: string): Promise<void> {
    await this.page.locator(".facenet-do-add").click();
    await this.dialog.locator("input").fill(name);
    await this.page.keyboard.press("Enter");
    await this.page.locator(".facenet-person-head h2", { hasText: name }).waitFor();
  }

  async openPerson(name: string): Promise<void> {
    await this.row(name).click();
    await this.page.locator(".facenet-person-head h2", { hasText: name }).waitFor();
  }

  async back(): Promise<void> {
    await this.page.locator(".facenet-person .facenet-bar button").click();
    await this.page.locator("#facenet-panel-people .facenet-filters").waitFor();
  }

  /** Upload a picture. @returns the line that tells what became of it */
  async upload(name: string, bytes: Buffer): Promise<Locator> {
    await this.page.locator(".facenet-drop input").setInputFiles({ name, mimeType: "image/jpeg", buffer: bytes });
    const line = this.page.locator(".facenet-upload", { hasText: name }).last();
    await line.locator("progress").waitFor({ state: "hidden" });
    return line;
  }

  /** Nothing that a screen reader or a keyboard stumbles over, and no key in place of a word. */
  async check(name: string, scope = ".facenet-sidebar"): Promise<void> {
    await shoot(this.page, `faces-${name}-${this.language}`);
    await assertAccessible(this.page, scope, `${name} in ${this.language}`);
    assert.doesNotMatch(
      await this.page.locator(scope).first().innerText(),
      new RegExp(`\\b(?:${KEYS.join("|")})\\.[a-z-]+`),
      `${name} shows a key instead of a text`,
    );
  }

  async close(): Promise<void> {
    assert.deepEqual(this.complaints, []);
    await this.context.close();
  }
}

/**
 * A flow that recognizes photos sent to /recognize, with a gallery of its own; and a camera that shows a folder's
 * photos.
 */
function flow(pictures: string): ReturnType<typeof example> {
  const nodes = example("recognize a photo over HTTP");
  const { z } = nodeOf(nodes, MATCHER);
  Object.assign(nodeOf(nodes, MATCHER), { name: "Front door" });
  nodes.push({
    id: "cam",
    type: "facewire-camera",
    z,
    name: "Hall",
    source: "folder",
    path: pictures,
    loop: true,
    autostart: true,
    width: "",
    height: "",
    fps: "2",
    output: "jpeg",
    wires: [[], []],
  });
  return nodes;
}

async function recognize(red: NodeRed, photo: Buffer): Promise<{ outcome: string; name: string | null }[]> {
  const answer = await fetch(`${red.url}/recognize`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: new Uint8Array(photo),
  });
  return ((await answer.json()) as { faces: { outcome: string; name: string | null }[] }).faces;
}

describe("the Faces tab", () => {
  let browser: Browser;
  let red: NodeRed;
  let faces: Faces;
  const photos = {} as Record<keyof typeof PORTRAITS, Buffer>;
  before(async () => {
    for (const name of Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]) photos[name] = await portrait(name);
    browser = await launch();
    const pictures = mkdtempSync(join(tmpdir(), "pictures-"));
    writeFileSync(join(pictures, "hall.jpg"), photos.stripes);
    red = await startNodeRed(flow(pictures));
    faces = await Faces.open(browser, red.url, "en-US");
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("reads server-sent events however they are cut", async () => {
    const text =
      ': hello\nevent: seen\r\ndata: {"name":\r\ndata: "Ångström"}\r\n\r\nid: 7\n\ndata: plain\r\revent: ' +
      "change\ndata:{}\n\n";
    const events = await faces.page.evaluate<unknown[]>(`(async (text) => {
      const { EventParser } = await import("/resources/@facewire/node-red-facenet/stream.js");
      return [1, 2, 3, 7, 1000].map((size) => {
        const parser = new EventParser();
        const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          text.slice(index * size, (index + 1) * size));
        return pieces.flatMap((piece) => parser.push(piece));
      });
    })(${JSON.stringify(text)})`);
    const expected = [
      { event: "seen", data: { name: "Ångström" } },
      { event: "message", data: "plain" },
      { event: "change", data: {} },
    ];
    assert.deepEqual(
      events,
      Array.from({ length: 5 }, () => expected),
    );
  });

  it("calls nobody a stranger whose face cannot be judged", async () => {
    const said = await faces.page.evaluate<string[]>(`(async () => {
      const { whoIs } = await import("/resources/@facewire/node-red-facenet/words.js");
      return ["occluded", "too_dark", "above_threshold"].map((reason) =>
        whoIs({ name: null, outcome: "unknown", reason }));
    })()`);
    assert.deepEqual(said, ["Covered face", "Face in the dark", "Stranger"]);
  });

  it("says what to do while there is nobody", async () => {
    await faces.page.locator(".facenet-empty-title", { hasText: "No people yet" }).waitFor();
    await faces.check("nobody");
    for (const name of ["unknowns", "events"] as const) {
      await faces.section(name);
      await faces.page.locator(`#facenet-panel-${name} .facenet-empty`).waitFor();
      await faces.check(`no-${name}`);
    }
    await faces.section("people");
  });

  it("adds a person and keeps their photo, but not nearly the same one again", async () => {
    await faces.addPerson("Alice");
    assert.match(await (await faces.upload("first.jpg", photos.green)).innerText(), /kept/);
    await faces.page.locator(".facenet-tile img").waitFor();
    assert.match(await (await faces.upload("again.jpg", photos.green)).innerText(), /not kept/);
    assert.equal(await faces.page.locator(".facenet-tile").count(), 1);
    await faces.check("person");
  });

  it("hears a button that is pressed while the list under it is shown anew", async () => {
    const { page } = faces;
    const trash = page.locator(".facenet-tile-delete").first();
    await trash.hover();
    await page.mouse.down();
    // Somebody else changes the person meanwhile: all is read again.
    const url = `${red.url}/facenet/api/${GALLERY}/people`;
    const { people } = (await (await fetchApi(url)).json()) as { people: { id: string }[] };
    const id = people[0]?.id ?? "";
    const putInto = (groups: string[]): Promise<Response> =>
      fetchApi(`${url}/${id}`, {
        method: "PATCH",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ groups }),
      });
    const read = page.waitForResponse((answer) => answer.url().endsWith(`/people/${id}`));
    await putInto(["neighbours"]);
    await (await read).finished();
    // More than the editor needs to show it.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
    await page.mouse.up();
    await faces.dialog.waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelector(".facenet-dialog-frame") === null);
    // What was read is shown once the button is let go.
    await eventually("the group is shown", async () =>
      (await page.getByLabel("Groups").inputValue()) === "neighbours" ? true : undefined,
    );
    await putInto([]);
    await eventually("the group is gone", async () =>
      (await page.getByLabel("Groups").inputValue()) === "" ? true : undefined,
    );
  });

  it("asks before it keeps a face that looks like somebody else, and keeps it when told so", async () => {
    const line = await faces.upload("stranger.jpg", photos.emerald);
    assert.match(await line.innerText(), /Keep it\?/);
    await faces.check("photo-asks");
    await line.getByText("Leave it out").click();
    await faces.back();
    await faces.addPerson("Bob");
    const other = await faces.upload("alice.jpg", photos.green);
    assert.match(await other.innerText(), /Alice/);
    await other.getByText("Leave it out").click();
    await faces.upload("bob.jpg", photos.emerald);
    await faces.page.locator(".facenet-tile img").waitFor();
    const unlike = await faces.upload("blonde.jpg", photos.blonde);
    await unlike.getByText("Use it anyway").click();
    await unlike.getByText("kept", { exact: true }).waitFor();
    assert.equal(await faces.page.locator(".facenet-tile").count(), 2);
    // A wrong photo goes again.
    await faces.page.locator(".facenet-tile-delete").last().click();
    await faces.agree();
    await eventually("one photo is left", async () =>
      (await faces.page.locator(".facenet-tile").count()) === 1 ? true : undefined,
    );
    await faces.back();
  });

  it("refuses what is no picture", async () => {
    await faces.openPerson("Bob");
    await faces.page
      .locator(".facenet-drop input")
      .setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
    assert.match(await faces.page.locator(".facenet-upload", { hasText: "notes.txt" }).innerText(), /not a picture/);
    assert.match(await (await faces.upload("broken.jpg", Buffer.from("no picture"))).innerText(), /not kept/);
    await faces.back();
  });

  it("takes three photos from a running camera and says what became of each", async () => {
    await faces.addPerson("Dora");
    await faces.page.locator(".facenet-capture button", { hasText: "Hall" }).click();
    await faces.page.locator(".facenet-upload", { hasText: "Snapshot 3" }).waitFor();
    assert.deepEqual(await faces.page.locator(".facenet-upload-state").allInnerTexts(), [
      " kept",
      " not kept",
      " not kept",
    ]);
    assert.equal(await faces.page.locator(".facenet-live-line").innerText(), "Kept 1 of 3");
    await faces.check("capture");
    await faces.page.locator(".facenet-danger .facenet-do-delete").click();
    await faces.agree();
    await faces.dialog.getByText("Dora was deleted").waitFor();
    await faces.agree();
    await faces.row("Alice").waitFor();
  });

  it("keeps names and notes as text, groups them, finds them", async () => {
    await faces.openPerson("Bob");
    const form = faces.page.locator(".facenet-form");
    await form.getByLabel("Name", { exact: true }).fill("<b>Bob");
    await form.getByLabel("Groups").fill("Staff, family");
    await form.getByLabel("Notes").fill("<img src=x onerror=alert(1)>");
    await form.getByText("Save").click();
    await faces.page.locator(".facenet-person-head h2", { hasText: "<b>Bob" }).waitFor();
    await faces.back();
    await faces.page.locator(".facenet-tag", { hasText: "staff" }).waitFor();
    assert.equal(await faces.page.locator(".facenet-sidebar b").count(), 0);
    await faces.page.locator(".facenet-search-input").fill("bob");
    await faces.page.locator(".facenet-total", { hasText: "1 person" }).waitFor();
    assert.equal(await faces.row("Alice").count(), 0);
    await faces.page.keyboard.press("Escape");
    await faces.page.locator(".facenet-total", { hasText: "2 people" }).waitFor();
    await faces.page.locator(".facenet-filter-row select").first().selectOption("family");
    await faces.page.locator(".facenet-total", { hasText: "1 person" }).waitFor();
    await faces.page.locator(".facenet-filter-row select").first().selectOption("");
    await faces.row("Alice").waitFor();
    await faces.check("people");
  });

  it("is worked by the keyboard, and gives the focus back", async () => {
    const { page } = faces;
    const focused = (): Promise<string> =>
      page.evaluate(
        () =>
          (globalThis as unknown as { document: { activeElement: { textContent: string } } }).document.activeElement
            .textContent,
      );
    await page.locator(".facenet-search-input").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("End");
    await eventually("the last person has the focus", async () =>
      (await focused()).includes("Alice") ? true : undefined,
    );
    await page.keyboard.press("Enter");
    await page.locator(".facenet-person-head h2", { hasText: "Alice" }).waitFor();
    await page.keyboard.press("Escape");
    await eventually("their row has the focus again", async () =>
      (await focused()).includes("Alice") ? true : undefined,
    );
    await page.locator("#facenet-tab-people").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await focused(), /Unknowns/);
    assert.equal(await page.locator("#facenet-tab-unknowns").getAttribute("aria-selected"), "true");
    await page.keyboard.press("Home");
  });

  it("shows strangers as they come, and names, ignores and deletes them", async () => {
    await faces.section("unknowns");
    for (const stranger of ["stripes", "front", "blonde"] as const)
      assert.equal((await recognize(red, photos[stranger]))[0]?.outcome, "unknown");
    const cards = faces.page.locator("#facenet-panel-unknowns .facenet-card");
    await eventually("three strangers", async () => ((await cards.count()) === 3 ? true : undefined));
    await faces.page.locator(".facenet-card-main img").first().waitFor();
    await faces.page.locator(".facenet-badge", { hasText: "3" }).waitFor();
    await faces.check("unknowns");
    // The newest stands first.
    await cards.nth(0).locator(".facenet-do-name").click();
    await faces.check("unknown-name", ".facenet-dialog-frame");
    await faces.dialog.locator("input").fill("Carol");
    await faces.agree();
    await eventually("two are left", async () => ((await cards.count()) === 2 ? true : undefined));
    assert.equal((await recognize(red, photos.blonde))[0]?.name, "Carol");
    await cards.nth(0).locator(".facenet-do-ignore").click();
    await eventually("one is left", async () => ((await cards.count()) === 1 ? true : undefined));
    await cards.nth(0).locator(".facenet-do-delete").click();
    await faces.agree();
    await faces.page.locator("#facenet-panel-unknowns .facenet-empty").waitFor();
    await faces.page.locator(".facenet-badge").waitFor({ state: "hidden" });
    // Who is ignored is no stranger to review any more.
    assert.notEqual((await recognize(red, photos.front))[0]?.outcome, "match");
    assert.equal(await cards.count(), 0);
  });

  it("tells who was seen, with the distance, and takes a correction", async () => {
    await faces.section("events");
    assert.equal((await recognize(red, photos.green))[0]?.name, "Alice");
    const event = faces.page
      .locator(".facenet-event", { has: faces.page.locator(".facenet-card-title", { hasText: "Alice" }) })
      .first();
    await event.locator("img").waitFor();
    assert.match(await event.innerText(), /Recognized/);
    assert.match(await event.locator(".facenet-distance-words").innerText(), /^-?0\.\d\d ≤ τ 0\.\d\d$/);
    await faces.check("events");
    await event.getByText("Not this person").click();
    await faces.agree();
    await event.getByText("Noted").waitFor();
    assert.notEqual((await recognize(red, photos.green))[0]?.name, "Alice");
  });

  it("takes corrections back, and hears who it is instead", async () => {
    // How near others are is measured anew after each correction, a moment later.
    const recognizes = (who: string): Promise<true> =>
      eventually(`${who} is known`, async () =>
        (await recognize(red, photos.green))[0]?.name === who ? true : undefined,
      );
    await faces.page.getByText("Corrections", { exact: true }).click();
    await faces.dialog.getByText("Not Alice").waitFor();
    await faces.check("corrections", ".facenet-dialog-frame");
    for (const what of ["Not Alice", "A stranger, ignored"])
      await faces.dialog.locator("li", { hasText: what }).getByText("Undo").click();
    await faces.dialog.getByText("No corrections").waitFor();
    await faces.agree();
    await recognizes("Alice");
    const event = faces.page
      .locator(".facenet-event", { has: faces.page.locator(".facenet-card-title", { hasText: "Alice" }) })
      .first();
    await event.getByText("It is …").click();
    await faces.dialog.locator("input").fill("Dana");
    await faces.check("it-is", ".facenet-dialog-frame");
    await faces.agree();
    await recognizes("Dana");
    await faces.page.getByText("Corrections", { exact: true }).click();
    for (const what of ["It is Dana", "Not Alice"])
      await faces.dialog.locator("li", { hasText: what }).getByText("Undo").click();
    await faces.dialog.getByText("No corrections").waitFor();
    await faces.agree();
    await recognizes("Alice");
  });

  it("chooses a face of a group photo, moves photos, and makes one person of two", async () => {
    await faces.section("people");
    await faces.addPerson("Group");
    const line = await faces.upload("group.jpg", groupPhoto(6));
    await line.getByText("Choose the face …").click();
    const buttons = faces.dialog.locator(".facenet-face");
    await buttons.first().waitFor();
    assert.equal(await buttons.count(), 4);
    await buttons.nth(2).click();
    await faces.check("choose-face", ".facenet-dialog-frame");
    await faces.agree();
    await line.getByText("kept", { exact: true }).waitFor();
    await faces.page.locator(".facenet-tile img").waitFor();
    await faces.page.locator(".facenet-tile input").check();
    await faces.check("chosen");
    await faces.page.locator(".facenet-chosen").getByText("Move …").click();
    await faces.dialog.locator("input").fill("Stripes");
    await faces.agree();
    await faces.page.getByText("No photos yet").waitFor();
    assert.equal((await recognize(red, photos.stripes))[0]?.name, "Stripes");
    await faces.page.locator(".facenet-do-merge").click();
    await faces.dialog.locator("input").fill("Stripes");
    await faces.agree();
    await faces.page.locator(".facenet-person-head h2", { hasText: "Stripes" }).waitFor();
    assert.equal(await faces.page.locator(".facenet-tile").count(), 1);
    await faces.back();
    await faces.row("Group").waitFor({ state: "detached" });
  });

  it("finds people by a photo of which it keeps nothing", async () => {
    await faces.page
      .locator("#facenet-panel-people .facenet-by-photo input")
      .setInputFiles({ name: "who.jpg", mimeType: "image/jpeg", buffer: photos.stripes });
    await faces.dialog.getByText("1 face in who.jpg").waitFor();
    await faces.check("by-photo", ".facenet-dialog-frame");
    await faces.dialog.locator(".facenet-who button").first().click();
    await faces.page.locator(".facenet-total", { hasText: "1 person" }).waitFor();
    await faces.row("Stripes").waitFor();
    await faces.page.keyboard.press("Escape");
    await faces.row("Alice").waitFor();
  });

  it("deletes all strangers at once", async () => {
    await faces.section("unknowns");
    assert.equal((await recognize(red, photos.front))[0]?.outcome, "unknown");
    const cards = faces.page.locator("#facenet-panel-unknowns .facenet-card");
    await cards.first().waitFor();
    await cards.first().locator("input").check();
    await faces.page.locator(".facenet-chosen").getByText("All", { exact: true }).click();
    await faces.check("unknowns-chosen");
    await faces.page.locator(".facenet-do-delete-chosen").click();
    await faces.agree();
    await faces.page.locator("#facenet-panel-unknowns .facenet-empty").waitFor();
  });

  it("shows what a node sees while somebody looks", async () => {
    await faces.section("live");
    await faces.page.locator(".facenet-live-view").waitFor();
    const sending = setInterval(() => {
      void recognize(red, photos.emerald).catch(() => undefined);
    }, 1000);
    try {
      await faces.page.locator(".facenet-live-view img").waitFor();
      const table = faces.page.locator(".facenet-stats table");
      await table.waitFor();
      assert.match(await table.innerText(), /photo: [\d.]+ frames\/s, \d+ decided, 0 dropped/);
      assert.ok(Number(await table.locator("td").nth(1).innerText()) > 0, "milliseconds of the detection");
    } finally {
      clearInterval(sending);
    }
    await faces.check("live");
    await faces.section("people");
  });

  it("exports everything, deletes a person with a receipt, and imports them again", async () => {
    const [download] = await Promise.all([
      faces.page.waitForEvent("download"),
      faces.page.locator(".facenet-tools button").nth(0).click(),
    ]);
    const file = join(mkdtempSync(join(tmpdir(), "export-")), download.suggestedFilename());
    await download.saveAs(file);
    assert.match(download.suggestedFilename(), /^faces-.*\.zip$/);
    assert.ok(statSync(file).size > 1000);
    await faces.openPerson("Alice");
    await faces.page.locator(".facenet-danger .facenet-do-delete").click();
    await faces.check("delete", ".facenet-dialog-frame");
    await faces.agree();
    await faces.dialog.getByText("Alice was deleted").waitFor();
    assert.match(await faces.dialog.innerText(), /1 photo\b/);
    await faces.check("receipt", ".facenet-dialog-frame");
    await faces.agree();
    await faces.row("Carol").waitFor();
    await faces.row("Alice").waitFor({ state: "detached" });
    const [chooser] = await Promise.all([
      faces.page.waitForEvent("filechooser"),
      faces.page.locator(".facenet-tools button").nth(1).click(),
    ]);
    await chooser.setFiles(file);
    await faces.agree();
    await faces.dialog.getByText("Imported").waitFor();
    await faces.agree();
    await faces.row("Alice").waitFor();
  });

  it("asks for nothing while it is not looked at", async () => {
    const asked: string[] = [];
    faces.page.on("request", (request) => asked.push(request.url()));
    await faces.page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("info");
    });
    await faces.page.locator(".facenet-sidebar").waitFor({ state: "hidden" });
    asked.length = 0;
    await recognize(red, photos.blonde);
    assert.deepEqual(
      asked.filter((url) => url.includes("/facenet/")),
      [],
    );
    await faces.close();
  });

  it("speaks Traditional Chinese in every view", async () => {
    faces = await Faces.open(browser, red.url, "zh-TW");
    await faces.row("Carol").waitFor();
    assert.match(await faces.page.locator(".facenet-tabs").innerText(), /人員[\s\S]*陌生人[\s\S]*事件[\s\S]*即時/);
    await faces.check("people");
    await faces.openPerson("Carol");
    await faces.check("person");
    await faces.back();
    assert.equal((await recognize(red, photos.front))[0]?.outcome, "unknown");
    for (const name of ["unknowns", "events", "live"] as const) {
      await faces.section(name);
      await faces.page
        .locator(`#facenet-panel-${name} .facenet-card, #facenet-panel-${name} .facenet-live-view`)
        .first()
        .waitFor();
      await faces.check(name);
    }
    await faces.close();
  });
});

describe("the Faces tab of somebody who may only look", () => {
  let browser: Browser;
  let red: NodeRed;
  before(async () => {
    browser = await launch();
    const people = mkdtempSync(join(tmpdir(), "people-"));
    writeFileSync(join(people, "Alice.jpg"), await portrait("green"));
    const nodes = flow(people);
    Object.assign(nodeOf(nodes, GALLERY), { folder: people });
    red = await startNodeRed(nodes, {
      settings: 'adminAuth: { type: "credentials", users: [], default: { permissions: "read" } },',
    });
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("shows everything and says why nothing can be changed", async () => {
    const faces = await Faces.open(browser, red.url, "en-US");
    await faces.page.locator(".facenet-notice", { hasText: "facenet.write" }).waitFor();
    await faces.openPerson("Alice");
    await faces.page.locator(".facenet-tile img").waitFor();
    for (const button of [
      ".facenet-drop button",
      ".facenet-danger .facenet-do-delete",
      ".facenet-danger .facenet-do-merge",
      ".facenet-tile-delete",
    ])
      assert.equal(await faces.page.locator(button).isDisabled(), true, button);
    await faces.check("read-only");
    await faces.close();
  });
});

describe("the Faces tab while a folder of photos is read", () => {
  const CROWD = 400;
  /** Photos are read one after the other. */
  const AT_WORK = 1;
  /** So many looks, a second apart, without another photo: it has stopped. */
  const QUIET = 6;
  let browser: Browser;
  let red: NodeRed;
  before(async () => {
    browser = await launch();
    const people = mkdtempSync(join(tmpdir(), "people-"));
    const photo = await portrait("green");
    // Of many people: the same face, and a byte more each time, so that each is embedded.
    for (let number = 0; number < CROWD; number += 1)
      writeFileSync(
        join(people, `Person ${number}.jpg`),
        Buffer.concat([photo, Buffer.from([number & 255, number >> 8])]),
      );
    const nodes = flow(people);
    Object.assign(nodeOf(nodes, GALLERY), { folder: people });
    red = await startNodeRed(nodes);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("shows how far it is, stops, stays stopped, and goes on", async () => {
    const faces = await Faces.open(browser, red.url, "en-US");
    const notice = faces.page.locator(".facenet-progress");
    await notice.locator("progress").waitFor();
    assert.match(await notice.innerText(), /Reading photos: \d+ of 400/);
    await notice.locator("button", { hasText: "Stop" }).click();
    await notice.locator("button", { hasText: "Go on" }).waitFor();
    const photosNow = async (): Promise<number> =>
      ((await (await fetchApi(`${red.url}/facenet/api/galleries`)).json()) as { photos: number }[])[0]?.photos ?? 0;
    // The photos at work are finished; how long that takes is not ours to say.
    const counts = [await photosNow()];
    await eventually("no more photos", async () => {
      await faces.page.waitForTimeout(1000);
      counts.push(await photosNow());
      return new Set(counts.slice(-QUIET)).size === 1 && counts.length >= QUIET ? true : undefined;
    });
    const stopped = counts.at(-1) as number;
    assert.ok(stopped <= (counts[0] as number) + AT_WORK, counts.join(" "));
    assert.ok(stopped < CROWD, String(stopped));
    await faces.check("stopped");
    await notice.locator("button", { hasText: "Go on" }).click();
    await eventually("more photos", async () => ((await photosNow()) > stopped ? true : undefined));
    await faces.close();
  });
});

describe("how a face was found where at first there was none", () => {
  let browser: Browser;
  let red: NodeRed;
  const photos = new Map<string, Buffer>();
  /** What the server answered to a photo that was kept. */
  let answered: { judgement: object } | undefined;
  before(async () => {
    const green = await portrait("green");
    photos.set(
      "turned",
      await sharp(await portrait("blonde"))
        .rotate(180)
        .jpeg()
        .toBuffer(),
    );
    photos.set("upright", await portrait("emerald"));
    const small = sharp(green).resize(220);
    photos.set(
      "larger",
      await small.extend({ top: 3000, left: 3600, bottom: 400, right: 500, background: "#667" }).jpeg().toBuffer(),
    );
    browser = await launch();
    red = await startNodeRed(flow(mkdtempSync(join(tmpdir(), "pictures-"))));
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  for (const [language, turned, larger, words] of [
    [
      "en-US",
      "The photo lies on its side or head: the face was found by turning it.",
      "The face is small: it was found in a part of the photo.",
      { margin: "The face fills the photo", lighter: "The photo is dark" },
    ],
    [
      "zh-TW",
      "照片橫放或倒置：轉正後才找到臉。",
      "臉很小：在照片的局部放大後才找到。",
      { margin: "臉占滿照片", lighter: "照片太暗" },
    ],
  ] as const)
    it(`is told beside each photo that is added: ${language}`, async () => {
      const faces = await Faces.open(browser, red.url, language);
      for (const [name, said] of [
        ["turned", turned],
        ["larger", larger],
      ] as const) {
        await faces.addPerson(`${name} ${language}`);
        const line = await faces.upload(`${name}.jpg`, photos.get(name) as Buffer);
        // In the second language the face is known as the first one's: it is kept when told so.
        if (language === "zh-TW") await line.locator(".facenet-buttons button").last().click();
        await line.locator(".facenet-hint", { hasText: said }).waitFor();
        await faces.back();
      }
      // What no photo here brings about surely is as if the server had said so.
      await faces.addPerson(`other ${language}`);
      for (const [foundBy, said] of Object.entries(words)) {
        await faces.page.route(/\/people\/[^/]+\/photos/, async (asked) => {
          if (asked.request().method() !== "POST") return asked.continue();
          answered ??= (await (await asked.fetch()).json()) as { judgement: object };
          const json = { ...answered, judgement: { ...answered.judgement, foundBy } };
          return asked.fulfill({ status: 201, json });
        });
        const line = await faces.upload(`${foundBy}.jpg`, photos.get("upright") as Buffer);
        await line.locator(".facenet-hint", { hasText: said }).waitFor();
        await faces.page.unrouteAll();
      }
      await faces.check("found-by");
      await faces.page.close();
    });
});
