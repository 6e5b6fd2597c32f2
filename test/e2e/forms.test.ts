/** The forms of the nodes in a real browser. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, launch, type OpenEditor, openEditor, shoot } from "../support/editor";
import { type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";

const TYPES = [
  "facewire-camera",
  "haar-detect",
  "face-detect",
  "facenet-embed",
  "face-match",
  "tts-greet",
  "face-annotate",
  "face-enrol",
  "face-presence",
  "face-liveness",
  "face-attendance",
  "face-notify",
  "face-gate",
  "face-gallery",
];

interface Definition {
  defaults: Record<
    string,
    { value: unknown; type?: string; validate?(this: object, value: unknown, options: object): boolean | string }
  >;
}

/** What is used here of the editor's own objects. */
interface Editor {
  RED: {
    nodes: {
      node(id: string): Record<string, unknown>;
      getType(type: string): Definition;
      createCompleteNodeSet(): Record<string, unknown>[];
      dirty(): boolean;
    };
    editor: {
      edit(node: unknown): void;
      editConfig(name: string, type: string, id: string): void;
      validateNode(node: object): boolean;
    };
  };
}

/** The flows as they would be written down; credentials are kept elsewhere. */
async function flows(page: Page): Promise<Record<string, unknown>[]> {
  const nodes = await page.evaluate(() => (globalThis as unknown as Editor).RED.nodes.createCompleteNodeSet());
  return nodes.map((node) => ({ ...node, credentials: undefined }));
}

/** Open the form of a node. */
async function edit(page: Page, id: string): Promise<void> {
  await page.evaluate((wanted) => {
    const { RED } = globalThis as unknown as Editor;
    const node = RED.nodes.node(wanted);
    if (node["type"] === "face-gallery") RED.editor.editConfig("", "face-gallery", wanted);
    else RED.editor.edit(node);
  }, id);
  await page.locator(".red-ui-tray .form-row").first().waitFor();
  // Once it has slid in, the editor puts the focus on the first field.
  await page.locator(".red-ui-tray :focus").waitFor();
}

/** Write into a field; Node-RED looks at it when it is left. */
async function write(page: Page, field: string, text: string): Promise<void> {
  await page.locator(field).fill(text);
  await page.locator(field).press("Tab");
}

/** Press Done. */
async function done(page: Page): Promise<void> {
  await page.locator("#node-dialog-ok, #node-config-dialog-ok").click();
  await page.locator(".red-ui-tray").waitFor({ state: "detached" });
}

async function cancel(page: Page): Promise<void> {
  await page.locator("#node-dialog-cancel, #node-config-dialog-cancel").click();
  await page.locator(".red-ui-tray").waitFor({ state: "detached" });
}

/** One node of each type, its fields set by `field`, or at their defaults where that says undefined. */
function oneOfEach(
  id: string,
  definitions: Record<string, Definition>,
  field: (name: string, type: string) => unknown,
): FlowNode[] {
  const nodes = TYPES.map((type, index): FlowNode => {
    const fields = Object.entries(definitions[type]?.defaults ?? {}).map(([name, { value }]) => [
      name,
      field(name, type) ?? value,
    ]);
    const place =
      type === "face-gallery"
        ? {}
        : {
            z: `${id}_tab`,
            x: 200,
            y: 60 + 60 * index,
            wires:
              type === "face-match"
                ? [[], [], [], [], []]
                : ["facewire-camera", "face-attendance", "face-gate", "face-liveness", "face-presence"].includes(type)
                  ? [[], []]
                  : [[]],
          };
    return { id: `${id}_${type}`, type, ...Object.fromEntries(fields), ...place } as FlowNode;
  });
  return [{ id: `${id}_tab`, type: "tab", label: id }, ...nodes];
}

/** Fields that name a config node. */
const CONFIGURED: Record<string, string | undefined> = { gallery: "usual_face-gallery", broker: "usual_broker" };

/** A variable for every field; what says of which kind a value is, is none. */
function variableFor(name: string): unknown {
  if (name.endsWith("Type") || name === "name") return undefined;
  if (name === "zones") return [{ camera: "${GATE}", zone: "${OUTSIDE}" }];
  if (name === "schedule") return [{ days: [1, 7], from: "${OPENS}", to: "${CLOSES}" }];
  return `\${V_${name.toUpperCase()}}`;
}

