/** The help of every node beside a narrow workspace, as people read it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, openEditor, shoot } from "../support/editor";
import { type NodeRed, startNodeRed } from "../support/node-red";

const TYPES = [
  "facewire-camera",
  "haar-detect",
  "facenet-embed",
  "face-match",
  "face-gallery",
  "tts-greet",
  "face-annotate",
  "face-detect",
  "face-enrol",
  "face-presence",
  "face-liveness",
  "face-attendance",
  "face-notify",
  "face-gate",
];

describe("help in a sidebar of 300 pixels", () => {
  let browser: Browser;
  let red: NodeRed;
  before(async () => {
    browser = await launch();
    red = await startNodeRed([{ id: "z", type: "tab", label: "help" }]);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  for (const locale of ["en-US", "zh-TW"]) {
    it(`can be read to the end of every line in ${locale}`, async () => {
      const { context, page } = await openEditor(browser, red, { locale });
      const help = page.locator(".red-ui-help > .red-ui-help");
      for (const type of TYPES) {
        await page.evaluate((wanted) => {
          (
            globalThis as unknown as { RED: { sidebar: { help: { show(type: string, front: boolean): void } } } }
          ).RED.sidebar.help.show(wanted, true);
        }, type);
        await help.locator("h3").first().waitFor();
        const cut = await help.evaluate((element) => {
          const box = element as unknown as HTMLElement;
          box.style.width = "300px";
          const { right } = box.getBoundingClientRect();
          return [...box.querySelectorAll<HTMLElement>("*")]
            .filter(
              (each) => each.getBoundingClientRect().right > right + 1 || each.scrollWidth > each.clientWidth + 1,
            )
            .filter(
              (each) => getComputedStyle(each).display !== "inline" || each.getBoundingClientRect().right > right + 1,
            )
            .map((each) => `${each.tagName}: ${(each.textContent ?? "").slice(0, 60)}`);
        });
        assert.deepEqual(cut, [], type);
        await shoot(page, `help-${locale}-${type}`);
      }
      await context.close();
    });
  }
});
