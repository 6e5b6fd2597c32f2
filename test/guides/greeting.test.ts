/** docs/guides/greeting.md, followed in a browser from an empty Node-RED. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fetchApi } from "../support/api";
import { portrait } from "../support/photos";
import { eventually } from "../support/node-red";
import { moving, Reader } from "./follow";

describe("the guide to a greeting", () => {
  it("leads from an empty Node-RED to a greeting", async () => {
    const pictures = mkdtempSync(join(tmpdir(), "guide-"));
    for (const [index, picture] of (await moving("green")).entries())
      writeFileSync(join(pictures, `${index}.jpg`), picture);
    const reader = await Reader.begin("greeting");
    try {
      await reader.imports("greeting once a visit", "14", "Greeting once a visit");
      await reader.sees("flow");
      await reader.deploys();
      await reader.addsPerson("Alice", await portrait("green"));
      await reader.sees("people");
      reader.reads("front door");
      await reader.opens("facewire-camera");
      await reader.chooses("Source", "#node-input-source", "folder");
      await reader.page.locator("#node-input-path").fill(pictures);
      await reader.page.locator("#node-input-loop").check();
      await reader.done();
      await reader.deploys();
      const sidebar = await reader.facesAt("events", "Events");
      await sidebar.locator(".facenet-event", { hasText: "Alice" }).first().waitFor();
      await reader.sees("events");
      const said = reader.page.locator(".red-ui-debug-msg", { hasText: "Welcome Alice, have a nice day!" });
      await said.first().waitFor({ state: "attached" });
      // They are there in frame after frame; the visit is one.
      await eventually("many more frames", async () => {
        const events = await fetchApi(`${reader.red.url}/facenet/api/facewire_gallery/events/recent`);
        return ((await events.json()) as unknown[]).length > 0 || undefined;
      });
      assert.equal(await said.count(), 1);
    } finally {
      await reader.ends();
    }
  });
});
