/** τ that follows from how many strangers may get a name, and why it is so: in face-match's form and in Calibrate. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { createEncoder } from "../../lib/enrol/encoder";
import type { Ruling } from "../../lib/match/threshold";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { Faces } from "../support/families";
import { eventually, example, type FlowNode, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";
import { exportOf } from "../support/zip";

const MODEL = "mobilefacenet-192";
const MATCHER = "ph_match";
const GALLERIES = { door: "facewire_gallery", nobody: "a000000000000001", families: "a000000000000002" } as const;
/** Four people each: enough of them for the gallery to measure how near its own come to each other. */
const FAMILIES = 10;
const TRAY = ".red-ui-tray";

interface Editor {
  RED: {
    sidebar: { show(id: string): void };
    editor: { edit(node: unknown): void };
    nodes: { node(id: string): Record<string, unknown>; dirty(): boolean };
  };
}

/** Photos sent to /recognize are judged by a gallery of two people; there are two galleries more. */
function flow(): FlowNode[] {
  const nodes = example("recognize a photo over HTTP");
  const door = nodeOf(nodes, GALLERIES.door);
  return [
    ...nodes,
    { ...door, id: GALLERIES.nobody, name: "Nobody" },
    { ...door, id: GALLERIES.families, name: "Families" },
  ];
}

/** An export of people who look alike in fours, one photo each. */
async function lookAlikes(): Promise<Buffer> {
  const encoder = await createEncoder({ model: MODEL, detector: "blazeface" });
  const { fingerprint, dimensions } = encoder;
  await encoder.close();
  const idOf = (salt: string, index: number): string => `${salt}${index.toString(16).padStart(11, "0")}`;
  const vectors = new Faces(dimensions, 7).families(FAMILIES);
  const lines = (row: (index: number) => object): string =>
    vectors.map((_, index) => JSON.stringify(row(index))).join("\n");
  return exportOf({
    "people.ndjson": lines((index) => ({
      id: idOf("a", index),
      name: `Person ${index}`,
      notes: "",
      groups: [],
      consentOn: null,
      validFrom: null,
      validUntil: null,
      createdAt: 1,
      lastSeenAt: null,
    })),
    "photos.ndjson": lines((index) => ({
      id: idOf("b", index),
      personId: idOf("a", index),
      origin: { by: "upload" },
      addedAt: 2,
      size: 0,
      quality: null,
      accepted: [],
    })),
    "embeddings.ndjson": lines((index) => ({
      photoId: idOf("b", index),
      personId: idOf("a", index),
      model: MODEL,
      fingerprint,
      vector: Buffer.from((vectors[index] as Float32Array).buffer).toString("base64"),
    })),
  });
}

async function enrol(red: NodeRed, name: string, who: Parameters<typeof portrait>[0]): Promise<void> {
  const people = `${red.url}/facenet/api/${GALLERIES.door}/people`;
  const made = await fetchApi(people, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const { id } = (await made.json()) as { id: string };
  const added = await fetchApi(`${people}/${id}/photos`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: new Uint8Array(await portrait(who)),
  });
  assert.equal(added.status, 201, await added.clone().text());
}

/** What the deployed node decided of a photo; nothing while flows are on their way to be deployed. */
async function decide(red: NodeRed): Promise<{ name: string | null; threshold: number } | undefined> {
  const answer = await fetch(`${red.url}/recognize`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: new Uint8Array(await portrait("green")),
  });
  if (answer.status === 404) return undefined;
  const { faces } = (await answer.json()) as { faces: { name: string | null; threshold: number }[] };
  return faces[0] ?? assert.fail("no face");
}

async function ruling(red: NodeRed, gallery: keyof typeof GALLERIES, strangers = 0.01): Promise<Ruling> {
  const path = `${red.url}/facenet/api/${GALLERIES[gallery]}/threshold?strangers=${strangers}`;
  return (await (await fetchApi(path)).json()) as Ruling;
}

/** The families measure themselves in the background, also after a deploy. */
function measured(red: NodeRed): Promise<boolean> {
  return eventually("the families' own measurement", async () =>
    (await ruling(red, "families")).wanted?.own ? true : undefined,
  );
}

async function openForm(page: Page): Promise<Locator> {
  await page.evaluate((id) => {
    const { RED } = globalThis as unknown as Editor;
    RED.editor.edit(RED.nodes.node(id));
  }, MATCHER);
  await page.locator("#node-input-wanted").waitFor();
  await page.locator(`${TRAY} :focus`).waitFor();
  return page.locator("#face-match-tau");
}

async function done(page: Page): Promise<void> {
  await page.locator("#node-dialog-ok").click();
  await page.locator(TRAY).waitFor({ state: "detached" });
}

async function cancel(page: Page): Promise<void> {
  await page.locator("#node-dialog-cancel").click();
  await page.locator(TRAY).waitFor({ state: "detached" });
}

