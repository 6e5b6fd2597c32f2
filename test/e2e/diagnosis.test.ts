/** The sidebar's Copy diagnosis in a real browser: what people send when they ask. Needs Chromium. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { example, eventually, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";

const PASSWORD = "correct-horse-battery";
const CAMERA = "0123456789abcdef";
const LOCALES = join(__dirname, "../../plugins/facenet-sidebar/locales");

interface Editor {
  RED: { sidebar: { show(id: string): void } };
}

interface Words {
  diagnosis: { button: string; copy: string; copied: string };
}

interface Diagnosis {
  versions: { package: string; node: string; nodeRed: string; modules: Record<string, string | null> };
  engines: { engine: string; usable: boolean; installed: boolean; reason: string | null }[];
  models: { id: string; usable: boolean }[];
  galleries: { people: number; photos: number; open: boolean; problems: Record<string, number> }[];
  cameras: { id: string; source: string; scheme: string; running: boolean }[];
  failures: { where: string; kind: string; places: string[]; count: number }[];
}

const versionOf = (file: string): string => (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;

describe("Copy diagnosis", () => {
  let browser: Browser;
  let red: NodeRed;
  let pictures: string;
  before(async () => {
    browser = await launch();
    pictures = mkdtempSync(join(tmpdir(), "Liddell-"));
    writeFileSync(join(pictures, "Alice Liddell.jpg"), await portrait("green"));
    writeFileSync(join(pictures, "Nobody At-All.jpg"), "no picture");
    const flow = example("recognize a photo over HTTP");
    const { z } = nodeOf(flow, "ph_match");
    Object.assign(nodeOf(flow, "facewire_gallery"), { folder: pictures, name: "Liddells" });
    flow.push({
      id: CAMERA,
      type: "facewire-camera",
      z,
      name: "Alice Liddell's room",
      source: "snapshot",
      url: `http://admin:${PASSWORD}@127.0.0.1:9/liddell/snapshot.jpg?token=${PASSWORD}`,
      autostart: true,
      width: "",
      height: "",
      fps: "2",
      output: "jpeg",
      wires: [["ph_detect"], []],
    });
    red = await startNodeRed(flow);
    await eventually("the photos are read", async () => {
      const [gallery] = (await (await fetch(`${red.url}/facenet/api/galleries`)).json()) as {
        people: number;
        problems: object[];
      }[];
      return (gallery?.people === 1 && gallery.problems.length > 0) || undefined;
    });
    // A failure that names somebody's file.
    const failed = await fetch(`${red.url}/recognize`, { method: "POST", body: "Alice Liddell" });
    assert.ok(failed.status >= 400, String(failed.status));
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  for (const locale of ["en-US", "zh-TW"])
    it(`copies what is needed to help, and nobody's name, photo, address or password (${locale})`, async () => {
      const words = JSON.parse(readFileSync(join(LOCALES, locale, "facenet-sidebar.json"), "utf8")) as Words;
      const { context, page, complaints } = await openEditor(browser, red, { locale });
      await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: red.url });
      await page.evaluate(() => {
        (globalThis as unknown as Editor).RED.sidebar.show("facenet");
      });
      await page.getByRole("button", { name: words.diagnosis.button, exact: true }).click();
      await page.locator(".facenet-diagnosis").waitFor();
      const box = await page.locator(".facenet-diagnosis").boundingBox();
      assert.ok((box?.height ?? 0) > 200, "there is room to read it");
      await assertAccessible(page, ".facenet-dialog-frame", `the diagnosis in ${locale}`);
      await shoot(page, `diagnosis-${locale}`);
      await page.getByRole("button", { name: words.diagnosis.copy, exact: true }).click();
      await page.getByText(words.diagnosis.copied).waitFor();
      const text = await page.evaluate<string>("navigator.clipboard.readText()");
      assert.equal(text, await page.locator(".facenet-diagnosis").inputValue());
      for (const secret of [
        PASSWORD,
        "admin",
        "Liddell",
        "Alice",
        "127.0.0.1",
        "Nobody",
        pictures,
        homedir(),
        tmpdir(),
      ])
        assert.ok(!text.includes(secret), `${secret} is in the diagnosis`);
      const told = JSON.parse(text) as Diagnosis;
      assert.equal(told.versions.node, process.version);
      assert.match(told.versions.nodeRed, /^\d+\.\d+\.\d+/);
      assert.equal(told.versions.package, versionOf(join(__dirname, "../../package.json")));
      assert.equal(
        told.versions.modules["sharp"],
        versionOf(join(__dirname, "../../node_modules/sharp/package.json")),
      );
      assert.deepEqual(
        told.engines.find(({ engine }) => engine === "wasm"),
        { engine: "wasm", usable: true, installed: true, reason: null },
      );
      assert.ok(told.models.some(({ id, usable }) => id === "mobilefacenet-192" && usable));
      assert.deepEqual(
        told.galleries.map(({ people, photos, open, problems }) => ({ people, photos, open, problems })),
        [{ people: 1, photos: 1, open: true, problems: { unreadable_photo: 1 } }],
      );
      assert.deepEqual(
        told.cameras.map(({ id, source, scheme, running }) => ({ id, source, scheme, running })),
        [{ id: CAMERA, source: "snapshot", scheme: "http", running: true }],
      );
      const [failure] = told.failures;
      assert.deepEqual([failure?.where, failure?.kind], ["haar-detect", "UserError"]);
      assert.match(failure?.places[0] ?? "", /lib\/\S+\.js:\d+:\d+$/);
      assert.deepEqual(complaints, []);
      await context.close();
    });
});
