/** The sidebar's section Attendance in a real browser, on a real book. Needs Chromium, as editor.test.ts does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import type { Person } from "../../lib/people/people";
import { attendanceFlow, GALLERY, PLAIN_LOGINS, userDirWithLogin } from "../support/attendance-flow";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { Frappe } from "../support/frappe";
import { eventually, type NodeRed, startNodeRed } from "../support/node-red";
import { messageOf } from "../support/visit-log";

interface Editor {
  RED: { sidebar: { show(id: string): void } };
}

const KEY = /\b(?:attendance|section)\.[a-z-]+/;
const DAY = "2026-11-25";

describe("the section Attendance", () => {
  let browser: Browser;
  let red: NodeRed;
  let frappe: Frappe;
  before(async () => {
    frappe = await Frappe.start();
    frappe.employees.set("0043", "Active");
    red = await startNodeRed(attendanceFlow({ frappe: true, frappeUrl: frappe.url }), {
      settings: PLAIN_LOGINS,
      userDir: userDirWithLogin(),
    });
    const api = `${red.url}/facenet/api/${GALLERY}`;
    const headers = { "Content-Type": "application/json" };
    const add = async (name: string, notes: string): Promise<Person> => {
      const body = JSON.stringify({ name, notes });
      return (await (await fetch(`${api}/people`, { method: "POST", headers, body })).json()) as Person;
    };
    await eventually("the gallery is open", async () => ((await fetch(`${api}/attendance`)).ok ? true : undefined));
    // Frappe knows no 0042.
    const people = [await add("Alice", "employee: 0042"), await add("王小明", "employee: 0043")];
    let sequence = 0;
    for (const [index, times] of [["07:00", "11:00", "16:30"], ["08:00"]].entries())
      for (const time of times) {
        const from = Date.parse(`${DAY}T${time}:00Z`);
        sequence += 1;
        const script = {
          visit: `v${sequence}`,
          person: people[index]?.id ?? null,
          stays: [["door", from] as const],
          until: from,
        };
        const body = JSON.stringify(messageOf(script, { event: "confirmed", stay: 0, sequence, gallery: GALLERY }));
        await fetch(`${red.url}/visit`, { method: "POST", headers, body });
      }
    await eventually("Frappe has what it takes", () => (frappe.logs.length === 1 ? true : undefined));
    browser = await launch();
  });
  after(async () => {
    await browser.close();
    await red.stop();
    await frappe.close();
  });

  /** The section, on the day. */
  async function open(
    options: Parameters<typeof openEditor>[2],
  ): Promise<{ page: Page; section: Locator; close: () => Promise<void> }> {
    const { context, page, complaints } = await openEditor(browser, red, options);
    await page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("facenet");
    });
    await page.locator("#facenet-tab-attendance").click();
    const section = page.locator(".facenet-attendance");
    await section.locator("input[type=date]").fill(DAY);
    await section.locator(".facenet-attendance-person").nth(1).waitFor();
    return {
      page,
      section,
      close: async () => {
        assert.deepEqual(complaints, []);
        await context.close();
      },
    };
  }

  for (const [locale, colorScheme, width] of [
    ["en-US", "light", 1500],
    ["zh-TW", "dark", 1500],
    ["en-US", "dark", 800],
    ["zh-TW", "light", 800],
  ] as const)
    it(`shows a day and a month, ${locale}, ${colorScheme}, ${width} pixels wide`, async () => {
      const { page, section, close } = await open({ locale, colorScheme, viewport: { width, height: 900 } });
      const name = `attendance-${locale}-${colorScheme}-${width}`;
      const day = await section.innerText();
      for (const words of ["Alice", "王小明", "IN 08:00", "OUT 12:00", "IN 17:30", "4:00"])
        assert.ok(day.includes(words), `${words} in ${day}`);
      assert.match(day, locale === "en-US" ? /OUT missing/ : /缺少 OUT/);
      assert.match(day, locale === "en-US" ? /refused 3 check-ins/ : /拒絕了 3 筆/);
      assert.doesNotMatch(day, KEY);
      await assertAccessible(page, ".facenet-sidebar", name);
      const tops = await page
        .locator(".facenet-tab")
        .evaluateAll((tabs) => tabs.map((tab) => Math.round(tab.getBoundingClientRect().top)));
      const rows = [...new Set(tops)].map((top) => tops.filter((each) => each === top).length);
      assert.ok(["6", "3,3"].includes(String(rows)), `the tabs stand in rows of ${String(rows)}`);
      await shoot(page, `${name}-day`);
      await section.locator("[data-key='view month']").click();
      await section.locator("table").waitFor();
      assert.equal(await section.locator("tbody tr").count(), 2);
      assert.doesNotMatch(await section.innerText(), KEY);
      await assertAccessible(page, ".facenet-sidebar", `${name} month`);
      await shoot(page, `${name}-month`);
      // The month scrolls within itself.
      const body = page.locator(".facenet-panel:not([hidden])");
      assert.ok(await body.evaluate((panel) => panel.scrollWidth <= panel.clientWidth + 1), "nothing is cut off");
      await section.locator("tbody button").first().click();
      await section.locator(".facenet-attendance-person").first().waitFor();
      assert.equal(await section.locator("input[type=date]").inputValue(), DAY);
      await close();
    });

  it("corrects with a reason, by the keyboard, and shows the history", async () => {
    const { page, section, close } = await open({});
    const dialog = page.locator(".facenet-dialog-frame");
    const checkIn = section.locator(".facenet-check-in", { hasText: "IN 17:30" });
    await checkIn.focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /No Employee found for the given employee field value/);
    await assertAccessible(page, ".facenet-dialog-frame", "a check-in");
    await shoot(page, "attendance-check-in");
    await dialog.locator("select").selectOption("OUT");
    await dialog.locator(".ui-dialog-buttonset .primary").click();
    assert.equal(await dialog.locator("[aria-invalid=true]").count(), 1, "without a reason nothing is changed");
    await page.keyboard.type("she went home");
    await page.keyboard.press("Enter");
    const changed = section.locator(".facenet-check-in", { hasText: "OUT 17:30" });
    await changed.waitFor();
    assert.equal(await changed.evaluate((button) => button === document.activeElement), true, "the focus stays");
    await changed.click();
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /Changed[^]*Reason: she went home[^]*before: IN/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await section.locator(".facenet-do-add-check-in").click();
    await dialog.locator("input[type=datetime-local]").fill(`${DAY}T13:00:00`);
    await assertAccessible(page, ".facenet-dialog-frame", "a new check-in");
    await dialog.locator("input[type=text]").fill("the camera was off");
    await page.keyboard.press("Enter");
    await section.locator(".facenet-check-in", { hasText: "IN 13:00" }).waitFor();
    assert.match(await section.locator(".facenet-attendance-person").first().innerText(), /8:30/);
    await shoot(page, "attendance-corrected");
    await close();
  });

  it("downloads a table and JSON", async () => {
    const { page, section, close } = await open({});
    for (const [button, file, words] of [
      [".facenet-do-csv", `attendance-${DAY}.csv`, /Alice,IN,2026-11-25 08:00:00/],
      [".facenet-do-json", `attendance-${DAY}.json`, /"name":"Alice"/],
    ] as const) {
      const waiting = page.waitForEvent("download");
      await section.locator(button).click();
      const download = await waiting;
      assert.equal(download.suggestedFilename(), file);
      assert.match(readFileSync(await download.path(), "utf8"), words);
    }
    await close();
  });
});

declare const document: { activeElement: unknown };