/** Deploy, and wait until the node that runs has the τ. */
async function deploy(page: Page, red: NodeRed, threshold: number): Promise<void> {
  await page.locator("#red-ui-header-button-deploy").click();
  await page.waitForFunction(() => !(globalThis as unknown as Editor).RED.nodes.dirty());
  await eventually(`a decision by ${threshold}`, async () =>
    (await decide(red))?.threshold === threshold ? true : undefined,
  );
}

/** The line once it begins so. @returns τ in it */
async function tauIn(line: Locator, begins: RegExp): Promise<string> {
  await line.filter({ hasText: begins }).waitFor();
  return /[01]\.\d+/.exec(await line.innerText())?.[0] ?? "";
}

async function calibrate(page: Page, gallery: keyof typeof GALLERIES): Promise<Locator> {
  await page.evaluate(() => {
    (globalThis as unknown as Editor).RED.sidebar.show("facenet");
  });
  await page.locator(".facenet-chooser select").selectOption(GALLERIES[gallery]);
  await page.locator(".facenet-tabs").waitFor();
  await page.locator(".facenet-do-calibrate").click();
  const view = page.locator(".facenet-calibrate");
  await view.locator(".facenet-rates").waitFor();
  return view;
}

/** As the form writes it. */
const shown = (threshold: number): string => String(Number(threshold.toFixed(3)));

