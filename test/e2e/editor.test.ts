/**
 * The editor in a real browser. Needs Chromium (CHROMIUM names it, else /usr/bin/chromium); run by `npm run test:e2e`.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { importExample, launch, openEditor, openExamples, shoot } from "../support/editor";
import { portrait } from "../support/photos";
import { eventually, type NodeRed, startNodeRed } from "../support/node-red";

const TYPES = [
  "facewire-camera",
  "haar-detect",
  "face-detect",
  "facenet-embed",
  "face-match",
  "tts-greet",
  "face-annotate",
];

describe("the examples", () => {
  it(
    "stand on one level in the order of learning, and two that are imported one after the other share one " +
      "gallery",
    async () => {
      const red = await startNodeRed([]);
      const browser = await launch();
      try {
        const { page, complaints } = await openEditor(browser, red);
        const names = readdirSync(join(__dirname, "../../examples"))
          .map((file) => file.replace(/\.json$/, ""))
          .sort();
        const tree = await openExamples(page);
        await tree.getByText(names[0] as string, { exact: true }).waitFor();
        const listed = (await tree.locator(".red-ui-treeList-label").allInnerTexts()).map((text) => text.trim());
        assert.deepEqual(
          listed.filter((text) => /^\d+ - /.test(text)),
          names,
        );
        await page.keyboard.press("Escape");
        await page.locator("#red-ui-clipboard-dialog").waitFor({ state: "hidden" });
        await importExample(page, names[2] as string);
        await page.locator(".red-ui-tab-label", { hasText: "Face recognizer" }).first().waitFor();
        await importExample(page, names[6] as string);
        // The gallery is there already: the second asks, and the copy that it offers is of the nodes, not of the
        // gallery.
        await page.getByRole("button", { name: "Import copy" }).click();
        await page.locator(".red-ui-tab-label", { hasText: "Recognize a photo over HTTP" }).first().waitFor();
        await page.locator("#red-ui-header-button-deploy").click();
        const flows = await eventually("the deploy", async () => {
          const deployed = (await (await fetch(`${red.url}/flows`)).json()) as {
            id: string;
            type: string;
            gallery?: string;
          }[];
          return deployed.length > 0 ? deployed : undefined;
        });
        assert.deepEqual(
          flows.filter(({ type }) => type === "face-gallery").map(({ id }) => id),
          ["facewire_gallery"],
        );
        assert.deepEqual(
          flows.filter(({ type }) => type === "face-match").map(({ gallery }) => gallery),
          ["facewire_gallery", "facewire_gallery"],
        );
        assert.deepEqual(complaints, []);
      } finally {
        await browser.close();
        await red.stop();
      }
    },
  );
});

describe("the editor", () => {
  let browser: Browser;
  let red: NodeRed;
  let people: string;
  before(async () => {
    browser = await launch();
    people = mkdtempSync(join(tmpdir(), "people-"));
    writeFileSync(join(people, "Alice.jpg"), await portrait("green"));
    red = await startNodeRed([]);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("imports the recognizer from the dialog, deploys it and shows its forms", async () => {
    const { context, page, complaints } = await openEditor(browser, red);
    for (const type of TYPES)
      assert.equal(await page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`).count(), 1, type);
    await importExample(page, "03 - full recognizer");
    await page.locator(".red-ui-tab-label", { hasText: "Face recognizer" }).first().click();
    await shoot(page, "flow-imported");
    for (const id of ["fr_camera", "fr_detect", "fr_embed", "fr_match", "fr_greet", "fr_annotate"]) {
      await page.evaluate((node) => {
        const { RED } = globalThis as unknown as {
          RED: {
            editor: { edit(node: unknown): void };
            nodes: { node(id: string): unknown; eachNode(each: (node: { type: string; id: string }) => void): void };
          };
        };
        const types: Record<string, string> = {
          fr_camera: "facewire-camera",
          fr_detect: "haar-detect",
          fr_embed: "facenet-embed",
          fr_match: "face-match",
          fr_greet: "tts-greet",
          fr_annotate: "face-annotate",
        };
        // Imported nodes get new ids.
        let found: unknown;
        RED.nodes.eachNode((each) => {
          if (each.type === types[node]) found = each;
        });
        RED.editor.edit(found);
      }, id);
      const tray = page.locator(".red-ui-tray");
      await tray.locator(".form-row").first().waitFor();
      const text = await tray.innerText();
      assert.doesNotMatch(
        text,
        /[a-z]+-[a-z]+\.(label|source|engine|mode|model|preset)\./,
        `${id} shows a key instead of a text`,
      );
      await shoot(page, `form-${id}`);
      await page.locator("#node-dialog-cancel").click();
      await tray.waitFor({ state: "detached" });
    }
    await page.locator("#red-ui-header-button-deploy").click();
    // There is no webcam here: the badge says so and the flow goes on.
    await page.locator(".red-ui-flow-node-status-label", { hasText: "lost" }).first().waitFor();
    await page.locator(".red-ui-flow-node-status-label", { hasText: "ready" }).first().waitFor();
    await shoot(page, "flow-deployed");
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("keeps the search of a flow of earlier times, and sets the presets", async () => {
    const { context, page, complaints } = await openEditor(browser, red);
    type Fields = Record<string, unknown>;
    const search = (action: "import" | "edit" | "read"): Promise<unknown> =>
      page.evaluate((wanted) => {
        const { RED } = globalThis as unknown as {
          RED: {
            editor: { edit(node: unknown): void };
            view: { importNodes(nodes: Fields[], options: object): void };
            nodes: { filterNodes(filter: object): Fields[] };
          };
        };
        if (wanted === "import") {
          RED.view.importNodes(
            [
              {
                id: "earlier",
                type: "haar-detect",
                name: "earlier",
                cascade: "frontalface_default",
                scaleFactor: "1.1",
                minNeighbors: "5",
                minSize: "40",
                workingWidth: "",
                wires: [[]],
                x: 200,
                y: 600,
              },
            ],
            { touchImport: true, generateIds: true },
          );
          return undefined;
        }
        const node = RED.nodes.filterNodes({ type: "haar-detect" }).find(({ name }) => name === "earlier");
        if (wanted === "edit") return RED.editor.edit(node);
        return ["scaleFactor", "minNeighbors", "workingWidth", "workingWidthType", "tracking", "motionGate"].map(
          (field) => node?.[field],
        );
      }, action);
    const save = async (): Promise<void> => {
      await page.locator("#node-dialog-ok").click();
      await page.locator(".red-ui-tray").waitFor({ state: "detached" });
    };
    await search("import");
    await search("edit");
    assert.match(await page.locator(".red-ui-tray").innerText(), /that of the picture/);
    await save();
    assert.deepEqual(await search("read"), ["1.1", "5", "", "whole", true, false]);
    await search("edit");
    await page.locator("#haar-detect-preset-tracking").click();
    await page.locator(".red-ui-tray").getByText("from the smallest face").waitFor();
    await shoot(page, "form-haar-detect-tracking");
    await save();
    assert.deepEqual(await search("read"), ["1.1", "3", "", "auto", true, true]);
    await search("edit");
    await page.locator("#haar-detect-preset-original").click();
    await save();
    assert.deepEqual(await search("read"), ["1.3", "5", "", "whole", false, false]);
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("speaks Traditional Chinese", async () => {
    const { context, page, complaints } = await openEditor(browser, red, { locale: "zh-TW" });
    await page.locator(".red-ui-tab-label", { hasText: "Face recognizer" }).first().click();
    await page.evaluate(() => {
      const { RED } = globalThis as unknown as {
        RED: {
          editor: { edit(node: unknown): void };
          nodes: { eachNode(each: (node: { type: string }) => void): void };
        };
      };
      let found: unknown;
      RED.nodes.eachNode((each) => {
        if (each.type === "face-match") found = each;
      });
      RED.editor.edit(found);
    });
    await page.locator(".red-ui-tray .form-row").first().waitFor();
    assert.match(await page.locator(".red-ui-tray").innerText(), /誤認陌生人/);
    await shoot(page, "form-face-match-zh-TW");
    await page.locator("#node-dialog-cancel").click();
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe("the browser's camera", () => {
  let browser: Browser;
  let red: NodeRed;
  before(async () => {
    browser = await launch();
    red = await startNodeRed([
      { id: "tab", type: "tab", label: "t" },
      {
        id: "cam",
        type: "facewire-camera",
        z: "tab",
        name: "phone",
        source: "browser",
        autostart: true,
        width: "",
        height: "",
        fps: "",
        output: "jpeg",
        wires: [["count"], []],
      },
      {
        id: "count",
        type: "function",
        z: "tab",
        func: "flow.set('frames', (flow.get('frames') || 0) + 1); flow.set('width', msg.frame.width); return null;",
        outputs: 1,
        wires: [[]],
      },
      { id: "in", type: "http in", z: "tab", url: "/count", method: "get", wires: [["ask"]] },
      {
        id: "ask",
        type: "function",
        z: "tab",
        func: "msg.payload = { frames: flow.get('frames') || 0, width: flow.get('width') }; return msg;",
        outputs: 1,
        wires: [["out"]],
      },
      { id: "out", type: "http response", z: "tab", wires: [] },
    ]);
  });
  after(async () => {
    await browser.close();
    await red.stop();
  });

  it("sends frames from a page", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${red.url}/facenet/camera/cam`);
    await page.locator("#toggle").click();
    const { width } = await eventually("ten frames", async () => {
      const count = (await (await fetch(`${red.url}/count`)).json()) as { frames: number; width: number };
      return count.frames >= 10 ? count : undefined;
    });
    assert.equal(width, 640);
    await shoot(page, "browser-camera");
  });

  for (const [locale, lang, title, start, denied, busy, secure] of [
    ["en-GB", "en", "Browser camera", "Start", /may not be used/, /another program/, /https/],
    ["zh-TW", "zh-TW", "瀏覽器攝影機", "開始", /無法使用攝影機：/, /其他程式/, /安全的頁面.*https/],
  ] as const)
    it(`speaks the browser's language to whoever stands before it: ${locale}`, async () => {
      const context = await browser.newContext({ locale });
      const page = await context.newPage();
      await page.goto(`${red.url}/facenet/camera/cam`);
      assert.equal(await page.getAttribute("html", "lang"), lang);
      assert.equal(await page.title(), title);
      assert.equal(await page.locator("#toggle").textContent(), start);
      const fails = (name: string): Promise<void> =>
        page.evaluate((kind) => {
          const { navigator, DOMException: Thrown } = globalThis as unknown as {
            navigator: { mediaDevices: { getUserMedia: () => Promise<never> } };
            DOMException: new (message: string, name: string) => Error;
          };
          navigator.mediaDevices.getUserMedia = () => Promise.reject(new Thrown("Permission denied", kind));
        }, name);
      for (const [name, said] of [
        ["NotAllowedError", denied],
        ["NotReadableError", busy],
        ["AbortError", /\(AbortError\)|（AbortError）/],
      ] as const) {
        await fails(name);
        await page.locator("#toggle").click();
        await page.locator("#state", { hasText: said }).waitFor();
      }
      assert.doesNotMatch((await page.locator("#state").textContent()) ?? "", /Permission denied/);
      await page.evaluate(() =>
        Object.defineProperty((globalThis as unknown as { navigator: object }).navigator, "mediaDevices", {
          value: undefined,
        }),
      );
      await page.locator("#toggle").click();
      await page.locator("#state", { hasText: secure }).waitFor();
      await context.close();
    });
});

describe("with a login", () => {
  let red: NodeRed;
  before(async () => {
    red = await startNodeRed(
      [
        { id: "tab", type: "tab", label: "t" },
        {
          id: "cam",
          type: "facewire-camera",
          z: "tab",
          name: "phone",
          source: "browser",
          autostart: true,
          width: "",
          height: "",
          fps: "",
          output: "jpeg",
          wires: [[], []],
        },
        { id: "gal", type: "face-gallery", name: "g", folder: "", model: "dlib-resnet-v1" },
      ],
      {
        // bcrypt of "password"; the user may only read what is not ours
        settings:
          'adminAuth: { type: "credentials", users: [{ username: "me", password: ' +
          'require("bcryptjs").hashSync("password", 4), permissions: "*" }] },',
        env: { NODE_PATH: join(__dirname, "../../node_modules") },
      },
    );
  });
  after(() => red.stop());

  it("answers nobody who is not logged in, on any route that tells or takes something", async () => {
    const status = async (method: string, path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(`${red.url}${path}`, { method, headers, ...(method === "POST" ? { body: "x" } : {}) })).status;
    const ROUTES = [
      ["POST", "/facenet/camera/cam/frame"],
      ["GET", "/facenet/devices"],
      ["GET", "/facenet/api/gal/people"],
      ["POST", "/facenet/preview/face-match/x"],
      ["GET", "/facenet/voices"],
      ["POST", "/facenet/preview/face-annotate/x"],
    ] as const;
    for (const [method, path] of ROUTES) assert.equal(await status(method, path), 401, path);
    const login = await fetch(`${red.url}/auth/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        client_id: "node-red-admin",
        grant_type: "password",
        scope: "*",
        username: "me",
        password: "password",
      }),
    });
    const { access_token: token } = (await login.json()) as { access_token: string };
    assert.equal(await status("GET", "/facenet/api/gal/people", { Authorization: `Bearer ${token}` }), 200);
    assert.equal(
      await status("POST", "/facenet/camera/cam/frame", {
        Authorization: `Bearer ${token}`,
        "Content-Type": "image/jpeg",
      }),
      400,
    );
  });

  it("lets the camera page send with the editor's own login, and says when there is none", async () => {
    const login = await fetch(`${red.url}/auth/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        client_id: "node-red-editor",
        grant_type: "password",
        scope: "",
        username: "me",
        password: "password",
      }),
    });
    const tokens = await login.text();
    const browser = await launch();
    try {
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${red.url}/facenet/camera/cam`);
      await page.locator("#toggle").click();
      await page.locator("#state", { hasText: "Log in to the Node-RED editor" }).waitFor();
      await page.evaluate((text) => {
        (
          globalThis as unknown as { localStorage: { setItem(key: string, value: string): void } }
        ).localStorage.setItem("auth-tokens", text);
      }, tokens);
      await page.locator("#state", { hasText: "frames sent" }).waitFor();
    } finally {
      await browser.close();
    }
  });
});
