/** Run by test/e2e/complaints.test.ts: a test that looks at nothing, of a page that complains as the argument says. */
import { it } from "node:test";
import { launch } from "./editor";

it("opens a page", async () => {
  const browser = await launch();
  const page = await (await browser.newContext()).newPage();
  const throws = process.env["COMPLAINT"] === "throws";
  const complained = throws ? page.waitForEvent("pageerror") : page.waitForEvent("console");
  const script = throws
    ? "setTimeout(() => { throw new Error('out of order') })"
    : `console.${process.env["COMPLAINT"]}('out of order')`;
  await page.goto(`data:text/html,<script>${script}</script>`);
  await complained;
  await browser.close();
});
