/** "Calibrate τ" in a real browser, on galleries of nobody, of one person, and of sixty. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import sharp from "sharp";
import { seeded } from "../../lib/calibrate/statistics";
import { createEncoder } from "../../lib/enrol/encoder";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { portrait, PORTRAITS } from "../support/photos";
import { exportOf } from "../support/zip";

const MODEL = "dlib-resnet-v1";
const PEOPLE = 60;
const PHOTOS = 3;
/** Of the gallery's people: two who look alike, and one with a photo of somebody else. */
const [TWIN, OTHER_TWIN, MISTAKEN, SHOWN] = [7, 8, 20, 21];
const GALLERIES = { nobody: "a000000000000001", one: "a000000000000002", many: "a000000000000003" } as const;
const NODES = {
  door: "b000000000000001",
  hall: "b000000000000002",
  variable: "b000000000000003",
  locked: "b000000000000004",
  inside: "b000000000000005",
  instance: "b000000000000006",
  elsewhere: "b000000000000007",
  normalised: "b000000000000008",
} as const;
const TRAY = ".facenet-calibrate";

const idOf = (salt: string, index: number): string => `${salt}${index.toString(16).padStart(11, "0")}`;
const nameOf = (person: number): string => `Person ${String(person).padStart(2, "0")}`;

type Thresholds = Partial<Record<keyof typeof NODES, { threshold: string; changed: boolean }>>;

interface Editor {
  RED: {
    sidebar: { show(id: string): void };
    editor: { edit(node: unknown): void };
    nodes: { node(id: string): { threshold?: string; changed?: boolean } | null; dirty(): boolean };
  };
}

/** A flow with three galleries, and face-match nodes that ask them. */
function flow(): FlowNode[] {
  const gallery = (name: keyof typeof GALLERIES): FlowNode => ({
    id: GALLERIES[name],
    type: "face-gallery",
    name,
    folder: "",
    model: MODEL,
    modelFile: "",
    keepPhotos: true,
    keepUnknowns: true,
    unknownDays: "7",
  });
  const match = (
    node: keyof typeof NODES,
    z: string,
    name: string,
    threshold: string,
    asked: keyof typeof GALLERIES = "many",
  ): FlowNode => ({
    id: NODES[node],
    type: "face-match",
    z,
    name,
    gallery: GALLERIES[asked],
    mode: "identify",
    claim: "claim",
    claimType: "msg",
    threshold,
    margin: "0.02",
    topK: "3",
    maxAge: "",
    groups: "",
    schedule: [],
    x: 300,
    y: 100,
    wires: [[], [], [], [], []],
  });
  return [
    { id: "tab", type: "tab", label: "Doors" },
    { id: "shut", type: "tab", label: "Shut", locked: true },
    { id: "sub", type: "subflow", name: "Recognizer", info: "", in: [], out: [] },
    gallery("nobody"),
    gallery("one"),
    gallery("many"),
    match("door", "tab", "Front door", "0.5"),
    match("hall", "tab", "", ""),
    match("variable", "tab", "By variable", "${TAU}"),
    match("locked", "shut", "Not to be touched", "0.5"),
    match("inside", "sub", "In a subflow", "0.5"),
    { id: NODES.instance, type: "subflow:sub", z: "tab", name: "", x: 300, y: 200, wires: [] },
    match("elsewhere", "tab", "Of another gallery", "0.5", "one"),
    { ...match("normalised", "tab", "Side door", "0.3"), distance: "cohort", wanted: "fixed" },
  ];
}

