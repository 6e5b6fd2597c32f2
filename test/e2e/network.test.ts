/**
 * Another network for a gallery, in a real browser: the offer, its cost, the change with its nodes, and the way back.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import type { NetworkState } from "../../lib/gallery/network-state";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { fillPhotoFolder, portrait, PORTRAITS } from "../support/photos";

const [OLD, NEW] = ["dlib-resnet-v1", "mobilefacenet-192"];
const PEOPLE = Object.keys(PORTRAITS).length;
const PHOTOS = 3;
/** Pixels: a window in which the offer leaves no room for the people. */
const LOW = 430;
const IDS = {
  gallery: "a000000000000001",
  bare: "a000000000000002",
  embed: "b000000000000001",
  door: "b000000000000002",
  hall: "b000000000000003",
} as const;
const FACES = ".facenet-sidebar";
const NOTICE = ".facenet-network";

interface Editor {
  RED: {
    sidebar: { show(id: string): void };
    history: { pop(): void };
    editor: { editConfig(name: string, type: string, id: string): void };
    nodes: { node(id: string): { model?: string; threshold?: string; changed?: boolean } | null; dirty(): boolean };
  };
}

function flow(): FlowNode[] {
  const match = (id: string, name: string, threshold: string, gallery: string = IDS.gallery): FlowNode => ({
    id,
    type: "face-match",
    z: "tab",
    name,
    gallery,
    mode: "identify",
    claim: "claim",
    claimType: "msg",
    distance: "euclidean",
    threshold,
    margin: "0.02",
    topK: "3",
    maxAge: "",
    groups: "",
    schedule: [],
    x: 500,
    y: 100,
    wires: [[], [], [], [], []],
  });
  const gallery = (id: string, name: string, more: object): FlowNode => ({
    id,
    type: "face-gallery",
    name,
    folder: "",
    model: OLD,
    modelFile: "",
    keepPhotos: true,
    keepUnknowns: true,
    unknownDays: "7",
    ...more,
  });
  const embed = (id: string, z: string, name: string, wires: string[]): FlowNode => ({
    id,
    type: "facenet-embed",
    z,
    name,
    model: OLD,
    modelFile: "",
    engine: "auto",
    minSize: "",
    minSharpness: "",
    chips: false,
    reembedAfter: "",
    x: 200,
    y: 100,
    wires: [wires],
  });
  return [
    { id: "tab", type: "tab", label: "Doors" },
    gallery(IDS.gallery, "Family", { folder: "photos" }),
    gallery(IDS.bare, "Bare", { keepPhotos: false }),
    embed(IDS.embed, "tab", "Embed", [IDS.door, IDS.hall]),
    match(IDS.door, "Front door", "0.5"),
    match(IDS.hall, "Hall", ""),
    match("b000000000000009", "Other door", "", IDS.bare),
  ];
}

async function network({ url }: NodeRed, gallery: string = IDS.gallery): Promise<NetworkState | undefined> {
  const answer = await fetchApi(`${url}/facenet/api/${gallery}/network`);
  return answer.ok ? ((await answer.json()) as NetworkState) : undefined;
}

