/** The sidebar's section Visits in a real browser: who came when, filters, a person's history, by a photo. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createEncoder } from "../../lib/enrol/encoder";
import { openStore } from "../../lib/people/lmdb/store";
import { openBook } from "../../lib/visits/lmdb-book";
import { DAY, MINUTE, staysIn, visitOf } from "../lib/visits/visits";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { example, linkedUserDir, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";

const GALLERY = "facewire_gallery";
const ALICE = "00000000a11c";
const STRANGER = "000000000777";
const NARROW = { width: 1000, height: 700 };

interface Editor {
  RED: { sidebar: { show(id: string): void } };
}

/** Midnight may come meanwhile. */
const now = new Date();

/** Today at an hour of this computer. */
function todayAt(hour: number, days = 0): number {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days, hour).getTime();
}

/** Alice, two visits of hers, one of a stranger; and many of the days before. */
async function keepVisits(folder: string, alice: Buffer, stranger: Buffer): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const encoder = await createEncoder({ model: "mobilefacenet-192", detector: "blazeface" });
  const store = await openStore({ folder });
  await store.putPerson({
    id: ALICE,
    name: "Alice",
    notes: "",
    groups: ["family"],
    consentOn: null,
    validFrom: null,
    validUntil: null,
    createdAt: 1,
    lastSeenAt: null,
  });
  const [met] = await encoder.encode(stranger);
  if (met?.embedding === undefined) throw new Error("the stranger's photo has no face");
  await store.putUnknown(
    {
      id: STRANGER,
      firstSeenAt: todayAt(10, 1),
      lastSeenAt: todayAt(10, 1),
      visits: 1,
      model: encoder.model,
      fingerprint: encoder.fingerprint,
      vectors: [met.embedding],
      pictures: 1,
    },
    [stranger],
  );
  const book = await openBook({ folder, secret: store.secret, keepMs: 30 * DAY });
  const put = async (number: number, visit: object, photo?: Buffer): Promise<void> => {
    const [face] = photo === undefined ? [] : await encoder.encode(photo);
    const embedding = face?.embedding === undefined ? undefined : { model: encoder.model, vector: face.embedding };
    await book.put(visitOf(number, visit), { snapshot: photo, embedding });
  };
  const [nine, ten] = [todayAt(9, 1), todayAt(10, 1)];
  await put(
    1,
    { person: ALICE, since: nine, until: nine + 65 * MINUTE, stays: staysIn(nine, "door", "kitchen") },
    alice,
  );
  await put(2, { stranger: STRANGER, since: ten, until: ten + 2 * MINUTE, stays: staysIn(ten, "yard") }, stranger);
  const earlier = todayAt(8, 3);
  await put(3, { person: ALICE, since: earlier, until: earlier + MINUTE, stays: staysIn(earlier, "door") }, alice);
  for (let number = 10; number < 250; number += 1) {
    const since = todayAt(7, 4) - number * 20 * MINUTE;
    await put(number, { since, stays: staysIn(since, number % 2 === 0 ? "yard" : "door") });
  }
  await book.close();
  await store.close();
  await encoder.close();
}

class VisitsTab {
  constructor(readonly page: Page) {}

  static async open(browser: Browser, url: string, options: object = {}): Promise<VisitsTab> {
    const { page } = await openEditor(browser, { url }, options);
    await page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("facenet");
    });
    await page.locator("#facenet-tab-visits").click();
    const tab = new VisitsTab(page);
    await tab.panel.locator("button.facenet-row").first().waitFor();
    return tab;
  }

  get panel(): ReturnType<Page["locator"]> {
    return this.page.locator("#facenet-panel-visits");
  }

  /** Waits for so many. */
  async total(words: string): Promise<void> {
    await this.panel.locator(".facenet-visits-total", { hasText: words }).waitFor();
  }

  async names(): Promise<string[]> {
    return this.panel.locator(".facenet-row-name").allInnerTexts();
  }

  async press(label: string): Promise<void> {
    await this.page.locator(".ui-dialog-buttonset button:visible", { hasText: new RegExp(`^${label}$`) }).click();
  }
}