describe("the forms of the nodes", () => {
  let browser: Browser;
  let red: NodeRed;
  let editor: OpenEditor;
  let definitions: Record<string, Definition>;

  before(async () => {
    browser = await launch();
    // The definitions are known to the editor alone.
    const first = await startNodeRed([]);
    const { context, page } = await openEditor(browser, first);
    definitions = await page.evaluate((types) => {
      const { RED } = globalThis as unknown as Editor;
      return Object.fromEntries(
        types.map((type) => [type, JSON.parse(JSON.stringify(RED.nodes.getType(type))) as Definition]),
      );
    }, TYPES);
    await context.close();
    await first.stop();
    const flow = [
      ...oneOfEach("set", definitions, variableFor),
      ...oneOfEach("usual", definitions, (name) => CONFIGURED[name]),
      { id: "usual_broker", type: "mqtt-broker", name: "", broker: "127.0.0.1", port: "1" },
      ...oneOfEach("number", definitions, (name) =>
        name === "workingWidthType" ? "num" : name === "workingWidth" ? "${WIDTH}" : CONFIGURED[name],
      ),
    ];
    // Of the time before there was a choice of networks.
    const old = flow
      .filter(({ id }) => ["usual_face-gallery", "usual_facenet-embed"].includes(id))
      .flatMap((node) => {
        const { model: _none, ...rest } = node;
        return [
          { ...rest, id: node.id.replace("usual", "old") },
          { ...rest, model: "", id: node.id.replace("usual", "blank") },
        ];
      });
    red = await startNodeRed([...flow, ...old]);
    editor = await openEditor(browser, red);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  for (const type of TYPES) {
    it(`leaves every field of ${type} as it was when nothing is changed, a variable or not`, async () => {
      const { page } = editor;
      for (const id of ["set", "usual", "number"]) {
        const opened = await flows(page);
        await edit(page, `${id}_${type}`);
        await shoot(page, `form-${id}-${type}`);
        await done(page);
        assert.deepEqual(await flows(page), opened, `${id}_${type}`);
      }
    });

    it(`has nothing against variables in the fields of ${type}`, async () => {
      const problems = await editor.page.evaluate((id) => {
        const { RED } = globalThis as unknown as Editor;
        const node = RED.nodes.node(id);
        RED.editor.validateNode(node);
        return node["validationErrors"];
      }, `set_${type}`);
      assert.deepEqual(problems, []);
    });
  }

  it(
    "leaves a face-match of earlier times deciding each frame alone, as the preset Original does, and lets " +
      "tracks vote by the other",
    async () => {
      const { page } = editor;
      const id = "usual_face-match";
      const box = page.locator("#node-input-tracks");
      const kept = (): Promise<unknown> =>
        page.evaluate((wanted) => (globalThis as unknown as Editor).RED.nodes.node(wanted)["tracks"], id);
      assert.equal(definitions["face-match"]?.defaults["tracks"]?.value, true);
      await page.evaluate((wanted) => {
        delete (globalThis as unknown as Editor).RED.nodes.node(wanted)["tracks"];
      }, id);
      await edit(page, id);
      assert.equal(await box.isChecked(), false);
      await page.locator("#face-match-preset-default").click();
      assert.equal(await box.isChecked(), true);
      await page.locator("#face-match-preset-original").click();
      assert.equal(await box.isChecked(), false);
      await cancel(page);
      assert.equal(await kept(), undefined);
      await edit(page, id);
      await page.locator("#face-match-preset-default").click();
      await done(page);
      assert.equal(await kept(), true);
    },
  );

  const RULES: [type: string, field: string, good: unknown[], bad: unknown[], others?: Record<string, unknown>][] = [
    ["face-liveness", "turns", [1, "5"], ["0", "6", "1.5", "x"]],
    ["face-liveness", "seconds", [2, "30", "4.5"], ["1", "31", "x"]],
    [
      "facewire-camera",
      "url",
      ["rtsp://door.lan/1", "rtsps://door.lan:322/1"],
      ["", "door.lan", "http://door.lan", "rtsp://"],
      { source: "rtsp" },
    ],
    [
      "facewire-camera",
      "url",
      ["http://door.lan/mjpg", "https://door.lan"],
      ["", "rtsp://door.lan/1", "ftp://door.lan", "rtsp://${HOST}/1"],
      { source: "mjpeg" },
    ],
    ["facewire-camera", "url", ["http://door.lan/a.jpg"], ["rtsp://door.lan/1", "/a.jpg"], { source: "snapshot" }],
    ["facewire-camera", "device", ["/dev/video0"], [""], { source: "usb" }],
    ["facewire-camera", "path", ["/home/me/a.mp4"], [""], { source: "file" }],
    ["facewire-camera", "width", ["", "16", 640, "8192"], ["15", "-1", "8193", "640.5", "wide", "640px"]],
    ["facewire-camera", "height", ["", "480"], ["0", "-480"]],
    ["facewire-camera", "fps", ["", "0.01", "120", "12.5"], ["0", "-1", "121", "fast", "1,5"]],
    ["face-attendance", "mode", ["alternating", "strict"], ["both"], { zonesIn: "door" }],
    ["face-attendance", "zones", ["", "door, hall"], ["${A} and more"]],
    ["face-attendance", "zonesIn", ["door"], ["door, hall"], { mode: "strict", zonesOut: "hall" }],
    ["face-attendance", "zonesIn", [], [""], { mode: "strict" }],
    ["face-attendance", "zonesOut", ["", "hall"], ["door"], { mode: "strict", zonesIn: "door" }],
    ["face-attendance", "groups", ["", "staff, cleaning"], ["${A} and more"]],
    ["face-attendance", "minInterval", ["", "0", "86400", 60], ["-1", "86401", "soon"]],
    ["face-attendance", "keepCheckIns", ["", "1", "36500"], ["0", "36501", "ever"]],
    ["face-attendance", "dayBegins", ["", "00:00", "23:59"], ["24:00", "4", "4:00"]],
    ["face-attendance", "timeZone", ["", "Europe/Berlin", "Asia/Taipei"], ["Europe/Bielefeld", "CEST+1"]],
    ["face-attendance", "frappe", [true, false, "true"], ["perhaps"]],
    ["face-attendance", "frappeUrl", ["https://hr.example.com"], ["", "hr.example.com"], { frappe: true }],
    ["face-attendance", "frappeUrl", ["", "anything"], [], { frappe: false }],
    ["face-attendance", "employeeFrom", ["notes", "name"], ["badge"]],
    ["face-attendance", "employeeField", ["", "attendance_device_id", "name"], ["Device Id", "1"]],
    ["facewire-camera", "output", ["jpeg", "rgb"], ["png"]],
    ["facewire-camera", "transport", ["tcp", "udp"], ["sctp"]],
    ["facewire-camera", "source", ["usb", "browser"], ["smb"]],
    ["facewire-camera", "certificate", ["verify", "any"], ["none"]],
    ["facewire-camera", "fingerprint", ["ab".repeat(32)], ["", "ab"], { source: "rtsp", certificate: "fingerprint" }],
    ["facewire-camera", "idle", ["", "1", "3600"], ["0", "3601", "-5"]],
    ["facewire-camera", "loop", [true, false, "true", "false"], ["perhaps"]],
    ["face-detect", "minScore", ["", "0.05", "0.99"], ["0", "1", "-0.5"]],
    ["face-detect", "minSize", ["", "0", "10000"], ["-1", "10001", "40.5"]],
    ["face-detect", "maxSize", ["", "0", "40", "41"], ["39", "-1"], { minSize: "40" }],
    ["haar-detect", "scaleFactor", ["", "1.01", "3"], ["1", "0.9", "3.1", "-1.1"]],
    ["haar-detect", "minNeighbors", ["", "0", "100"], ["-1", "101", "2.5"]],
    ["haar-detect", "minSize", ["", "0", "10000"], ["-1", "10001", "40.5"]],
    ["haar-detect", "maxSize", ["", "0", "40", "41"], ["39", "-1"], { minSize: "40" }],
    ["haar-detect", "fullEvery", ["", "1", "1000"], ["0", "1001", "1.5"]],
    [
      "haar-detect",
      "region",
      ["", "0,0,1,1", "10, 20, 300, 200"],
      ["1,2,3", "1,2,3,4,5", "-1,0,5,5", "0,0,0,5", "a,b,c,d", "1,2,,4"],
    ],
    [
      "face-detect",
      "region",
      ["", "0,0,1,1", "10, 20, 300, 200"],
      ["1,2,3", "1,2,3,4,5", "-1,0,5,5", "0,0,0,5", "a,b,c,d", "1,2,,4"],
    ],
    ["haar-detect", "cascade", ["profileface", "file"], ["eye"]],
    ["haar-detect", "cascadeFile", ["/home/me/a.xml"], ["", "/home/me/a.txt"], { cascade: "file" }],
    ["face-notify", "prefix", ["", "homeassistant", "home/ha"], ["a/#", "+", "/a", "a/", "a//b", "$SYS"]],
    ["face-notify", "patience", ["", "1", "3600", "2.5"], ["0", "3601", "-5", "soon"]],
    ["facenet-embed", "minSize", ["", "0", "1000"], ["-1", "1001"]],
    ["facenet-embed", "minSharpness", ["", "10000"], ["-0.1", "10001"]],
    ["facenet-embed", "reembedAfter", ["0", "10000"], ["-1", "10001"]],
    ["facenet-embed", "modelFile", ["/m/facenet.json"], ["", "/m/facenet.onnx"], { model: "file" }],
    [
      "face-match",
      "threshold",
      ["", "0.01", "0.58", "2"],
      ["0", "-0.5", "7", "2.01", "0,5"],
      { gallery: "usual_face-gallery" },
    ],
    ["face-match", "margin", ["", "0", "0.02"], ["-0.01", "101"]],
    ["face-match", "topK", ["1", "100"], ["0", "101", "1.5"]],
    ["face-match", "maxAge", ["", "0", "3600000"], ["-1", "3600001"]],
    [
      "face-match",
      "schedule",
      [[], [{ days: [1], from: "08:00", to: "24:00".replace("24", "23") }]],
      [[{ days: [], from: "08:00", to: "09:00" }], [{ days: [1], from: "8", to: "09:00" }]],
    ],
    ["face-match", "mode", ["identify", "verify"], ["guess"]],
    ["face-match", "tracks", [true, false, "true", ""], ["yes"]],
    ["face-match", "changes", [true, false, "true", ""], ["yes"]],
    ["face-match", "distance", ["cohort", "euclidean", ""], ["cosine"]],
    ["face-match", "wanted", ["0.1", "0.01", "0.001", "0.0001", "fixed", ""], ["few", "0.5"]],
    ["face-presence", "away", ["", "0.5", "30", "86400"], ["0", "-1", "0.4", "86401", "a while"]],
    ["face-presence", "evidence", ["quick", "normal", "strict", ""], ["some"]],
    ["face-presence", "unknown", [true, false, "false", ""], ["no"]],
    ["face-presence", "maxAge", ["", "0", "3600000"], ["-1", "3600001"]],
    [
      "face-presence",
      "zones",
      [[], [{ camera: "gate", zone: "outside" }]],
      [[{ camera: "gate", zone: " " }], [{ camera: "", zone: "outside" }]],
    ],
    ["tts-greet", "language", ["auto", "en", "zh-TW"], ["", "english!", "e"]],
    ["tts-greet", "defaultLanguage", ["en"], ["", "auto language"]],
    ["tts-greet", "template", ["", "Hi {names}"], ["Hi", `{names}${"x".repeat(500)}`]],
    ["tts-greet", "rate", ["", "80", "450"], ["79", "451", "160.5"]],
    ["tts-greet", "cooldown", ["", "0", "86400"], ["-1", "86401"]],
    ["tts-greet", "voice", ["", "en-us+f3"], ["-x", "a;b"]],
    ["face-annotate", "quality", ["", "1", "100"], ["0", "101", "85.5"]],
    ["face-annotate", "output", ["jpeg", "dataUrl", ""], ["png"]],
    ["face-annotate", "blur", ["none", "unknown", "others", ""], ["all"]],
    ["face-gate", "factor", ["any", "pin", "badge", "qr", "none"], ["face"]],
    ["face-gate", "liveness", ["none", "cues", "challenge"], ["blink"]],
    ["face-gate", "pulse", ["", "0.5", "60"], ["0", "61", "long"]],
    ["face-gate", "challenge", ["", "1", "3600"], ["0", "3601"]],
    ["face-gate", "sure", ["", "0.5", "1"], ["0.4", "1.1"]],
    ["face-gate", "freshness", ["", "0.5", "30"], ["0.4", "31"]],
    ["face-gate", "window", ["", "1", "120"], ["0.5", "121"]],
    ["face-gate", "zones", ["", "door, hall"], ["${A} and more", "x,".repeat(50)]],
    ["face-gate", "groups", ["", "staff, family"], ["${A} and more", "x,".repeat(50)]],
    ["face-gate", "alone", [true, false, "true"], ["perhaps"]],
    ["face-gate", "shared", [true, false, "true"], ["perhaps"]],
    ["face-gate", "schedule", [[]], [[{ days: [1], from: "8", to: "09:00" }]]],
    ["face-gallery", "unknownDays", ["", "1", "365"], ["0", "-7", "366"]],
    ["face-gallery", "keepVisits", ["", "0", "0.5", "3650"], ["-1", "3651", "ever"]],
    ["face-gallery", "store", ["local", "shared", ""], ["cloud"]],
    ["face-gallery", "siteName", ["Front door"], ["", " "], { store: "shared" }],
    ["face-gallery", "dbName", ["faces"], [""], { store: "shared" }],
    ["face-gallery", "dbUser", ["doors"], [""], { store: "shared" }],
    ["face-gallery", "dbUser", [""], [], { store: "local" }],
    ["face-gallery", "dbPort", ["", "1", "65535"], ["0", "65536", "5432.5"]],
    ["face-gallery", "modelFile", ["/m/facenet.json"], ["", "/m/facenet.onnx"], { model: "file" }],
  ];

  /** What the validator of a field answers to values, in a node that has these other fields. */
  function judge(
    page: Page,
    type: string,
    field: string,
    values: readonly unknown[],
    others: Record<string, unknown>,
  ): Promise<unknown[]> {
    return page.evaluate(
      ([ofType, ofField, those, rest]) => {
        const definition = (globalThis as unknown as Editor).RED.nodes.getType(ofType);
        const defaults = Object.fromEntries(
          Object.entries(definition.defaults).map(([name, { value }]) => [name, value]),
        );
        return those.map((value) =>
          definition.defaults[ofField]?.validate?.call(
            { id: "x", type: ofType, _def: definition, ...defaults, ...rest, [ofField]: value },
            value,
            {},
          ),
        );
      },
      [type, field, values, others] as const,
    );
  }

  it("gives a new gallery and a new node MobileFaceNet, and shows dlib's where an old one names none", async () => {
    const { page } = editor;
    for (const type of ["face-gallery", "facenet-embed"]) {
      assert.equal(definitions[type]?.defaults["model"]?.value, "mobilefacenet-192");
      for (const [id, shown] of [
        [`usual_${type}`, "mobilefacenet-192"],
        [`old_${type}`, "dlib-resnet-v1"],
        [`blank_${type}`, "dlib-resnet-v1"],
      ] as const) {
        await edit(page, id);
        assert.equal(
          await page.locator(type === "face-gallery" ? "#node-config-input-model" : "#node-input-model").inputValue(),
          shown,
          id,
        );
        await done(page);
        assert.equal((await flows(page)).find((node) => node["id"] === id)?.["model"], shown, id);
      }
    }
  });

  it("refuses what cannot be, and says why", async () => {
    for (const [type, field, good, bad, others = {}] of RULES) {
      for (const [index, answer] of (await judge(editor.page, type, field, [...good, "${V}"], others)).entries())
        assert.equal(answer, true, `${type} ${field} ${String(good[index])}`);
      for (const [index, answer] of (await judge(editor.page, type, field, bad, others)).entries()) {
        assert.equal(typeof answer, "string", `${type} ${field} ${String(bad[index])}`);
        assert.match(
          String(answer),
          /^[^:]+: (is|must|a variable|the|each) ?.*/,
          `${type} ${field} ${String(bad[index])}`,
        );
        assert.doesNotMatch(String(answer), /forms\.|__|undefined/, `${type} ${field} ${String(bad[index])}`);
      }
    }
  });

  it("has a rule for every field that can be wrong", () => {
    const free = new Set([
      "version",
      "name",
      "folder",
      "groups",
      "gallery",
      "claim",
      "person",
      "before",
      "keep",
      "broker",
      "device",
      "dbHost",
      "dbCa",
      "dbGallery",
    ]);
    const ruled = new Set(RULES.map(([type, field]) => `${type} ${field}`));
    const flags = new Set([
      "realtime",
      "autostart",
      "oldFfmpeg",
      "tracking",
      "motionGate",
      "everybody",
      "cues",
      "mirrored",
      "covered",
      "chips",
      "play",
      "preview",
      "keepPhotos",
      "dbTls",
      "dbCheckIns",
      "keepUnknowns",
      "pictures",
      "strangers",
      "namedTopics",
    ]);
    const choices = new Set(["engine", "model", "detector"]);
    const missing = TYPES.flatMap((type) =>
      Object.keys(definitions[type]?.defaults ?? {})
        .filter(
          (field) =>
            !free.has(field) &&
            !flags.has(field) &&
            !choices.has(field) &&
            !field.endsWith("Type") &&
            !ruled.has(`${type} ${field}`),
        )
        .map((field) => `${type} ${field}`),
    );
    assert.deepEqual(missing, ["haar-detect workingWidth"]);
  });

  it("says the threshold, the address and the size in words at the field", async () => {
    const { page } = editor;
    await edit(page, "usual_face-match");
    assert.equal(
      await page.locator("#node-input-threshold").isVisible(),
      false,
      "it follows from the strangers wanted",
    );
    await page.locator("#node-input-wanted").selectOption("fixed");
    await write(page, "#node-input-threshold", "7");
    await page.locator("#node-input-threshold.input-error").waitFor();
    await page.locator("#node-input-threshold").hover();
    await page
      .locator(".red-ui-popover", { hasText: "Threshold τ: must be more than 0 and at most 2, not 7" })
      .waitFor();
    await shoot(page, "form-threshold-7");
    await write(page, "#node-input-threshold", "${TAU}");
    await page.locator("#node-input-threshold:not(.input-error)").waitFor();
    await done(page);
    assert.equal(
      await page.evaluate(() => (globalThis as unknown as Editor).RED.nodes.node("usual_face-match")["threshold"]),
      "${TAU}",
    );
    await edit(page, "usual_facewire-camera");
    await page.locator("#node-input-source").selectOption("mjpeg");
    await write(page, "#node-input-url", "rtsp://door.lan/1");
    await page.locator("#node-input-url.input-error").hover();
    await page
      .locator(".red-ui-popover", { hasText: "Address: must be an address that begins with http://, https://" })
      .waitFor();
    await cancel(page);
    await edit(page, "usual_haar-detect");
    await page.locator("details.facenet-expert summary").click();
    await write(page, "#node-input-maxSize", "30");
    await page.locator("#node-input-maxSize.input-error").hover();
    await page
      .locator(".red-ui-popover", { hasText: "Largest face: must not be smaller than “Smallest face” (36), as 30 is" })
      .waitFor();
    // The other field decides too, as it stands in the form.
    await write(page, "#node-input-minSize", "20");
    await page.locator("#node-input-maxSize:not(.input-error)").waitFor();
    await cancel(page);
  });

  it("shows what a flow of somebody else has in a field as text, never as HTML", async () => {
    const [answer] = await judge(editor.page, "haar-detect", "minSize", ["<img src=x onerror=alert(1)>"], {});
    assert.equal(answer, 'Smallest face: must be a number, not "‹img src=x onerror=alert(1)›"');
  });

  it("takes a choice and a yes and no from a variable that is written in the form, and gives them back", async () => {
    const { page } = editor;
    const fields = (): Promise<unknown[]> =>
      page.evaluate(() => {
        const node = (globalThis as unknown as Editor).RED.nodes.node("usual_tts-greet");
        return [node["engine"], node["play"]];
      });
    await edit(page, "usual_tts-greet");
    await page.locator("#node-input-engine").selectOption("${}");
    await page.locator("#node-input-engine.input-error").waitFor();
    await page.getByLabel("Engine from a variable").fill("${VOICE_ENGINE}");
    await page.locator("#node-input-engine:not(.input-error)").waitFor();
    await page.getByRole("button", { name: "play it on this computer from a variable" }).click();
    await write(page, "#node-input-play", "loud");
    await page.locator("#node-input-play.input-error").waitFor();
    await write(page, "#node-input-play", "${ALOUD}");
    await page.locator("#node-input-play:not(.input-error)").waitFor();
    await assertAccessible(page, ".red-ui-tray .form-row", "a form with variables");
    await shoot(page, "form-variables-written");
    await done(page);
    assert.deepEqual(await fields(), ["${VOICE_ENGINE}", "${ALOUD}"]);
    await edit(page, "usual_tts-greet");
    await page.locator("#node-input-engine").selectOption("none");
    await page.getByRole("button", { name: "play it on this computer from a variable" }).click();
    await page.locator("#node-input-play").setChecked(false);
    await done(page);
    assert.deepEqual(await fields(), ["none", false]);
  });

  it("keeps every label on one line, and every field of a form inside it", async () => {
    const { page } = editor;
    for (const type of TYPES) {
      await edit(page, `usual_${type}`);
      await page.locator("details.facenet-expert").evaluateAll((folds) => {
        for (const fold of folds) (fold as unknown as { open: boolean }).open = true;
      });
      const wrapped = await page.locator(".red-ui-tray .form-row > label:first-child").evaluateAll((labels) =>
        (
          labels as unknown as {
            offsetHeight: number;
            scrollWidth: number;
            clientWidth: number;
            innerText: string;
          }[]
        )
          .filter(({ offsetHeight, scrollWidth, clientWidth }) => offsetHeight > 30 || scrollWidth > clientWidth + 1)
          .map(({ innerText }) => innerText),
      );
      assert.deepEqual(wrapped, [], type);
      const wide = await page
        .locator(".red-ui-tray .form-row")
        .evaluateAll((rows) =>
          (rows as unknown as { offsetHeight: number; scrollWidth: number; clientWidth: number; innerText: string }[])
            .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
            .map(({ innerText }) => innerText),
        );
      assert.deepEqual(wide, [], type);
      await assertAccessible(page, ".red-ui-tray .form-row", type);
      const [left, under] = await page.locator(".facenet-form").evaluate((form) => {
        const all = [...(form as unknown as HTMLElement).querySelectorAll<HTMLElement>(".form-row")].filter(
          (row) => row.offsetParent !== null,
        );
        const field = all
          .flatMap((row) => [
            ...row.querySelectorAll<HTMLElement>(":scope > label + input[type=text], :scope > label + select"),
          ])
          .find((each) => each.offsetParent !== null);
        return [
          field?.getBoundingClientRect().left,
          all.filter((row) => row.style.marginLeft !== "").map((row) => row.getBoundingClientRect().left),
        ] as const;
      });
      for (const each of under)
        assert.ok(
          left !== undefined && Math.abs(each - left) <= 2,
          `${type}: what stands under a field begins where it does, ${each} and ${left}`,
        );
      await shoot(page, `form-open-${type}`);
      await cancel(page);
    }
  });

  it("cuts no chosen words, and has what belongs to a box in line with it, in a window of 800 pixels", async () => {
    for (const locale of ["en-US", "zh-TW"]) {
      const { context, page } = await openEditor(browser, red, { locale, viewport: { width: 800, height: 900 } });
      for (const type of TYPES) {
        await edit(page, `usual_${type}`);
        await page.locator("details.facenet-expert").evaluateAll((folds) => {
          for (const fold of folds) (fold as unknown as { open: boolean }).open = true;
        });
        const cut = await page.locator(".facenet-form").evaluate((form) => {
          const pen = document.createElement("canvas").getContext("2d");
          return [...form.querySelectorAll("select")].flatMap((select) => {
            const [style, chosen] = [getComputedStyle(select), select.selectedOptions[0]?.text ?? ""];
            if (pen === null || select.offsetParent === null) return [];
            pen.font = style.font;
            const ARROW = 16;
            const room =
              select.clientWidth -
              Number.parseFloat(style.paddingLeft) -
              Number.parseFloat(style.paddingRight) -
              ARROW;
            const needed = pen.measureText(chosen).width;
            return needed > room ? [`${chosen}: ${Math.round(needed)} of ${Math.round(room)} pixels`] : [];
          });
        });
        assert.deepEqual(cut, [], `${type}, ${locale}`);
        const askew = await page.locator(".facenet-form").evaluate((form) =>
          [...form.querySelectorAll<HTMLElement>(".facenet-variable-toggle")].flatMap((toggle) => {
            const box = toggle.parentElement?.querySelector<HTMLElement>("input[type=checkbox]");
            if (toggle.offsetParent === null || !box) return [];
            const [a, b] = [toggle.getBoundingClientRect(), box.getBoundingClientRect()];
            const off = Math.abs((a.top + a.bottom - b.top - b.bottom) / 2);
            return off > 3 ? [`${box.id}: ${off} pixels`] : [];
          }),
        );
        assert.deepEqual(askew, [], `${type}, ${locale}`);
        const [form, tray] = await Promise.all(
          [".facenet-form", ".red-ui-tray"].map((part) => page.locator(part).boundingBox()),
        );
        assert.ok(
          form && tray && form.x + form.width <= tray.x + tray.width,
          `${type}, ${locale}: the form ends at its edge`,
        );
        await shoot(page, `form-800-${locale}-${type}`);
        // Those too that another choice shows.
        const long = await page.locator(".facenet-form .form-row > label:first-child").evaluateAll((labels) =>
          labels.flatMap((label) => {
            if (label.parentElement !== null) label.parentElement.style.display = "block";
            return label.scrollWidth > label.clientWidth + 1 ? [label.textContent] : [];
          }),
        );
        assert.deepEqual(long, [], `${type}, ${locale}`);
        await cancel(page);
      }
      await context.close();
    }
  });

  it("folds the expert fields away, opens them by the keyboard, and by itself where one is filled in", async () => {
    const { page } = editor;
    for (const type of ["facewire-camera", "haar-detect", "facenet-embed", "face-match"]) {
      await edit(page, `usual_${type}`);
      const fold = page.locator("details.facenet-expert");
      const open = (): Promise<boolean> => fold.evaluate((element) => (element as unknown as { open: boolean }).open);
      assert.equal(await open(), false, type);
      assert.equal(await fold.locator("summary").innerText(), "For experts");
      await fold.locator("summary").focus();
      await page.keyboard.press("Enter");
      assert.equal(await open(), true, type);
      await page.keyboard.press("Space");
      assert.equal(await open(), false, type);
      await cancel(page);
      await edit(page, `set_${type}`);
      assert.equal(await open(), true, type);
      await cancel(page);
    }
  });

  it("opens the expert fields when one of them comes to be wrong", async () => {
    const { page } = editor;
    await edit(page, "usual_haar-detect");
    await page.locator("details.facenet-expert summary").click();
    await write(page, "#node-input-maxSize", "100");
    await page.locator("details.facenet-expert summary").click();
    assert.equal(await page.locator("details.facenet-expert[open]").count(), 0);
    await write(page, "#node-input-minSize", "200");
    await page.locator("details.facenet-expert[open] #node-input-maxSize.input-error").waitFor();
    await cancel(page);
  });

  for (const [locale, words] of [
    ["en-US", /^The files in the photo folder are not encrypted: /],
    ["zh-TW", /^照片資料夾中的檔案不會加密/],
  ] as const) {
    it(
      `says in ${locale} that the photo folder stays plain while there is a pass phrase and a folder, and only ` +
        "then",
      async () => {
        const { context, page, complaints } = await openEditor(browser, red, { locale });
        const tip = page.locator("#face-gallery-plain");
        const [key, folder] = ["#node-config-input-key", "#node-config-input-folder"];
        await edit(page, "usual_face-gallery");
        assert.deepEqual(
          [await page.locator(key).inputValue(), await page.locator(folder).inputValue(), await tip.isVisible()],
          ["", "", false],
        );
        for (const [field, text, isShown] of [
          [folder, "photos", false],
          [key, "correct horse", true],
          [folder, "", false],
          [folder, "/srv/photos", true],
          [key, "", false],
        ] as const) {
          await page.locator(field).fill(text);
          await tip.waitFor({ state: isShown ? "visible" : "hidden" });
          if (isShown) assert.match(await tip.locator(".form-tips").innerText(), words);
        }
        await cancel(page);
        // A pass phrase and a folder that are there already.
        await edit(page, "set_face-gallery");
        assert.notEqual(await page.locator(folder).inputValue(), "");
        await page.locator(key).fill("correct horse");
        await tip.waitFor();
        await cancel(page);
        assert.deepEqual(complaints, []);
        await context.close();
      },
    );
  }

  it("says nothing went wrong in the page", () => {
    assert.deepEqual(editor.complaints, []);
  });
});