/** Numbers of a normal distribution (Box & Muller 1958). */
function normal(dimensions: number, random: () => number): number[] {
  return Array.from(
    { length: dimensions },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

/** A gallery's export: so many people with so many photos each, at distances as those of real photos. */
async function people(number: number, faces: readonly Buffer[]): Promise<Buffer> {
  const encoder = await createEncoder({ model: MODEL });
  const { fingerprint, dimensions } = encoder;
  await encoder.close();
  const random = seeded(7);
  const direction = (size: number): number[] => {
    const values = normal(dimensions, random);
    const length = Math.hypot(...values);
    return values.map((value) => (value * size) / length);
  };
  const plus = (a: readonly number[], b: readonly number[]): number[] =>
    a.map((value, index) => value + (b[index] as number));
  const common = direction(0.8);
  const centres = Array.from({ length: number }, () => plus(common, direction(0.6)));
  if (number > OTHER_TWIN) centres[OTHER_TWIN] = plus(centres[TWIN] as number[], direction(0.3));
  const pictures = await Promise.all(
    faces.map(
      async (face) =>
        [await sharp(face).resize(300).jpeg().toBuffer(), await sharp(face).resize(96).jpeg().toBuffer()] as const,
    ),
  );
  const files: Record<string, string | Buffer> = {};
  const [persons, photos, embeddings]: [object[], object[], object[]] = [[], [], []];
  for (let person = 0; person < number; person += 1) {
    const personId = idOf("a", person);
    persons.push({
      id: personId,
      name: nameOf(person),
      notes: "",
      groups: [],
      consentOn: null,
      validFrom: null,
      validUntil: null,
      createdAt: 1,
      lastSeenAt: null,
    });
    for (let photo = 0; photo < PHOTOS; photo += 1) {
      const photoId = idOf("b", person * PHOTOS + photo);
      const [bytes, thumbnail] = pictures[person % pictures.length] as readonly [Buffer, Buffer];
      files[`photos/${photoId}.jpg`] = bytes;
      files[`thumbnails/${photoId}.jpg`] = thumbnail;
      photos.push({
        id: photoId,
        personId,
        origin: { by: "upload" },
        addedAt: 2,
        size: bytes.length,
        quality: { size: 50, blur: 90, yaw: 1, pitch: 2, roll: 3, exposure: 120 },
        accepted: [],
      });
      const isWrong = person === MISTAKEN && photo === 0 && number > SHOWN;
      const vector = Float32Array.from(plus(centres[isWrong ? SHOWN : person] as number[], direction(0.25)));
      embeddings.push({
        photoId,
        personId,
        model: MODEL,
        fingerprint,
        vector: Buffer.from(vector.buffer).toString("base64"),
      });
    }
  }
  const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");
  return exportOf({
    "people.ndjson": lines(persons),
    "photos.ndjson": lines(photos),
    "embeddings.ndjson": lines(embeddings),
    ...files,
  });
}

async function show(page: Page, gallery: keyof typeof GALLERIES): Promise<void> {
  await page.evaluate(() => {
    (globalThis as unknown as Editor).RED.sidebar.show("facenet");
  });
  await page.locator(".facenet-chooser select").selectOption({ value: GALLERIES[gallery] });
  await page.locator(".facenet-tabs").waitFor();
}

/** The screen, with its answer. */
async function open(page: Page): Promise<Locator> {
  await page.locator(".facenet-do-calibrate").click();
  const view = page.locator(TRAY);
  await view.locator(".facenet-rates").waitFor();
  return view;
}

async function close(page: Page): Promise<void> {
  await page.locator("#node-dialog-cancel").click();
  await page.locator(".red-ui-tray").waitFor({ state: "detached" });
}

function thresholds(page: Page): Promise<Thresholds> {
  return page.evaluate(
    (ids) =>
      Object.fromEntries(
        Object.entries(ids).flatMap(([name, each]) => {
          const node = (globalThis as unknown as Editor).RED.nodes.node(each);
          return [[name, { threshold: node?.threshold ?? "", changed: node?.changed === true }]];
        }),
      ),
    NODES,
  );
}

const isDirty = (page: Page): Promise<boolean> =>
  page.evaluate(() => (globalThis as unknown as Editor).RED.nodes.dirty());

describe("Calibrate τ", () => {
  let browser: Browser;
  let red: NodeRed;
  let editor: OpenEditor;
  before(async () => {
    browser = await launch();
    red = await startNodeRed(flow(), { env: { TAU: "0.6" } });
    const faces = await Promise.all((Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]).map(portrait));
    for (const [gallery, number] of [
      ["one", 1],
      ["many", PEOPLE],
    ] as const) {
      const answer = await fetchApi(`${red.url}/facenet/api/${GALLERIES[gallery]}/import`, {
        method: "POST",
        headers: { "Content-Type": "application/zip" },
        body: new Uint8Array(await people(number, faces)),
      });
      assert.equal(answer.status, 200, await answer.clone().text());
    }
    editor = await openEditor(browser, red);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("shows the model's statistics where there is nobody, and says so", async () => {
    const { page } = editor;
    await show(page, "nobody");
    const view = await open(page);
    await view.getByText("There are no pairs to compare yet").waitFor();
    await view
      .getByText(
        "statistics (dlib-resnet-v1), for galleries too small to tell: measured on photos of 273 people from " +
          "elsewhere",
      )
      .waitFor();
    await view.getByText("by the model’s statistics").waitFor();
    assert.equal(await view.locator(".facenet-legend li").count(), 2);
    assert.deepEqual(await view.locator(".facenet-rates tbody tr:first-child td").first().innerText(), "no pairs");
    // Without a node it is measured as new ones would compare.
    assert.equal(await view.locator(".facenet-kind select").inputValue(), "cohort");
    await view.getByText("No face-match node of the workspace asks this gallery by cohort-normalised").waitFor();
    await view.locator(".facenet-kind select").selectOption("euclidean");
    await view.getByText("No face-match node of the workspace asks this gallery by Euclidean distance").waitFor();
    await view.getByText("There are no two people to compare.").waitFor();
    await assertAccessible(page, TRAY, "a gallery of nobody");
    await shoot(page, "calibrate-nobody");
    await close(page);
  });

  it("tells of one person what can be told", async () => {
    const { page } = editor;
    await show(page, "one");
    const view = await open(page);
    await view
      .getByText(
        "Measured on 1 person with 3 photos: 3 genuine pairs (the same person) and 0 impostor pairs (two people).",
      )
      .waitFor();
    await view.getByText("Without two people there is no impostor pair").waitFor();
    assert.deepEqual(await view.locator(".facenet-nodes label").allInnerTexts(), ["Of another gallery"]);
    await close(page);
  });

  it("shows sixty people's distances, what τ does to them, by keyboard too, and how much that rests on", async () => {
    const { page } = editor;
    await show(page, "many");
    const view = await open(page);
    await view
      .getByText(
        "60 people with 180 photos: 180 genuine pairs (the same person) and 15,930 impostor pairs (two people).",
      )
      .waitFor();
    await view.getByText("15,930 pairs of two people can support a false-match rate down to 1 in 5,310.").waitFor();
    const [slider, number] = [view.getByRole("slider"), view.locator(".facenet-threshold")];
    // Two of the nodes have another τ than the third: then it is the model's.
    const start = Number(await number.inputValue());
    assert.ok(start > 0.4 && start < 0.8, String(start));
    await number.fill("0.5");
    await number.press("Enter");
    assert.equal(await slider.inputValue(), "0.5");
    const cell = (row: number, column: number): Locator =>
      view.locator(`.facenet-rates tbody tr:nth-child(${row}) td`).nth(column);
    const rates = async (): Promise<string[]> => Promise.all([1, 2, 3].map((row) => cell(row, 0).innerText()));
    const loose = "0.7";
    await number.fill(loose);
    await number.press("Enter");
    const loosely = await rates();
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await number.inputValue(), "0.69");
    for (let presses = 0; presses < 19; presses += 1) await page.keyboard.press("ArrowLeft");
    assert.equal(await number.inputValue(), "0.5");
    assert.notDeepEqual(await rates(), loosely);
    await view.getByRole("columnheader", { name: "At τ = 0.50" }).waitFor();
    // The same as the route tells for this τ.
    const told = (await (
      await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/calibration?distance=euclidean&threshold=0.5`)
    ).json()) as {
      now: { fmr: { hits: number; total: number; high: number }; fnmr: { hits: number; high: number } };
      nearest: { a: { name: string }; b: { name: string } }[];
    };
    assert.match(await cell(1, 0).innerText(), new RegExp(`at most .*\n${told.now.fmr.hits} of 15,930 pairs`));
    assert.match(await cell(2, 0).innerText(), new RegExp(`${told.now.fnmr.hits} of 180 pairs`));
    assert.match(await cell(3, 0).innerText(), /%\nat most .*%/);
    for (const [row, rate] of [told.now.fmr, told.now.fnmr].entries()) {
      const [, percent, fewer] = /at most (?:([\d.]+)%|1 in ([\d,]+))/.exec(await cell(row + 1, 0).innerText()) ?? [];
      const bound = percent === undefined ? 1 / Number(fewer?.replaceAll(",", "")) : Number(percent) / 100;
      assert.ok(bound >= rate.high - 1e-9 && bound < rate.high * 1.11, `${bound} is told for ${rate.high}`);
    }
    assert.match(await cell(1, 1).innerText(), /149,763 pairs/);
    // The chart is drawn: the line of τ, and two kinds of pairs beside it.
    const colours = await view.locator("canvas").evaluate((canvas) => {
      interface Canvas {
        width: number;
        height: number;
        getContext(kind: "2d"): {
          getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
        };
      }
      const { width, height } = canvas as unknown as Canvas;
      const { data } = (canvas as unknown as Canvas).getContext("2d").getImageData(0, 0, width, height);
      let [blueish, reddish] = [0, 0];
      for (let at = 0; at < data.length; at += 4) {
        const [r = 0, , b = 0, alpha = 0] = data.slice(at, at + 4);
        if (alpha > 40 && b > r + 40) blueish += 1;
        if (alpha > 40 && r > b + 40) reddish += 1;
      }
      return { blueish, reddish };
    });
    assert.ok(colours.blueish > 500 && colours.reddish > 500, JSON.stringify(colours));
    await assertAccessible(page, TRAY, "sixty people");
    assert.doesNotMatch(
      await view.innerText(),
      /\b(calibrate|count)\.[a-z-]+|__/,
      "a key or a place to fill instead of words",
    );
    await shoot(page, "calibrate-many");
    await number.fill("much");
    await number.press("Enter");
    assert.equal(await number.getAttribute("aria-invalid"), "true");
    await view.getByRole("columnheader", { name: "At τ = 0.50" }).waitFor();
    await number.fill("0.5");
    await number.press("Enter");
    assert.equal(await number.getAttribute("aria-invalid"), null);
  });

  it("shows who is nearest to whom and which photos hurt, with pictures, and opens the person beside it", async () => {
    const { page } = editor;
    const view = page.locator(TRAY);
    const pair = view.locator(".facenet-near").first().locator("li").first();
    await pair.scrollIntoViewIfNeeded();
    assert.deepEqual((await pair.locator("button").allInnerTexts()).sort(), [nameOf(MISTAKEN), nameOf(SHOWN)]);
    assert.match(await pair.innerText(), /0\.\d\d apart: nearer than τ, they can be mistaken for each other/);
    await pair.locator("img").nth(1).waitFor();
    assert.equal(await pair.locator("img").count(), 2);
    assert.ok((await view.locator(".facenet-near").first().locator("li").nth(1).innerText()).includes(nameOf(TWIN)));
    const wrong = view
      .locator(".facenet-near")
      .last()
      .locator("li", { hasText: `Nearer to ${nameOf(SHOWN)}` })
      .first();
    await wrong.scrollIntoViewIfNeeded();
    await wrong.locator("img").first().waitFor();
    assert.match(await wrong.innerText(), new RegExp(`^${nameOf(MISTAKEN)}\\n.*: a wrong face\\?`));
    await shoot(page, "calibrate-lists");
    await wrong.locator("button").click();
    await page.locator(".facenet-person-head h2", { hasText: nameOf(MISTAKEN) }).waitFor();
    assert.ok(await view.isVisible());
    await page.locator(".facenet-bar button").click();
    await page.locator("#facenet-panel-people .facenet-filters").waitFor();
  });

  it("suggests a τ for the false-match rate that is wanted", async () => {
    const { page } = editor;
    const view = page.locator(TRAY);
    await view.locator(".facenet-wanted:not(.facenet-kind) select").selectOption({ label: "1 in 10" });
    await view.locator(".facenet-suggestion", { hasText: "by your own photos" }).waitFor();
    const ask = async (wanted: number): Promise<string> => {
      const { suggestion } = (await (
        await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/calibration?distance=euclidean&wantedFmr=${wanted}`)
      ).json()) as { suggestion: { threshold: number } };
      return suggestion.threshold.toFixed(2);
    };
    const [loose, strict] = [await ask(0.1), await ask(0.0001)];
    await view.locator(".facenet-suggestion strong", { hasText: `τ = ${loose}` }).waitFor();
    await view.locator(".facenet-wanted:not(.facenet-kind) select").selectOption({ label: "1 in 10,000" });
    await view.locator(".facenet-suggestion", { hasText: "by the model’s statistics" }).waitFor();
    await view.locator(".facenet-suggestion strong", { hasText: `τ = ${strict}` }).waitFor();
    await view.locator(".facenet-use").click();
    assert.equal(Number(await view.locator(".facenet-threshold").inputValue()).toFixed(2), strict);
  });

  it("puts τ into the ticked nodes with one click, and one undo takes it back, here and by Ctrl-Z", async () => {
    const { page } = editor;
    const view = page.locator(TRAY);
    const [apply, number] = [view.locator(".facenet-apply"), view.locator(".facenet-threshold")];
    await number.fill("0.47");
    await number.press("Enter");
    const untouched = await thresholds(page);
    assert.equal(await isDirty(page), false);
    const boxes = await view.locator(".facenet-nodes li").evaluateAll((rows) =>
      (
        rows as unknown as {
          querySelector(selector: string): { checked: boolean; disabled: boolean; textContent: string };
        }[]
      ).map((row) => [
        row.querySelector("label").textContent,
        row.querySelector("input").checked,
        row.querySelector("input").disabled,
        row.querySelector(".facenet-hint").textContent,
      ]),
    );
    assert.deepEqual(
      new Set(boxes.map((box) => JSON.stringify(box))),
      new Set(
        [
          ["Front door", true, false, "now 0.5"],
          ["face-match on Doors", true, false, "now by model"],
          ["By variable", false, false, "now from the variable ${TAU}; a tick puts a number in its place"],
          ["Not to be touched", false, true, "its flow is locked"],
          ["In a subflow", true, false, "now 0.5"],
        ].map((box) => JSON.stringify(box)),
      ),
    );
    assert.equal(await apply.innerText(), "Put τ 0.47 into 3 nodes");
    await apply.focus();
    await page.keyboard.press("Enter");
    await view.getByText("τ = 0.47 is in 3 nodes. Close this and deploy to make it work").waitFor();
    const changed = { threshold: "0.47", changed: true };
    assert.deepEqual(await thresholds(page), {
      ...untouched,
      door: changed,
      hall: changed,
      inside: changed,
      instance: { threshold: "", changed: true },
    });
    assert.equal(await isDirty(page), true);
    assert.match(await view.locator(".facenet-nodes").innerText(), /Front door\s+now 0.47/);
    await assertAccessible(page, TRAY, "with τ in the nodes");
    await shoot(page, "calibrate-applied");
    await apply.click();
    await view.getByText("These nodes have this τ already.").waitFor();
    await view.locator(".facenet-undo").click();
    await view.getByText("Taken back").waitFor();
    assert.deepEqual(await thresholds(page), untouched);
    assert.equal(await isDirty(page), false);
    // What stands for a variable is replaced only when it is ticked.
    await view.getByText("By variable").click();
    assert.equal(await apply.innerText(), "Put τ 0.47 into 4 nodes");
    await apply.click();
    assert.deepEqual((await thresholds(page)).variable, changed);
    await close(page);
    await page.keyboard.press("Control+z");
    await page.waitForFunction(
      (id) => (globalThis as unknown as Editor).RED.nodes.node(id)?.threshold === "${TAU}",
      NODES.variable,
    );
    assert.deepEqual(await thresholds(page), untouched);
    await page.keyboard.press("Control+y");
    await page.waitForFunction(
      (id) => (globalThis as unknown as Editor).RED.nodes.node(id)?.threshold === "0.47",
      NODES.variable,
    );
    await page.keyboard.press("Control+z");
    await page.waitForFunction(
      (id) => (globalThis as unknown as Editor).RED.nodes.node(id)?.threshold === "${TAU}",
      NODES.variable,
    );
  });

  it("measures d′ where nodes compare it, below 0 too, and lists those nodes", async () => {
    const { page } = editor;
    const view = await open(page);
    const kind = view.locator(".facenet-kind select");
    assert.equal(await kind.inputValue(), "euclidean");
    await kind.selectOption("cohort");
    // Each photo once with its own person, and once with each of 59 others.
    await view.getByText("as face-match compares them: 180 genuine pairs").waitFor();
    await view.getByText("and 10,620 impostor pairs").waitFor();
    assert.ok(await kind.evaluate((select) => select.ownerDocument.activeElement === select));
    assert.deepEqual(await view.locator(".facenet-nodes label").allInnerTexts(), ["Side door"]);
    const number = view.locator(".facenet-threshold");
    assert.equal(await number.inputValue(), "0.3");
    const told = (await (
      await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/calibration?distance=cohort&threshold=0.3`)
    ).json()) as { now: { fmr: { hits: number }; fnmr: { hits: number } }; nearest: { distance: number }[] };
    const cell = (row: number): Locator => view.locator(`.facenet-rates tbody tr:nth-child(${row}) td`).first();
    assert.match(await cell(1).innerText(), new RegExp(`${told.now.fmr.hits || "none"} of 10,620 pairs`));
    assert.match(await cell(2).innerText(), new RegExp(`${told.now.fnmr.hits || "none"} of 180 pairs`));
    const pair = view.locator(".facenet-near").first().locator("li").first();
    await pair.scrollIntoViewIfNeeded();
    await pair.locator("img").nth(1).waitFor();
    assert.deepEqual((await pair.locator("button").allInnerTexts()).sort(), [nameOf(MISTAKEN), nameOf(SHOWN)]);
    await assertAccessible(page, TRAY, "d′ of sixty people");
    await shoot(page, "calibrate-cohort");
    // d' may be below 0, and is drawn there; a node takes no such τ.
    await number.fill("-0.05");
    await number.press("Enter");
    assert.equal(await number.getAttribute("aria-invalid"), null);
    assert.equal(Number(await view.getByRole("slider").inputValue()), -0.05);
    await view.getByRole("columnheader", { name: "At τ = -0.05" }).waitFor();
    await view.getByText("A face-match node takes no τ of 0 or less").waitFor();
    assert.ok(await view.locator(".facenet-apply").isDisabled());
    await number.fill("0.31");
    await number.press("Enter");
    const untouched = await thresholds(page);
    await view.locator(".facenet-apply").click();
    await view.getByText("τ = 0.31 is in 1 node.").waitFor();
    assert.deepEqual(await thresholds(page), { ...untouched, normalised: { threshold: "0.31", changed: true } });
    await view.locator(".facenet-undo").click();
    assert.deepEqual(await thresholds(page), untouched);
    await kind.selectOption("euclidean");
    await view.locator(".facenet-nodes label", { hasText: "Front door" }).waitFor();
    // A Euclidean distance is never below 0.
    await number.fill("-0.05");
    await number.press("Enter");
    assert.equal(await number.getAttribute("aria-invalid"), "true");
    await close(page);
  });

  it("tries the gallery on its own photos, shows who are hard to tell apart, moves a photo and back", async () => {
    const { page } = editor;
    const view = await open(page);
    await view.locator(".facenet-kind select").selectOption("cohort");
    const number = view.locator(".facenet-threshold");
    await number.fill("0.3");
    await number.press("Enter");
    const trial = view.locator(".facenet-trial");
    await trial.locator(".facenet-try").focus();
    await page.keyboard.press("Enter");
    await trial.getByText("Tried at τ = 0.30.").waitFor();
    const told = (await (await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/trial?threshold=0.3`)).json()) as {
      now: { right: { hits: number; total: number; low: number; high: number }; strangersNamed: null };
      proposals: { photo: { photoId: string; name: string }; why: string }[];
    };
    assert.equal(told.now.right.total, PEOPLE * PHOTOS);
    const right = trial.getByText(`${told.now.right.hits} of ${PEOPLE * PHOTOS}`, { exact: true });
    await right.waitFor();
    const interval = await right.locator("xpath=..").locator(".facenet-hint").innerText();
    const [low = NaN, high = NaN] = [...interval.matchAll(/([\d.]+)%/g)].map(([, percent]) => Number(percent) / 100);
    assert.ok(low <= told.now.right.low + 1e-9 && high >= told.now.right.high - 1e-9, `${interval} is too narrow`);
    const pairs = trial.locator(".facenet-near").first();
    const twins = pairs.locator("li", { hasText: nameOf(TWIN) }).filter({ hasText: nameOf(OTHER_TWIN) });
    assert.match(await twins.first().innerText(), /Verify instead of identifying/);
    await twins.first().scrollIntoViewIfNeeded();
    await twins.first().locator("img").nth(1).waitFor();
    const wrong = trial
      .locator(".facenet-near")
      .last()
      .locator(":scope > li", { hasText: nameOf(MISTAKEN) });
    assert.match(await wrong.innerText(), new RegExp(`Nearer to ${nameOf(SHOWN)}`));
    await assertAccessible(page, TRAY, "the gallery tried");
    await wrong.scrollIntoViewIfNeeded();
    await shoot(page, "calibrate-trial");
    const countOf = async (person: number): Promise<number> => {
      const { photos } = (await (
        await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/people/${idOf("a", person)}`)
      ).json()) as { photos: unknown[] };
      return photos.length;
    };
    await wrong.getByRole("button", { name: `Give it to ${nameOf(SHOWN)}` }).click();
    await trial.getByText(`The photo is ${nameOf(SHOWN)}’s now`).waitFor();
    assert.deepEqual([await countOf(MISTAKEN), await countOf(SHOWN)], [PHOTOS - 1, PHOTOS + 1]);
    await wrong.getByRole("button", { name: `Give it back to ${nameOf(MISTAKEN)}` }).click();
    await trial.getByText("Taken back.").waitFor();
    assert.deepEqual([await countOf(MISTAKEN), await countOf(SHOWN)], [PHOTOS, PHOTOS]);
    const triedPhotos = async (): Promise<number> => {
      const tried = await fetchApi(`${red.url}/facenet/api/${GALLERIES.many}/trial?threshold=0.3`);
      return ((await tried.json()) as { photos: { of: number } }).photos.of;
    };
    await wrong.getByRole("button", { name: "Leave it out" }).click();
    await trial.getByText(/is left out of recognition\. It is kept\.$/).waitFor();
    assert.equal(await triedPhotos(), PEOPLE * PHOTOS - 1);
    await shoot(page, "calibrate-left-out");
    await wrong.getByRole("button", { name: "Use it again" }).click();
    await trial.getByText(/is used again\.$/).waitFor();
    await wrong.getByRole("button", { name: "Leave it out" }).waitFor();
    assert.equal(await triedPhotos(), PEOPLE * PHOTOS);
    await close(page);
  });

  it("closes by Escape, and asks nothing more then", async () => {
    const { page } = editor;
    await page.route("**/calibration?**", () => undefined);
    const asked = page.waitForEvent("request", (request) => request.url().includes("/calibration"));
    const ended = page.waitForEvent("requestfailed", (request) => request.url().includes("/calibration"));
    await page.locator(".facenet-do-calibrate").click();
    await asked;
    await page.locator(`${TRAY} .facenet-loading`).waitFor();
    await shoot(page, "calibrate-loading");
    await page.locator(TRAY).focus();
    await page.keyboard.press("Escape");
    assert.match((await ended).failure()?.errorText ?? "", /ABORTED/);
    await page.locator(".red-ui-tray").waitFor({ state: "detached" });
    await page.unroute("**/calibration?**");
  });

  it("says what failed, and tries again", async () => {
    const { page } = editor;
    await page.route("**/calibration?**", (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/json",
        body: JSON.stringify({ error: "4 calibrations are being made already.", code: "busy" }),
      }),
    );
    await page.locator(".facenet-do-calibrate").click();
    const view = page.locator(TRAY);
    await view.getByText("That did not work").waitFor();
    await assertAccessible(page, TRAY, "what failed");
    await page.unroute("**/calibration?**");
    await view.getByRole("button", { name: "Try again" }).click();
    await view.locator(".facenet-rates").waitFor();
    // Later, too: what was there stays.
    await page.route("**/calibration?**", (route) => route.abort());
    await view.getByRole("slider").press("ArrowRight");
    await view.getByText("Node-RED does not answer").waitFor();
    await page.unroute("**/calibration?**");
    await view.getByRole("button", { name: "Try again" }).click();
    await view.getByText("Node-RED does not answer").waitFor({ state: "detached" });
    await close(page);
  });

  it("measures a large gallery anew only when asked, and leaves alone what is being typed", async () => {
    const { page } = editor;
    // Longer than people wait at each step of a slider.
    const LONG_MS = 3500;
    let asked = 0;
    await page.route("**/calibration?**", async (route) => {
      asked += 1;
      await new Promise((resolve) => {
        setTimeout(resolve, LONG_MS);
      });
      await route.continue();
    });
    const view = await open(page);
    const number = view.locator(".facenet-threshold");
    await number.fill("0.61");
    await number.press("Enter");
    await view.getByRole("columnheader", { name: "At τ = 0.61" }).waitFor();
    await view.getByText(/^As it was at τ = 0\.\d\d\./).waitFor();
    assert.equal(asked, 1);
    await view.getByRole("button", { name: "Look again" }).click();
    await number.fill("0.6");
    await view.getByRole("button", { name: "Look again" }).waitFor({ state: "detached" });
    await page.waitForResponse((response) => response.url().includes("threshold=0.61"));
    await view.locator("[aria-busy]").waitFor({ state: "detached" });
    assert.equal(await number.inputValue(), "0.6");
    assert.equal(asked, 2);
    await page.unroute("**/calibration?**");
    await close(page);
  });

  it("asks that an open form be closed first", async () => {
    const { page } = editor;
    await page.evaluate((node) => {
      const { RED } = globalThis as unknown as Editor;
      RED.editor.edit(RED.nodes.node(node));
    }, NODES.door);
    await page.locator(".red-ui-tray .form-row").first().waitFor();
    await page.locator(".facenet-do-calibrate").click();
    await page.locator(".red-ui-notification", { hasText: "Close the open form first" }).waitFor();
    assert.equal(await page.locator(TRAY).count(), 0);
    await close(page);
    assert.deepEqual(editor.complaints, []);
  });

  for (const [locale, colorScheme, words] of [
    ["zh-TW", "dark", "校準 τ"],
    ["en-US", "dark", "Calibrate τ"],
    ["zh-TW", "light", "校準 τ"],
  ] as const) {
    it(`can be read in ${locale}, ${colorScheme}, in a narrow window beside a narrow sidebar`, async () => {
      const { context, page, complaints } = await openEditor(browser, red, { locale, colorScheme });
      await show(page, "many");
      assert.equal((await page.locator(".facenet-do-calibrate").innerText()).trim(), words);
      const view = await open(page);
      await view.locator(".facenet-near li").first().waitFor();
      assert.doesNotMatch(
        await view.innerText(),
        /\b(calibrate|count)\.[a-z-]+|__/,
        "a key or a place to fill instead of words",
      );
      await assertAccessible(page, TRAY, `${locale}, ${colorScheme}`);
      await shoot(page, `calibrate-${locale}-${colorScheme}`);
      await view.locator(".facenet-near").last().scrollIntoViewIfNeeded();
      await shoot(page, `calibrate-${locale}-${colorScheme}-below`);
      await page.setViewportSize({ width: 760, height: 700 });
      await page.locator(".facenet-sidebar").evaluate((sidebar) => {
        (sidebar as unknown as { style: { width: string } }).style.width = "198px";
      });
      const sizes = await view.evaluate((element) => {
        const { scrollWidth, clientWidth, parentElement } = element as unknown as {
          scrollWidth: number;
          clientWidth: number;
          parentElement: { scrollWidth: number; clientWidth: number };
        };
        return { inside: scrollWidth - clientWidth, outside: parentElement.scrollWidth - parentElement.clientWidth };
      });
      assert.deepEqual(sizes, { inside: 0, outside: 0 });
      const [bar, tools] = [
        await page.locator(".facenet-sidebar").boundingBox(),
        await page.locator(".facenet-tools").boundingBox(),
      ];
      assert.ok(
        bar && tools && tools.x >= bar.x && tools.x + tools.width <= bar.x + 199,
        "the tools are inside the sidebar",
      );
      await assertAccessible(page, ".facenet-sidebar", `the sidebar in ${locale}, ${colorScheme}`);
      await view.evaluate((element) => {
        (element as unknown as { scrollIntoView(): void }).scrollIntoView();
      });
      await shoot(page, `calibrate-${locale}-${colorScheme}-narrow`);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
});