describe("the section Visits", () => {
  let browser: Browser;
  let red: NodeRed;
  let stranger: Buffer;
  before(async () => {
    const userDir = linkedUserDir();
    stranger = await portrait("blonde");
    await keepVisits(join(userDir, "facenet", GALLERY, "people"), await portrait("green"), stranger);
    const flow = example("recognize a photo over HTTP");
    Object.assign(nodeOf(flow, GALLERY), { folder: "", model: "mobilefacenet-192", detector: "blazeface" });
    for (const node of flow) if (node.type === "facenet-embed") Object.assign(node, { model: "mobilefacenet-192" });
    red = await startNodeRed(flow, { userDir });
    browser = await launch();
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  const SHOWN = [
    ["en-US", "light", "Unknown", "Visits"],
    ["zh-TW", "dark", "不認得", "來訪"],
    ["en-US", "dark", "Unknown", "Visits"],
  ] as const;
  for (const [locale, colorScheme, unknown, title] of SHOWN)
    it(`shows by day who came, where and for how long, in ${locale} and ${colorScheme}`, async () => {
      const tab = await VisitsTab.open(browser, red.url, { locale, colorScheme, viewport: NARROW });
      const { page, panel } = tab;
      await tab.total("243");
      assert.deepEqual((await tab.names()).slice(0, 4), [unknown, "Alice", "Alice", unknown]);
      const first = panel.locator("button.facenet-row").first();
      assert.match(await first.innerText(), /yard/);
      await first.locator("img").waitFor();
      assert.equal(await page.locator("#facenet-tab-visits").innerText(), title);
      // Yesterday, the third day before, the fourth and so on, each once.
      const days = await panel.locator(".facenet-visit-day").allInnerTexts();
      assert.ok(days.length >= 3);
      assert.equal(new Set(days).size, days.length);
      const wide = await panel.evaluate((element) => element.scrollWidth - element.clientWidth);
      assert.ok(wide <= 0, `the section is ${wide} pixels wider than the sidebar`);
      await assertAccessible(page, "#facenet-panel-visits", "the section");
      await shoot(page, `visits-${locale}-${colorScheme}`);
      await panel.locator("button.facenet-row", { hasText: "Alice" }).first().click();
      await page.locator(".ui-dialog .facenet-stays li").first().waitFor();
      await assertAccessible(page, ".ui-dialog", "a visit");
      await shoot(page, `visit-${locale}-${colorScheme}`);
      await page.context().close();
    });

  it("filters by who, zone and day, and scrolls through all that there are", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { panel } = tab;
    const [who, zone] = [panel.locator("select").nth(0), panel.locator("select").nth(1)];
    await who.selectOption("known");
    await tab.total("2 visits");
    assert.deepEqual(await tab.names(), ["Alice", "Alice"]);
    await zone.selectOption("kitchen");
    await tab.total("1 visit");
    await who.selectOption("all");
    await zone.selectOption("");
    await tab.total("243 visits");
    const day = new Date(todayAt(9, 1));
    const date = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0"));
    await panel.locator('input[type="date"]').fill(date.join("-"));
    await tab.total("2 visits");
    await panel.locator('input[type="date"]').fill("2020-01-01");
    await panel.locator(".facenet-empty", { hasText: "No visit found" }).waitFor();
    await panel.locator(".facenet-empty button").click();
    await tab.total("243 visits");
    await panel.locator(".facenet-scroll").evaluate((list) => {
      list.scrollTop = list.scrollHeight;
    });
    await panel.locator('li[aria-posinset="243"] .facenet-row-name').waitFor();
    assert.ok((await panel.locator("li").count()) < 60, "rows that are not seen are not there");
    await tab.page.context().close();
  });

  it("is used by keyboard alone: the arrows move along the visits, Enter opens one, Escape goes back", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { page, panel } = tab;
    await panel.locator("button.facenet-row").first().focus();
    await page.keyboard.press("ArrowDown");
    assert.match(await panel.locator("button.facenet-row:focus").innerText(), /Alice/);
    await page.keyboard.press("Enter");
    await page.locator(".ui-dialog .facenet-stays").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".ui-dialog .facenet-stays").waitFor({ state: "detached" });
    await panel.locator("button.facenet-row:focus", { hasText: "Alice" }).waitFor();
    await page.context().close();
  });

  it("tells by a photo which visits a face was here before, and names the others as farther than τ", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { page, panel } = tab;
    await panel
      .locator('input[type="file"]')
      .setInputFiles({ name: "who.jpg", mimeType: "image/jpeg", buffer: stranger });
    const dialog = page.locator(".ui-dialog", { has: page.locator(".facenet-alike") });
    await dialog.locator("strong", { hasText: "Here before: 1 visit" }).waitFor();
    assert.deepEqual(await dialog.locator(".facenet-link").allInnerTexts(), ["Unknown", "Alice", "Alice"]);
    assert.match(await dialog.locator(".facenet-alike").nth(0).innerText(), /\d ≤ τ 1\.00$/);
    assert.match(await dialog.locator(".facenet-alike").nth(1).innerText(), /\d > τ 1\.00$/);
    await assertAccessible(page, ".ui-dialog", "visits by a photo");
    await shoot(page, "visits-by-photo");
    await dialog.locator(".facenet-link").first().click();
    await page.locator(".ui-dialog .facenet-stays", { hasText: "yard" }).waitFor();
    await page.context().close();
  });

  it("shows a person's history from their own page, and follows what is written meanwhile", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { page, panel } = tab;
    await page.locator("#facenet-tab-people").click();
    await page.locator("#facenet-panel-people button.facenet-row", { hasText: "Alice" }).click();
    await page.locator(".facenet-do-visits").click();
    await tab.total("2 visits");
    await panel.locator(".facenet-visits-of", { hasText: "Alice" }).waitFor();
    // Somebody else deletes one of them.
    await fetchApi(`${red.url}/facenet/api/${GALLERY}/visits/visit-000003`, { method: "DELETE" });
    await tab.total("1 visit");
    await panel.locator(".facenet-visits-of").click();
    await tab.total("242 visits");
    await page.context().close();
  });

  it("names a stranger from their visit, which is that person's from then on", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { page, panel } = tab;
    await panel.locator("button.facenet-row", { hasText: "yard" }).first().click();
    await page.locator(".ui-dialog .facenet-stays", { hasText: "yard" }).waitFor();
    await tab.press("Name …");
    const field = page.locator(".ui-dialog:visible input[list]");
    await page.locator(".ui-dialog:visible .facenet-card-main img").waitFor();
    await assertAccessible(page, ".ui-dialog", "naming from a visit");
    await shoot(page, "visit-named");
    await field.fill("Bea");
    await page.keyboard.press("Enter");
    await panel.locator("button.facenet-row", { hasText: "Bea" }).waitFor();
    assert.deepEqual((await tab.names()).slice(0, 2), ["Bea", "Alice"]);
    await panel.locator("button.facenet-row", { hasText: "Bea" }).click();
    await page.locator(".ui-dialog .facenet-stays", { hasText: "yard" }).waitFor();
    await tab.press("All visits");
    await panel.locator(".facenet-visits-of", { hasText: "Bea" }).waitFor();
    await tab.total("1 visit");
    const people = await fetchApi(`${red.url}/facenet/api/${GALLERY}/people`);
    assert.deepEqual(
      ((await people.json()) as { people: { name: string }[] }).people.map(({ name }) => name),
      ["Alice", "Bea"],
    );
    const unknowns = await fetchApi(`${red.url}/facenet/api/${GALLERY}/unknowns`);
    assert.deepEqual(await unknowns.json(), []);
    await page.context().close();
  });

  it("deletes a visit, and all of a person, after asking", async () => {
    const tab = await VisitsTab.open(browser, red.url);
    const { page, panel } = tab;
    await panel.locator("button.facenet-row", { hasText: "Unknown" }).first().click();
    await page.locator(".ui-dialog .facenet-stays").waitFor();
    await tab.press("Delete");
    await page.locator(".ui-dialog", { hasText: "This cannot be undone" }).waitFor();
    await tab.press("Delete");
    await tab.total("241 visits");
    await panel.locator("button.facenet-row", { hasText: "Alice" }).first().click();
    await page.locator(".ui-dialog .facenet-stays").waitFor();
    await tab.press("All visits");
    await tab.total("1 visit");
    await panel.locator(".facenet-do-delete-visits").click();
    await page.locator(".ui-dialog", { hasText: "Delete all visits of Alice?" }).waitFor();
    await tab.press("Delete");
    await panel.locator(".facenet-empty", { hasText: "No visit found" }).waitFor();
    const people = await fetchApi(`${red.url}/facenet/api/${GALLERY}/people`);
    assert.deepEqual(
      ((await people.json()) as { people: { name: string }[] }).people.map(({ name }) => name),
      ["Alice", "Bea"],
      "she stays",
    );
    await page.context().close();
  });
});
