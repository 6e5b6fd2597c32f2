/** The camera's button "Try it" in a real browser. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { type NodeRed, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";

const TOLD = "#facewire-camera-tried";

async function edit(page: Page, id: string): Promise<void> {
  await page.evaluate((wanted) => {
    const { RED } = globalThis as unknown as {
      RED: { nodes: { node(id: string): unknown }; editor: { edit(node: unknown): void } };
    };
    RED.editor.edit(RED.nodes.node(wanted));
  }, id);
  await page.locator(".red-ui-tray .form-row").first().waitFor();
  await page.locator(".red-ui-tray :focus").waitFor();
}

describe("trying a camera in its form", () => {
  let browser: Browser;
  let red: NodeRed;
  let web: http.Server;
  let url: string;
  let asked: (string | undefined)[];
  before(async () => {
    const jpeg = await portrait("green");
    asked = [];
    web = http
      .createServer((request, response) => {
        asked.push(request.headers.authorization);
        if (request.headers.authorization === undefined)
          response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
        else response.end(jpeg);
      })
      .listen(0, "127.0.0.1");
    await once(web, "listening");
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/snapshot`;
    browser = await launch();
    red = await startNodeRed(
      [
        { id: "tab", type: "tab", label: "cameras" },
        {
          id: "cam",
          type: "facewire-camera",
          z: "tab",
          name: "door",
          source: "snapshot",
          url: "http://127.0.0.1:1/",
          device: "",
          path: "",
          width: "",
          height: "",
          fps: "",
          output: "jpeg",
          autostart: false,
          x: 200,
          y: 100,
          wires: [[], []],
        },
      ],
      { env: { TRY_ADDRESS: url } },
    );
  });
  after(async () => {
    await browser.close();
    await red.stop();
    web.closeAllConnections();
    web.close();
  });

  for (const [locale, colorScheme, refused] of [
    ["en-US", "light", "refuses the connection"],
    ["zh-TW", "dark", "拒絕連線"],
  ] as const) {
    it(`shows what is typed there, by keyboard, and says why there is no picture: ${locale}`, async () => {
      asked.length = 0;
      const { context, page, complaints } = await openEditor(browser, red, { locale, colorScheme });
      await edit(page, "cam");
      const button = page.locator("#facewire-camera-try");
      assert.equal(await page.locator(TOLD).getAttribute("aria-live"), "polite");
      await button.focus();
      await page.keyboard.press("Enter");
      await page.locator(TOLD, { hasText: refused }).waitFor();
      await shoot(page, `camera-try-refused-${locale}`);
      await page.locator("#node-input-url").fill("${TRY_ADDRESS}");
      await page.locator("#node-input-user").fill("me");
      await page.locator("#node-input-password").fill("typed");
      await button.focus();
      await page.keyboard.press("Space");
      const picture = page.locator(`${TOLD} img`);
      await picture.waitFor();
      assert.match(
        (await picture.getAttribute("alt")) ?? "",
        locale === "en-US" ? /^The camera gives a picture of \d+ × \d+\.$/ : /^攝影機送出了 \d+ × \d+ 的影像。$/,
      );
      assert.ok(await picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 100));
      assert.equal(asked.at(-1), `Basic ${Buffer.from("me:typed").toString("base64")}`);
      assert.equal(await button.isEnabled(), true);
      await assertAccessible(page, ".form-row:has(#facewire-camera-try)", "the form with a picture");
      await page.locator(TOLD).scrollIntoViewIfNeeded();
      await shoot(page, `camera-try-picture-${locale}`);
      await page.locator("#node-input-source").selectOption("browser");
      assert.equal(await button.isVisible(), false);
      await page.locator("#node-input-source").selectOption("rtsp");
      assert.equal(
        await page.locator("#node-input-url").getAttribute("placeholder"),
        "rtsp://192.168.1.20:554/stream1",
      );
      assert.equal(await page.locator(TOLD).innerText(), "");
      await page.locator("#node-dialog-cancel").click();
      assert.deepEqual(complaints, []);
      assert.doesNotMatch(red.log(), /typed/);
      await context.close();
    });
  }
});