async function act({ url }: NodeRed, body: object, gallery: string = IDS.gallery): Promise<void> {
  const answer = await fetchApi(`${url}/facenet/api/${gallery}/network`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
}

const settled = (red: NodeRed, key: string): Promise<NetworkState> =>
  eventually(`the change to ${key}`, async () => {
    const now = await network(red);
    return now?.key === key && now.change === null ? now : undefined;
  });

/** What the nodes have, as they are in the editor. */
async function inEditor(page: Page): Promise<(string | undefined)[]> {
  return page.evaluate((ids) => {
    const { RED } = globalThis as unknown as Editor;
    return [
      RED.nodes.node(ids.gallery)?.model,
      RED.nodes.node(ids.embed)?.model,
      RED.nodes.node(ids.door)?.threshold,
      RED.nodes.node(ids.hall)?.threshold,
    ];
  }, IDS);
}

async function show(page: Page, gallery: string): Promise<Locator> {
  await page.evaluate(() => {
    (globalThis as unknown as Editor).RED.sidebar.show("facenet");
  });
  const chooser = page.locator(`${FACES} .facenet-chooser select`);
  await chooser.waitFor();
  await chooser.selectOption(gallery);
  return page.locator(FACES);
}

async function deploy(page: Page): Promise<void> {
  await page.locator("#red-ui-header-button-deploy").click();
  await page.waitForFunction(() => !(globalThis as unknown as Editor).RED.nodes.dirty());
}

describe("the network of a gallery, in the sidebar", () => {
  let browser: Browser;
  let red: NodeRed;
  let editor: OpenEditor;

  before(async () => {
    browser = await launch();
    const userDir = linkedUserDir();
    await fillPhotoFolder(join(userDir, "photos"), PHOTOS);
    red = await startNodeRed(flow(), { userDir });
    await eventually("the folder", async () => {
      const all = (await (await fetchApi(`${red.url}/facenet/api/galleries`)).json()) as {
        id: string;
        embeddings: number;
        progress: unknown;
      }[];
      const family = all.find(({ id }) => id === IDS.gallery);
      return family?.embeddings === PEOPLE * PHOTOS && family.progress === null ? true : undefined;
    });
    editor = await openEditor(browser, red);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("offers an old gallery the surer network with what it costs here, and lets it be", async () => {
    const { page } = editor;
    const faces = await show(page, IDS.gallery);
    const offer = faces.locator(".facenet-network-offer");
    await offer.getByText("A surer model is there: MobileFaceNet").waitFor();
    await offer
      .getByText(
        new RegExp(
          `^Cost: about ${PEOPLE * PHOTOS} photos × \\d+\\.\\d\\d s = \\d+ (second|minute)s? in the ` +
            `background, \\d+ kB on the disk\\.`,
        ),
      )
      .waitFor();
    await assertAccessible(page, NOTICE, "the offer");
    await shoot(page, "network-offer");
    assert.deepEqual([(await network(red))?.change, await inEditor(page)], [null, [OLD, OLD, "0.5", ""]]);
  });

  it("leaves room for the people below the offer, and all of both can be scrolled to, in a low window", async () => {
    const { page } = editor;
    const window = page.viewportSize() ?? assert.fail("a window");
    const sidebar = page.locator(FACES);
    // Node-RED 5 gives it no more than that in any window.
    if (((await sidebar.boundingBox())?.height ?? 0) > LOW)
      await page.setViewportSize({ width: window.width, height: LOW });
    for (const what of [
      sidebar.getByRole("button", { name: "Change …" }),
      sidebar.locator("button.facenet-row").first(),
    ]) {
      await what.evaluate((element) => {
        (element as unknown as { scrollIntoView(): void }).scrollIntoView();
      });
      // What hides its overflow is moved by no wheel: only a script can have scrolled it.
      const moved = await what.evaluate((element) => {
        const all: string[] = [];
        for (let each: Element | null = element; each !== null; each = each.parentElement)
          if (each.scrollTop > 0 && getComputedStyle(each).overflowY === "hidden")
            all.push(`${each.className} by ${each.scrollTop}`);
        return all;
      });
      assert.deepEqual(moved, []);
      const [box, room] = [await what.boundingBox(), await sidebar.boundingBox()];
      assert.ok(
        box !== null && room !== null && box.y >= room.y && box.y + box.height <= room.y + room.height + 1,
        await what.innerText(),
      );
    }
    await shoot(page, "network-offer-low");
    await page.setViewportSize(window);
  });

  it("names the nodes that change with it, and changes them as one step that one undo takes back", async () => {
    const { page } = editor;
    const faces = page.locator(FACES);
    await act(red, { do: "pause" });
    await faces.getByRole("button", { name: "Change …" }).click();
    const dialog = page.locator(".facenet-dialog-frame");
    await dialog.getByText("Front door: τ 0.5 becomes 1.054").waitFor();
    assert.deepEqual(await dialog.locator("li").allInnerTexts(), [
      "Family",
      "Embed",
      "Front door: τ 0.5 becomes 1.054",
    ]);
    await assertAccessible(page, ".facenet-dialog-frame", "the dialog");
    await shoot(page, "network-dialog");
    await dialog.getByRole("button", { name: "Change", exact: true }).click();
    await faces.getByText(`Paused at 0 of ${PEOPLE * PHOTOS} photos. dlib's model decides.`).waitFor();
    assert.deepEqual(await inEditor(page), [NEW, NEW, "1.054", ""]);
    await assertAccessible(page, NOTICE, "a change");
    await shoot(page, "network-paused");
    await page.evaluate(() => {
      (globalThis as unknown as Editor).RED.history.pop();
    });
    assert.deepEqual(await inEditor(page), [OLD, OLD, "0.5", ""]);
    // Then the flow says something else than the gallery.
    await faces.getByText("these nodes by another model: Family, Embed").waitFor();
    await shoot(page, "network-out-of-step");
    await faces
      .getByRole("button", { name: "Set 3 nodes" })
      .or(faces.getByRole("button", { name: "Set 2 nodes" }))
      .click();
    await eventually("the nodes", async () => ((await inEditor(page))[1] === NEW ? true : undefined));
    assert.deepEqual(await inEditor(page), [NEW, NEW, "1.054", ""]);
  });

  it("shows how far it is, goes on, and after a deploy says that it is done", async () => {
    const { page } = editor;
    await deploy(page);
    await eventually("the gallery", () => network(red));
    await settled(red, NEW);
    const faces = page.locator(FACES);
    await faces.getByText("MobileFaceNet decides now. Until").waitFor();
    await shoot(page, "network-changed");
    assert.equal(await faces.getByText("by another model").count(), 0);
    assert.equal(await faces.locator(".facenet-network-offer").count(), 0);
  });

  it("goes back at once, the nodes too, as they were", async () => {
    const { page } = editor;
    const faces = page.locator(FACES);
    await faces.getByRole("button", { name: "Undo", exact: true }).click();
    await eventually("the nodes", async () => ((await inEditor(page))[0] === OLD ? true : undefined));
    assert.deepEqual(await inEditor(page), [OLD, OLD, "0.5", ""]);
    const { key, change } = await settled(red, OLD);
    assert.deepEqual([key, change], [OLD, null]);
    await faces.getByText("dlib's model decides now. Until").waitFor();
    await deploy(page);
    await eventually("the gallery", () => network(red));
    assert.deepEqual([(await network(red))?.key, (await network(red))?.asInForm], [OLD, true]);
  });

  it("names before, in the dialog and in the gallery's form, who cannot come along, and asks", async () => {
    const { page } = editor;
    const { id } = (await (
      await fetchApi(`${red.url}/facenet/api/${IDS.bare}/people`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: "Alice" }),
      })
    ).json()) as { id: string };
    const added = await fetchApi(`${red.url}/facenet/api/${IDS.bare}/people/${id}/photos`, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: new Uint8Array(await portrait("green")),
    });
    assert.equal(added.status, 201);
    const faces = await show(page, IDS.bare);
    await page.evaluate((gallery) => {
      (globalThis as unknown as Editor).RED.editor.editConfig("", "face-gallery", gallery);
    }, IDS.bare);
    await page.locator("#node-config-input-model").selectOption(NEW);
    const tip = page.locator("#face-gallery-change");
    await tip.getByText("1 person would not be known any more, because no picture of them is kept: Alice.").waitFor();
    await assertAccessible(page, "#face-gallery-change", "the form");
    await shoot(page, "network-form");
    await page.locator("#node-config-dialog-cancel").click();
    await faces.getByRole("button", { name: "Change …" }).click();
    const dialog = page.locator(".facenet-dialog-frame");
    await dialog.getByText("1 person would not be known any more").waitFor();
    await act(red, { do: "continue" }, IDS.bare);
    await dialog.getByRole("button", { name: "Change", exact: true }).click();
    const notice = faces.locator(NOTICE);
    await notice.getByRole("button", { name: "Change all the same" }).waitFor();
    await notice.getByText("Alice").waitFor();
    assert.equal((await network(red, IDS.bare))?.key, OLD, "not before somebody says so");
    await assertAccessible(page, NOTICE, "a question");
    await shoot(page, "network-asking");
    await notice.getByRole("button", { name: "Cancel the change" }).click();
    await faces.locator(".facenet-network-offer").waitFor();
    await faces.getByRole("button", { name: "No, keep it" }).click();
    await faces.locator(".facenet-network-offer").waitFor({ state: "detached" });
    assert.deepEqual(editor.complaints, []);
  });
});
