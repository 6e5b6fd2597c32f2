/** docs/guides/attendance.md, followed in a browser; the greeting before it has its own test. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { portrait } from "../support/photos";
import { moving, Reader } from "./follow";

describe("the guide to an attendance book", () => {
  it("leads from a greeting to a check-in in the sidebar", async () => {
    const pictures = mkdtempSync(join(tmpdir(), "guide-"));
    for (const [index, picture] of (await moving("green")).entries())
      writeFileSync(join(pictures, `${index}.jpg`), picture);
    const greeting = await Reader.begin("greeting");
    const reader = greeting.turnsTo("attendance");
    const { page } = reader;
    try {
      await greeting.imports("greeting once a visit", "14", "Greeting once a visit");
      await greeting.deploys();
      await greeting.addsPerson("Alice", await portrait("green"));
      await greeting.opens("facewire-camera");
      await greeting.chooses("Source", "#node-input-source", "folder");
      await page.locator("#node-input-path").fill(pictures);
      await page.locator("#node-input-loop").check();
      await greeting.done();
      await greeting.deploys();
      await reader.importsAnother("attendance book", "17", "Attendance book");
      await reader.sees("flow");
      await reader.deploys();
      const sidebar = await reader.facesAt("attendance", "Attendance");
      await sidebar
        .locator("[role=tabpanel], .facenet-section")
        .getByText("Alice")
        .locator("visible=true")
        .first()
        .waitFor();
      await reader.sees("day");
      for (const button of ["today", "this month", "this month for a spreadsheet", "face-attendance"])
        reader.reads(button);
    } finally {
      await reader.ends();
    }
  });
});
