/** docs/guides/greeting.md, followed in a browser from an empty Node-RED. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { portrait } from "../support/photos";
import { eventually } from "../support/node-red";
import { Reader } from "./follow";

describe("the guide to a greeting", () => {
  it("leads from an empty Node-RED to a greeting", async () => {
    const pictures = mkdtempSync(join(tmpdir(), "guide-"));
    writeFileSync(join(pictures, "frame.jpg"), await portrait("green"));
    const reader = await Reader.begin("greeting");
    try {
      await reader.imports("greeting once a visit", "13");
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
      await sidebar.getByText("Alice").first().waitFor();
      await reader.sees("events");
      await eventually("the greeting", () => {
        const spoken = reader.red.log().includes("Welcome Alice");
        return Promise.resolve(spoken || undefined);
      });
    } finally {
      await reader.ends();
    }
  });
});
