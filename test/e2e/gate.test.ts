/** The form of a gate in a real browser: second factors set for people, and the log. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { type NodeRed, startNodeRed } from "../support/node-red";

const PIN = "274911";

interface Editor {
  RED: { editor: { edit(node: unknown): void }; nodes: { node(id: string): object } };
}

async function edit(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { RED } = globalThis as unknown as Editor;
    RED.editor.edit(RED.nodes.node("gate"));
  });
  await page.locator(".red-ui-tray :focus").waitFor();
}

describe("the form of face-gate", () => {
  let browser: Browser;
  let red: NodeRed;
  before(async () => {
    browser = await launch();
    red = await startNodeRed([
      { id: "tab", type: "tab", label: "Door" },
      { id: "people", type: "face-gallery", name: "People", model: "mobilefacenet-192" },
      { id: "gate", type: "face-gate", z: "tab", name: "door", gallery: "people", x: 200, y: 100, wires: [[], []] },
    ]);
    const made = await fetch(`${red.url}/facenet/api/people/people`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: "Alice" }),
    });
    assert.equal(made.status, 201);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("sets a PIN and gives a code, keeps neither in the flow, and shows the log, which holds", async () => {
    const { context, page } = await openEditor(browser, red);
    await edit(page);
    assert.equal(await page.locator(".face-gate-none").isVisible(), false);
    await page.locator("#node-input-factor").selectOption("none");
    assert.equal(await page.locator(".face-gate-none").isVisible(), true);
    await page.locator("#node-input-factor").selectOption("any");
    await page.locator("#face-gate-tools button").nth(0).click();
    const dialog = page.locator(".facenet-dialog");
    const value = dialog.locator("input");
    await dialog.locator(".facenet-note", { hasText: "no pass phrase" }).waitFor();
    await value.fill("123456");
    await dialog.getByRole("button", { name: "Set" }).click();
    await page.locator(".red-ui-notification", { hasText: "tried first" }).waitFor();
    await value.fill(PIN);
    await dialog.getByRole("button", { name: "Set" }).click();
    await dialog.locator(".facenet-correction", { hasText: "Alice" }).getByRole("button", { name: "PIN" }).waitFor();
    await dialog.locator("select").nth(1).selectOption("code");
    await dialog.getByRole("button", { name: "Set" }).click();
    const said = dialog.locator(".facenet-live-line");
    await said.filter({ hasText: /The code is \S{22} / }).waitFor();
    await assertAccessible(page, ".facenet-dialog-frame", "second factors");
    await shoot(page, "gate-factors");
    await page.locator(".facenet-dialog-frame .primary").click();
    await page.locator("#face-gate-tools button").nth(1).click();
    const row = dialog.locator("tbody tr", { hasText: "Alice" });
    await row.nth(1).waitFor();
    assert.deepEqual(await row.first().locator("td").nth(1).textContent(), "code given");
    await dialog.getByRole("button", { name: "Check the chain" }).click();
    await dialog.locator(".facenet-live-line", { hasText: "The chain holds over 3 entries" }).waitFor();
    await assertAccessible(page, ".facenet-dialog-frame", "the log");
    await shoot(page, "gate-log");
    const saved = page.waitForEvent("download");
    await dialog.getByRole("button", { name: "For a spreadsheet" }).click();
    assert.equal((await saved).suggestedFilename(), "gate-log.csv");
    await page.locator(".facenet-dialog-frame .primary").click();
    await page.locator("#node-dialog-ok").click();
    await page.locator(".red-ui-tray").waitFor({ state: "detached" });
    await context.close();
    for (const file of readdirSync(red.userDir).filter((name) => name.endsWith(".json")))
      assert.ok(!readFileSync(join(red.userDir, file), "utf8").includes(PIN), file);
    assert.ok(!red.log().includes(PIN));
  });
});
