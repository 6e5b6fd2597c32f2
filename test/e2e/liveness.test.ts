/** The self-test of face-liveness in a real browser, before a camera that is fed with rendered pictures. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { Eye } from "../support/acted-turns";
import { assertAccessible, launch, shoot } from "../support/editor";
import { type NodeRed, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";
import { Presentation, type Sitter } from "../support/presentations";

interface Report {
  apcer: { species: string; errors: number; total: number; atMost: number }[];
  worst: string;
  bpcer: { errors: number; total: number };
  presentations: { species: string; verdict: string }[];
}

/** Degrees from frame to frame. */
const STEP = 6;
const FARTHEST = 42;

describe("the liveness self-test", () => {
  let browser: Browser;
  let red: NodeRed;
  let sitter: Sitter;
  before(async () => {
    browser = await launch();
    sitter = (await (await Eye.open()).sitter(await portrait("stripes"))) ?? assert.fail("no face from the front");
    red = await startNodeRed([
      { id: "t", type: "tab" },
      {
        id: "c",
        type: "facewire-camera",
        z: "t",
        name: "door",
        source: "browser",
        autostart: true,
        x: 1,
        y: 1,
        wires: [["d"], []],
      },
      { id: "d", type: "face-detect", z: "t", tracking: true, x: 2, y: 1, wires: [["e"]] },
      { id: "e", type: "facenet-embed", z: "t", model: "mobilefacenet-192", x: 3, y: 1, wires: [["l"]] },
      { id: "l", type: "face-liveness", z: "t", turns: "1", seconds: "4", x: 4, y: 1, wires: [[], []] },
    ] as never);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  /** Shows the camera what does as it is told, until it is stopped. */
  async function feed(shown: () => "head" | "print", signal: AbortSignal): Promise<void> {
    const presentations = {
      head: new Presentation(sitter, "head", 4),
      print: new Presentation(sitter, "print", 4),
    };
    let yaw = 0;
    while (!signal.aborted) {
      const { told } = (await (await fetch(`${red.url}/facenet/liveness/l/told?after=0`)).json()) as {
        told: { task?: string }[];
      };
      const task = told.at(-1)?.task ?? "front";
      const wanted = task === "front" ? 0 : task === "left" ? FARTHEST : -FARTHEST;
      yaw += Math.max(-STEP, Math.min(STEP, wanted - yaw));
      const jpeg = await presentations[shown()].frame({ yaw, pitch: 0, roll: 0 });
      const posted = await fetch(`${red.url}/facenet/camera/c/frame`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: new Uint8Array(jpeg),
      });
      assert.equal(posted.status, 204);
    }
  }

  for (const [locale, title, genuine, print, finished] of [
    ["en-US", "Liveness self-test", "my own face: 1 of 1", "a printed photo: 1 of 1", "That was all."],
    ["zh-TW", "活體檢測自我測試", "自己的臉：第 1 次，共 1 次", "列印的照片：第 1 次，共 1 次", "全部完成"],
  ] as const) {
    it(`takes a person through presentations and counts them, by keyboard, in ${locale}`, async () => {
      const context = await browser.newContext({ locale, acceptDownloads: true });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("pageerror", ({ message }) => complaints.push(message));
      await page.goto(`${red.url}/facenet/liveness/l`);
      await page.getByRole("heading", { name: title }).waitFor();
      await assertAccessible(page, "main", "the plan of the self-test");
      for (const species of ["bent_print", "phone", "laptop"]) {
        await page.locator(`input[value=${species}]`).focus();
        await page.keyboard.press("Space");
      }
      await page.locator("#count").fill("1");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: genuine }).waitFor();

      const end = new AbortController();
      let shown: "head" | "print" = "head";
      const fed = feed(() => shown, end.signal);
      fed.catch(() => undefined);
      await page.locator("#go").focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: print }).waitFor({ timeout: 120_000 });
      shown = "print";
      await assertAccessible(page, "main", "the self-test");
      await page.locator("#go").press("Enter");
      await page.getByRole("heading", { name: finished }).waitFor({ timeout: 120_000 });
      end.abort();
      await fed;
      await page.locator("#result").waitFor();
      await assertAccessible(page, "main", "the figures of the self-test");
      await shoot(page, `liveness-self-test-${locale}`);

      const download = page.waitForEvent("download");
      await page.locator("#json").click();
      const report = JSON.parse(readFileSync(await (await download).path(), "utf8")) as Report;
      assert.deepEqual(
        report.presentations.map(({ species }) => species),
        ["genuine", "print"],
      );
      assert.notEqual(report.presentations[1]?.verdict, "passed");
      const passed = report.presentations[0]?.verdict === "passed";
      assert.deepEqual([report.bpcer.errors, report.bpcer.total], [passed ? 0 : 1, 1]);
      assert.deepEqual(
        report.apcer.map(({ species, errors, total }) => [species, errors, total]),
        [["print", 0, 1]],
      );
      assert.equal(report.worst, "print");
      assert.match((await page.locator("#verdict").textContent()) ?? "", /95/);
      assert.match(JSON.stringify(report), /^[^]{1,2000}$/, "nothing of a picture is in it");
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }

  it("says that the node is gone, and counts nothing then", async () => {
    const page = await browser.newPage({ locale: "en-US" });
    assert.equal((await page.goto(`${red.url}/facenet/liveness/nobody`))?.status(), 404);
    await page.goto(`${red.url}/facenet/liveness/l`);
    await page.route("**/challenge", (route) => route.fulfill({ status: 404 }));
    await page.locator("#start").click();
    await page.locator("#go").click();
    await page.getByText("The face-liveness node is not deployed").waitFor();
    assert.equal(await page.locator("#undo").isDisabled(), true);
    await page.close();
  });
});
