/** docs/guides/door.md, followed in a browser from an empty Node-RED. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { eventually } from "../support/node-red";
import { portrait } from "../support/photos";
import { moving, Reader } from "./follow";

const PIN = "274911";

describe("the guide to a door", () => {
  it("leads from an empty Node-RED to a door that opens to a face with a PIN, and to nothing less", async () => {
    const pictures = mkdtempSync(join(tmpdir(), "guide-"));
    for (const [index, picture] of (await moving("green")).entries())
      writeFileSync(join(pictures, `${index}.jpg`), picture);
    const reader = await Reader.begin("door");
    const { page } = reader;
    try {
      await reader.imports("door with a second factor", "16", "Door with a second factor");
      await reader.sees("flow");
      await reader.deploys();
      await reader.addsPerson("Alice", await portrait("green"));
      reader.reads("face-gate");
      await reader.opens("face-gate");
      await page.getByRole("button", { name: reader.reads("Second factors") }).click();
      const dialog = page.locator(".facenet-dialog");
      await dialog.locator("input").first().fill(PIN);
      await dialog.getByRole("button", { name: "Set" }).click();
      await dialog.locator(".facenet-correction", { hasText: "Alice" }).first().waitFor();
      await reader.sees("factors");
      await page.locator(".facenet-dialog-frame .primary").click();
      await reader.done();
      await reader.opens("facewire-camera");
      await reader.chooses("Source", "#node-input-source", "folder");
      await page.locator("#node-input-path").fill(pictures);
      await page.locator("#node-input-loop").check();
      await reader.done();
      await reader.deploys();
      const badge = page.locator(".red-ui-flow-node-status-label");
      await badge.filter({ hasText: "Alice: factor?" }).first().waitFor();
      const send = async (pin: string): Promise<void> => {
        reader.reads("relay");
        const answer = await fetch(`${reader.red.url}/keypad`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ pin }),
        });
        assert.ok(answer.ok);
      };
      await send("000000");
      await badge.filter({ hasText: "factor wrong" }).first().waitFor();
      const relay = page.locator(".red-ui-debug-msg");
      const relayed = async (): Promise<string[]> =>
        (await relay.allInnerTexts()).filter((text) => text.includes("relay")).map((text) => text.trim());
      assert.deepEqual(await relayed(), []);
      await badge.filter({ hasText: "Alice: factor?" }).first().waitFor();
      await send(PIN);
      await badge
        .filter({ hasText: reader.reads("open") })
        .first()
        .waitFor();
      await reader.sees("open");
      await eventually("the relay falls", async () => ((await relayed()).length === 2 ? true : undefined));
      const [first, second] = await relayed();
      assert.match(first ?? "", /true/);
      assert.match(second ?? "", /false/);
    } finally {
      await reader.ends();
    }
  });
});
