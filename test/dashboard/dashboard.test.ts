/** The example of a dashboard, with FlowFuse's Dashboard 2 as npm has it, in Chromium. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, shoot } from "../support/editor";
import { example, linkedUserDir, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";
import { knownPeople } from "../support/photos";
import { browserCamera, until } from "../support/browser-camera";

const DASHBOARD = "@flowfuse/node-red-dashboard@1.31.0";
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

describe("example: dashboard of who is here", () => {
  let red: NodeRed;
  let browser: Browser;
  before(async () => {
    const installed = mkdtempSync(join(tmpdir(), "dashboard-"));
    writeFileSync(join(installed, "package.json"), JSON.stringify({ name: "dashboard", private: true }));
    execFileSync(npm, ["install", "--ignore-scripts", "--no-audit", "--no-fund", DASHBOARD], {
      cwd: installed,
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 300_000,
    });
    const userDir = linkedUserDir();
    symlinkSync(join(installed, "node_modules/@flowfuse"), join(userDir, "node_modules/@flowfuse"), "junction");
    const flow = example("dashboard of who is here");
    Object.assign(nodeOf(flow, "facewire_gallery"), { folder: await knownPeople({ Alice: "green" }) });
    Object.assign(nodeOf(flow, "db_camera"), browserCamera);
    Object.assign(nodeOf(flow, "db_presence"), { away: "4", maxAge: "" });
    red = await startNodeRed(flow, { userDir });
    browser = await launch();
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("shows who is here, the last visitor with a picture, and today's attendance, which a book keeps", async () => {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    await page.goto(`${red.url}/dashboard/faces`);
    await page.getByText("Nobody", { exact: true }).waitFor();
    await until("Alice's visit", { red, camera: "db_camera", who: "green" }, async () =>
      (await page.locator(".facenet-here li", { hasText: "Alice" }).count()) > 0 ? true : undefined,
    );
    assert.match((await page.locator(".facenet-here").textContent()) ?? "", /Alice, front door, since /);
    const last = page.locator(".facenet-last");
    await last.getByText("Alice").waitFor();
    assert.match((await last.locator("img").getAttribute("src")) ?? "", /^data:image\/jpeg;base64,\/9j\//);
    assert.ok(
      await last.locator("img").evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0),
    );
    const row = page.locator("table tr", { hasText: "Alice" });
    await row.waitFor();
    // From when on, for how long up to now; she is still here, and nothing is missing.
    assert.match((await row.textContent()) ?? "", /^Alice\s*\d\d:\d\d\s*\d+:\d\d\s*0\s*$/);
    await shoot(page, "dashboard");
    await page.getByText("Nobody", { exact: true }).waitFor();
    assert.equal(await row.count(), 1, "it stays in the book of today");
    assert.doesNotMatch(red.log(), /\[error\]/);
  });
});