describe("τ that follows from the strangers who may get a name", () => {
  let browser: Browser;
  let red: NodeRed;
  let editor: OpenEditor;
  before(async () => {
    browser = await launch();
    red = await startNodeRed(flow());
    await enrol(red, "Alice", "green");
    await enrol(red, "Bob", "stripes");
    const imported = await fetchApi(`${red.url}/facenet/api/${GALLERIES.families}/import`, {
      method: "POST",
      headers: { "Content-Type": "application/zip" },
      body: new Uint8Array(await lookAlikes()),
    });
    assert.equal(imported.status, 200, await imported.clone().text());
    await measured(red);
    editor = await openEditor(browser, red);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("is in face-match's form with its reason, as the node decides, and changes with the choice", async () => {
    const { page } = editor;
    const line = await openForm(page);
    assert.equal(await page.locator("#node-input-wanted").inputValue(), "0.01");
    const usual = await tauIn(line, /^τ is [01]\.\d+ now, with 2 people by 1 photo\. It follows as people and photos/);
    assert.match(
      await line.innerText(),
      /Of strangers \d.*% are expected to get a name where most do, 1% at most \(upper 95 % bound, from [\d,]+ /,
    );
    assert.match(await line.innerText(), /The model's own measurement decides: this gallery has too few people/);
    const decided = (await decide(red)) ?? assert.fail("it is deployed");
    assert.equal(decided.name, "Alice");
    assert.equal(usual, shown(decided.threshold));
    await assertAccessible(page, `${TRAY} .form-row`, "a form with τ that came out");
    await shoot(page, "tau-form");
    const found: string[] = [];
    for (const [choice, share] of [
      ["0.1", "10%"],
      ["0.01", "1%"],
      ["0.001", "0.1%"],
      ["0.0001", "0.01%"],
    ] as const) {
      await page.locator("#node-input-wanted").selectOption(choice);
      found.push(await tauIn(line, new RegExp(`get a name where most do, ${share} at most`)));
    }
    assert.equal(found[1], usual);
    assert.deepEqual(found, [...found].sort().reverse(), "the fewer strangers, the stricter");
    assert.equal(new Set(found).size, found.length);
    await cancel(page);
  });

  it("is told with a bound that is rounded up: never less than may be", async () => {
    const { page } = editor;
    const { wanted, ...rest } = await ruling(red, "door");
    const share = wanted?.strangers.share;
    for (const [high, told] of [
      [0.00623, "0.63%"],
      [0.0062, "0.62%"],
    ] as const) {
      await page.route("**/threshold?*", (route) =>
        route.fulfill({ json: { ...rest, wanted: { ...wanted, strangers: { share, high } } } }),
      );
      const line = await openForm(page);
      await tauIn(line, new RegExp(`get a name where most do, ${told} at most`));
      await cancel(page);
      await page.unroute("**/threshold?*");
    }
  });

  it("changes with the gallery, the question and the people who come while the form is open", async () => {
    const { page } = editor;
    const line = await openForm(page);
    const two = await tauIn(line, /with 2 people by 1 photo/);
    await page.locator("#node-input-gallery").selectOption(GALLERIES.nobody);
    const first = await tauIn(line, /^τ is [01]\.\d+ for the first person who is enrolled\./);
    await page.locator("#node-input-gallery").selectOption(GALLERIES.families);
    const many = await tauIn(line, /^τ is [01]\.\d+ now, with 40 people by 1 photo\./);
    assert.match(
      await line.innerText(),
      /This gallery decides: here strangers come 0\.\d{1,3} nearer than by the model's own measurement \(780 comp/,
    );
    await shoot(page, "tau-form-gallery");
    assert.ok(first > two && two > many, `${first} ${two} ${many}`);
    await page.locator("#node-input-mode").selectOption("verify");
    const one = await tauIn(line, /^τ is [01]\.\d+ now, for the person of most photos \(1 photo\)\./);
    assert.ok(one > many, "one comparison lets fewer in than forty");
    await page.locator("#node-input-mode").selectOption("identify");
    await page.locator("#node-input-gallery").selectOption(GALLERIES.door);
    assert.equal(await tauIn(line, /with 2 people by 1 photo/), two);
    await enrol(red, "Carol", "blonde");
    assert.ok((await tauIn(line, /with 3 people by 1 photo/)) < two);
    await page.locator("#node-input-distance").selectOption("euclidean");
    await line.waitFor({ state: "hidden" });
    assert.ok(await page.locator("#node-input-threshold").isVisible());
    await cancel(page);
  });

  it("gives way to a fixed τ, and comes back with a stricter choice: each decides once deployed", async () => {
    const { page } = editor;
    let line = await openForm(page);
    await page.locator("#node-input-wanted").selectOption("fixed");
    await eventually("no τ that follows", async () => ((await line.innerText()) === "" ? true : undefined));
    await page.locator("#node-input-threshold").fill("0.8");
    await done(page);
    await deploy(page, red, 0.8);
    line = await openForm(page);
    assert.equal(await page.locator("#node-input-wanted").inputValue(), "fixed");
    assert.equal(await page.locator("#node-input-threshold").inputValue(), "0.8");
    assert.equal(await line.innerText(), "");
    await page.locator("#node-input-wanted").selectOption("0.001");
    assert.equal(await page.locator("#node-input-threshold").isVisible(), false);
    const strict = await tauIn(line, /with 3 people by 1 photo/);
    await page.locator("#node-input-threshold").evaluate((field) => {
      (field as unknown as { value: string }).value = "";
    });
    await done(page);
    const { threshold } = await ruling(red, "door", 0.001);
    assert.equal(shown(threshold), strict);
    await deploy(page, red, threshold);
  });

  it("stands in Calibrate too: what was wanted, what came out, and why: people, photos, and whose tail", async () => {
    const { page } = editor;
    const said = async (gallery: keyof typeof GALLERIES): Promise<string> => {
      const block = (await calibrate(page, gallery)).locator(".facenet-wanted-tau");
      const { threshold, wanted } = await ruling(red, gallery);
      const words = await block.innerText();
      assert.ok(words.startsWith(`τ = ${threshold}`), `${threshold}: ${words}`);
      assert.match(words, /a node takes by itself that lets at most 1% of strangers have a name/);
      const { share = 0 } = wanted?.strangers ?? {};
      assert.ok(words.includes(`${Number((100 * share).toPrecision(2))}% of them do, at most 1%.`), words);
      await assertAccessible(page, ".facenet-calibrate", `${gallery}: τ that came out`);
      await block.scrollIntoViewIfNeeded();
      await shoot(page, `tau-calibrate-${gallery}`);
      return words;
    };
    const door = await said("door");
    assert.match(door, /: with 3 people of 1 photo each, .* The model's own measurement decides: this gallery has /);
    await page.locator(".facenet-wanted-tau button").click();
    const { threshold } = await ruling(red, "door");
    assert.equal(Number(await page.locator(".facenet-threshold").inputValue()), threshold);
    await cancel(page);
    await measured(red);
    const families = await said("families");
    assert.match(
      families,
      /: with 40 people of 1 photo each, .* This gallery decides: here strangers come 0\.\d+ nearer/,
    );
    await page.locator(".facenet-kind select").selectOption("euclidean");
    await page.locator(".facenet-wanted-tau").waitFor({ state: "detached" });
    await cancel(page);
    assert.deepEqual(editor.complaints, []);
  });

  it("is said in Chinese, in the form and in Calibrate", async () => {
    const { context, page, complaints } = await openEditor(browser, red, { locale: "zh-TW" });
    const line = await openForm(page);
    const { threshold } = await ruling(red, "door");
    await page.locator("#node-input-wanted").selectOption("0.01");
    assert.equal(
      await tauIn(line, /^目前 τ 為 [\d.]+（3 人，每人 1 張照片）.*最多 1%.*由模型本身的量測決定/),
      shown(threshold),
    );
    await shoot(page, "tau-form-zh-TW");
    await cancel(page);
    const block = (await calibrate(page, "families")).locator(".facenet-wanted-tau");
    const families = await ruling(red, "families");
    assert.match(await block.innerText(), /至多 1% 的陌生人.*40 人、每人 1 張照片.*由此人臉庫決定/);
    assert.ok((await block.innerText()).startsWith(`τ = ${families.threshold}`));
    await shoot(page, "tau-calibrate-zh-TW");
    assert.deepEqual(complaints, []);
    await context.close();
  });
});
