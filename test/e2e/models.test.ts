/** The choice of a network in a real browser: model packs, what is known of them, and downloads. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { type OfferedModels, offeredModels } from "../support/offered-models";
import { installPack, writePack } from "../support/packs";

interface Editor {
  RED: {
    nodes: { node(id: string): Record<string, unknown> };
    editor: {
      edit(node: unknown): void;
      editConfig(name: string, type: string, id: string): void;
      validateNode(node: object): boolean;
    };
  };
}

const FLOW: FlowNode[] = [
  { id: "z", type: "tab", label: "models" },
  { id: "g", type: "face-gallery", name: "Family", folder: "", model: "mine" },
  { id: "e", type: "facenet-embed", z: "z", x: 200, y: 100, name: "", model: "mine", wires: [[]] },
  { id: "gone", type: "facenet-embed", z: "z", x: 200, y: 160, name: "", model: "uninstalled", wires: [[]] },
];

async function edit(page: Page, id: string): Promise<void> {
  await page.evaluate((wanted) => {
    const { RED } = globalThis as unknown as Editor;
    if (wanted === "g") RED.editor.editConfig("", "face-gallery", wanted);
    else RED.editor.edit(RED.nodes.node(wanted));
  }, id);
  await page.locator(".facenet-models").waitFor({ state: "attached" });
  await page.locator(".red-ui-tray :focus").waitFor();
}

async function close(page: Page, how: "ok" | "cancel"): Promise<void> {
  await page.locator(`#node-dialog-${how}, #node-config-dialog-${how}`).click();
  await page.locator(".red-ui-tray").waitFor({ state: "detached" });
}

const modelOf = (page: Page, id: string): Promise<unknown> =>
  page.evaluate((wanted) => (globalThis as unknown as Editor).RED.nodes.node(wanted)["model"], id);

const problemsOf = (page: Page, id: string): Promise<unknown> =>
  page.evaluate((wanted) => {
    const { RED } = globalThis as unknown as Editor;
    const node = RED.nodes.node(wanted);
    RED.editor.validateNode(node);
    return node["validationErrors"];
  }, id);

describe("the choice of a network", () => {
  let browser: Browser;
  let red: NodeRed;
  let offered: OfferedModels;
  let editor: OpenEditor;

  before(async () => {
    const userDir = linkedUserDir();
    writePack(join(userDir, "facenet/models/mine"), {
      id: "mine",
      fields: { name: "Mine", origin: "https://example.com/mine" },
    });
    installPack(join(userDir, "node_modules"), "@somebody/facenet-plain", {
      id: "plain",
      measured: false,
      fields: { name: "<b>Plain</b>" },
    });
    mkdirSync(join(userDir, "facenet/models/torn"));
    writeFileSync(join(userDir, "facenet/models/torn/facenet-pack.json"), "{");
    offered = await offeredModels();
    browser = await launch();
    red = await startNodeRed(FLOW, { userDir, env: offered.env });
    editor = await openEditor(browser, red);
  });
  after(async () => {
    await browser.close();
    await red.stop();
    await offered.close();
  });

  it("has packs of the user folder and of npm, and keeps what a node has, here or not", async () => {
    const { page } = editor;
    for (const [id, model] of [
      ["e", "mine"],
      ["gone", "uninstalled"],
      ["g", "mine"],
    ] as const) {
      await edit(page, id);
      await close(page, "ok");
      assert.equal(await modelOf(page, id), model);
    }
    await edit(page, "e");
    const packs = page.locator("#node-input-model optgroup option");
    await packs.nth(1).waitFor({ state: "attached" });
    assert.deepEqual(await packs.allTextContents(), ["Mine · CC0-1.0", "<b>Plain</b> · CC0-1.0"]);
    await close(page, "cancel");
    assert.deepEqual(await problemsOf(page, "e"), []);
    assert.deepEqual(await problemsOf(page, "g"), []);
    assert.match(
      String(await problemsOf(page, "gone")),
      /Model: must be one of .*, not "uninstalled"/,
      "a pack that is not here is told",
    );
  });

  it("tells licence, size, measured figures, and what a network lacks", async () => {
    const { page } = editor;
    await edit(page, "e");
    const about = page.locator(".facenet-model-about");
    await about.getByText("Licence: CC0-1.0.").waitFor();
    await about
      .getByText(/Measured on 2 people, 4 photos: at τ 1\.00 FMR 0\.00 % \(at most 0\.08 %\)\. TMR 100\.0 %\./)
      .waitFor();
    assert.equal(await about.getByText("It has no cohort").count(), 0);
    assert.equal(await about.getByRole("link", { name: "About it" }).getAttribute("href"), "https://example.com/mine");
    await page.locator("#node-input-model").selectOption("plain");
    await about.getByText("What it does was not measured").waitFor();
    await about
      .getByText(/It has no cohort, so faces are compared by Euclidean distance, with its τ 1\.000/)
      .waitFor();
    await page.locator("#node-input-model").selectOption("mobilefacenet-192");
    await about.getByText(/Measured on 273 people, 549 photos/).waitFor();
    await page.locator("#node-input-model").selectOption("plain");
    await page.locator(".facenet-model-more summary").click();
    await page.locator(".facenet-model-problem", { hasText: "facenet-pack.json is not JSON" }).waitFor();
    await shoot(page, "form-models");
    await assertAccessible(page, ".facenet-models", "the choice of a network");
    await close(page, "ok");
    assert.equal(await modelOf(page, "e"), "plain");
  });

  it("downloads a network on a click, shows how far it is, cancels, and offers it once it is here", async () => {
    const { page } = editor;
    await edit(page, "g");
    await page.locator(".facenet-model-more summary").click();
    const tiny = page.locator(".facenet-model-list > div", { hasText: "Tiny network · CC0-1.0" });
    await tiny.waitFor();
    assert.equal(
      await page.locator(".facenet-model-list", { hasText: "Tiny detector" }).count(),
      0,
      "a detector is no choice here",
    );
    assert.equal(offered.server.ranges.length, 0);
    offered.server.manners = { stallAt: 100 };
    await tiny.getByRole("button", { name: "Download" }).click();
    await tiny.getByRole("progressbar").waitFor();
    await page.waitForFunction(
      () => document.querySelector<HTMLProgressElement>(".facenet-model-list progress")?.value === 100,
    );
    await shoot(page, "form-models-download");
    await assertAccessible(page, ".facenet-models", "a download");
    await tiny.getByRole("button", { name: "Cancel" }).click();
    await tiny.getByRole("button", { name: "Download" }).waitFor();
    assert.equal(existsSync(join(red.userDir, "facenet/models/tiny")), false);

    offered.server.manners = {};
    const forged = page.locator(".facenet-model-list > div", { hasText: "Forged network" });
    await forged.getByRole("button", { name: "Download" }).click();
    await forged.getByText(/the download of Forged network is refused: what came is another file/).waitFor();
    await shoot(page, "form-models-refused");

    await tiny.getByRole("button", { name: "Download" }).click();
    await page.locator('#node-config-input-model option[value="tiny"]').waitFor({ state: "attached" });
    assert.equal(await tiny.count(), 0, "it is no longer offered");
    assert.equal(await page.locator("#node-config-input-model").inputValue(), "mine", "the choice stays the user's");
    await page.locator("#node-config-input-model").selectOption("tiny");
    await close(page, "ok");
    assert.equal(await modelOf(page, "g"), "tiny");
    assert.deepEqual(await problemsOf(page, "g"), []);
  });

  it("says all of that in Chinese: licences, what is wrong with a pack, why a download failed", async () => {
    const { context, page, complaints } = await openEditor(browser, red, { locale: "zh-TW" });
    await edit(page, "e");
    const about = page.locator(".facenet-model-about");
    for (const [id, licence] of [
      ["mobilefacenet-192", "授權：檔案 MIT（syaringan357），架構與權重 Apache-2.0（sirius-ai）。"],
      ["dlib-resnet-v1", "授權：權重 CC0-1.0（dlib），轉檔 MIT（@vladmandic/face-api）。"],
    ] as const) {
      await page.locator("#node-input-model").selectOption(id);
      await about.getByText(licence).waitFor();
    }
    await page.locator(".facenet-model-more summary").click();
    const broken = page.locator(".facenet-model-problem", { hasText: "facenet-pack.json" });
    await broken.waitFor();
    assert.match((await broken.innerText()).trim(), /^模型包 \S+facenet-pack\.json 不是 JSON：/);
    const forged = page.locator(".facenet-model-list > div", { hasText: "Forged network" });
    await forged.getByRole("button", { name: /下載|再試一次/ }).click();
    await forged.getByText(/拒絕下載 Forged network：收到的是別的檔案（sha256 為 .*）。未保留任何內容。/).waitFor();
    await shoot(page, "form-models-zh");
    await close(page, "cancel");
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("lets a variable name the network", async () => {
    const { page } = editor;
    await edit(page, "e");
    await page.locator("#node-input-model").selectOption({ label: "from a variable: ${NAME}" });
    await page.locator("#node-input-model + input.facenet-variable").fill("${NETWORK}");
    await close(page, "ok");
    assert.equal(await modelOf(page, "e"), "${NETWORK}");
    await edit(page, "e");
    await page.locator("#node-input-model optgroup option").first().waitFor({ state: "attached" });
    await close(page, "ok");
    assert.equal(await modelOf(page, "e"), "${NETWORK}");
  });
});
