/** Node-RED's editor in a real browser. Needs Chromium (CHROMIUM names it, else /usr/bin/chromium). */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
  type Response as PageResponse,
} from "playwright-core";
import { checkAnswer } from "./api";
import { eventually } from "./node-red";

const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];
/** Screenshots to look at, where a folder is named. */
const SHOTS = process.env["SCREENSHOTS"];
/** Two cores run Node-RED, the workers and the browser. */
const PATIENCE_MS = 180_000;
const AXE = readFileSync(createRequire(__filename).resolve("axe-core/axe.min.js"), "utf8");

/** Of every page that a test file opened. */
const everyComplaint: string[] = [];

// Whatever a test looks at: a page that complains fails the file.
after(() => {
  assert.deepEqual(everyComplaint, [], "what pages complained of");
});

/** Answers that tests ask for: what the page then shows is looked at by them. */
const ANSWERED = /^Failed to load resource/;

/**
 * Node-RED 5.0 shows its tips by a timer, in an element that it has no more: after a quarter of a minute, and not
 * each time. Nothing of ours takes part.
 */
const isOfTips = ({ message, stack = "" }: Error): boolean =>
  message === "Cannot read properties of undefined (reading 'html')" &&
  stack
    .split("\n")
    .slice(1)
    .every((line) => /\/(?:red|vendor)\//.test(line));

const saidOf = ({ message, stack }: Error): string => stack ?? message;

/** Listen to errors of every page, to what it writes as errors, and to what the server could not answer. */
function listen(context: BrowserContext): void {
  context.on("weberror", (thrown) => {
    const error = thrown.error();
    if (!isOfTips(error)) everyComplaint.push(saidOf(error));
  });
  context.on("console", (message) => {
    if (message.type() === "error" && !ANSWERED.test(message.text())) everyComplaint.push(message.text());
  });
  context.on("response", (response) => {
    const { pathname } = new URL(response.url());
    // A fault inside; or scripts, styles, icons and words of ours.
    if (response.status() === 500 || (response.status() === 404 && pathname.startsWith("/resources/")))
      everyComplaint.push(`${response.status()} of ${pathname}`);
  });
}

export async function launch(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: FLAGS });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    listen(context);
    return context;
  };
  return browser;
}

export interface OpenEditor {
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page. */
  complaints: string[];
}

export interface EditorOptions {
  locale?: string;
  /** Pixels. */
  viewport?: { width: number; height: number };
  /** Node-RED 5 has a dark theme; it follows the system's where people have set it so. */
  colorScheme?: "light" | "dark";
}

/**
 * A browser's tab that showed an editor, for the next one. A tab that has read Node-RED's scripts opens it with a
 * quarter of the work of a new one.
 */
interface Tab {
  context: BrowserContext;
  page: Page;
  /** Of the editor that it shows just now. */
  complaints: string[];
}

/** Tabs that show nothing, by browser and by what they were made for. */
const idleTabs = new WeakMap<Browser, Map<string, Tab[]>>();

function idleOf(browser: Browser, options: EditorOptions): Tab[] {
  const tabs = idleTabs.get(browser) ?? new Map<string, Tab[]>();
  idleTabs.set(browser, tabs);
  const key = JSON.stringify(options);
  const idle = tabs.get(key) ?? [];
  tabs.set(key, idle);
  return idle;
}

async function openTab(browser: Browser, options: EditorOptions, idle: Tab[]): Promise<Tab> {
  const context = await browser.newContext({ ...options, acceptDownloads: true });
  // The page before the first has no place to keep it.
  await context.addInitScript('if (origin !== "null") localStorage.setItem("view-dark-theme", "auto")');
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const tab: Tab = { context, page, complaints: [] };
  page.on("pageerror", (error) => {
    if (!isOfTips(error)) tab.complaints.push(saidOf(error));
  });
  page.on("response", (answer) => {
    const { complaints } = tab;
    checkShown(answer).catch((error: unknown) => {
      complaints.push(String(error));
      everyComplaint.push(String(error));
    });
  });
  // Whoever closes it gives it back.
  const close = context.close.bind(context);
  context.close = async () => {
    if (await empty(tab)) idle.push(tab);
    else await close();
  };
  return tab;
}

/** Leave nothing of what a tab showed. @returns false where it cannot be used again */
async function empty({ context, page }: Tab): Promise<boolean> {
  if (page.isClosed() || context.pages().length > 1) return false;
  const { origin } = new URL(page.url());
  if (origin === "null") return false;
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.clearPermissions();
  await page.evaluate("sessionStorage.clear()");
  await page.goto("about:blank");
  const session = await context.newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "cookies,local_storage,indexeddb" });
  await session.detach();
  return true;
}

/** The editor, loaded, with what it complained of. Closing its context gives the tab back. */
export async function openEditor(
  browser: Browser,
  red: { url: string },
  { locale = "en-US", viewport = { width: 1500, height: 900 }, colorScheme = "light" }: EditorOptions = {},
): Promise<OpenEditor> {
  const options = { locale, viewport, colorScheme };
  const idle = idleOf(browser, options);
  const tab = idle.pop() ?? (await openTab(browser, options, idle));
  const { context, page } = tab;
  const complaints: string[] = [];
  tab.complaints = complaints;
  await page.setViewportSize(viewport);
  await page.goto(red.url);
  await page.locator(".red-ui-palette-node").first().waitFor();
  await page.locator(".red-ui-workspace-chart-event-layer, #red-ui-workspace-chart").first().waitFor();
  // The flows come last; there is always one.
  await page.waitForFunction("globalThis.RED?.workspaces?.active()");
  return { context, page, complaints };
}

/** What the API answers to the editor is as it is described. */
async function checkShown(answer: PageResponse): Promise<void> {
  const headers = answer.headers();
  if (!headers["content-type"]?.startsWith("application/json")) return;
  // A page that is left takes its answers with it.
  const body = await answer.body().catch(() => undefined);
  if (body !== undefined)
    await checkAnswer(
      answer.request().method(),
      answer.url(),
      new Response(new Uint8Array(body), { status: answer.status(), headers }),
    );
}

/** Open the import dialog at the examples of this package. @returns the tree in it */
export async function openExamples(page: Page): Promise<Locator> {
  await page.keyboard.press("Control+i");
  await page
    .locator("#red-ui-clipboard-dialog-import-tab-examples, a[href='#red-ui-clipboard-dialog-import-tab-examples']")
    .first()
    .waitFor({ state: "attached" });
  await page
    .locator(
      "[href='#red-ui-clipboard-dialog-import-tab-examples'], #red-ui-clipboard-dialog-import-tabs >> text=Examples",
    )
    .first()
    .click();
  const tree = page.locator("#red-ui-clipboard-dialog-import-tab-examples");
  await tree.getByText("@facewire/node-red-facenet", { exact: false }).click();
  return tree;
}

/** Import an example by its name in the dialog, "04 - recommended" say. */
export async function importExample(page: Page, label: string): Promise<void> {
  const tree = await openExamples(page);
  const entry = tree.getByText(label, { exact: true });
  // The editor fills the tree anew when its list comes, which takes back what was opened and chosen before. A click on
  // a folder whose list is still on its way would close what is not there yet, of which the editor complains.
  const SOON = { timeout: 5000 };
  await eventually("the example is chosen", async () => {
    try {
      await entry.waitFor(SOON);
    } catch {
      await tree.getByText("@facewire/node-red-facenet", { exact: false }).click();
      return undefined;
    }
    try {
      await entry.click(SOON);
      // Two clicks close together would be a double click, which imports.
      await page.locator("#red-ui-clipboard-dialog-ok:enabled").waitFor(SOON);
      return true;
    } catch {
      return undefined;
    }
  });
  await page.locator("#red-ui-clipboard-dialog-ok").click();
}

/** What shows people in the editor. */
const FACES = `.facenet-sidebar img, .facenet-sidebar canvas, .facenet-dialog-frame img, .facenet-dialog-frame canvas,
  #red-ui-workspace-chart image { filter: blur(7px) !important; }`;

/** Before a picture that is kept in the project: nobody's face is in it. */
export async function blurFaces(page: Page): Promise<void> {
  await page.addStyleTag({ content: FACES });
}

/** Keep a picture of the page, for people. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  // Trays slide in and messages fade; a picture for people waits for that.
  const SETTLE_MS = 800;
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

declare const document: { querySelector(selector: string): unknown };

interface Axe {
  axe: { run(scope: object, options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
}

/** Node-RED's own, which names neither its icons nor the inner field of its typed inputs. */
const NOT_OURS = [
  "a[id$='-btn-gallery-edit']",
  "a[id$='-btn-gallery-add']",
  ".red-ui-typedInput-container",
  ".red-ui-editableList-item-remove",
];

/** Nothing in this part of the page that a screen reader or a keyboard stumbles over. */
export async function assertAccessible(page: Page, scope: string, what: string): Promise<void> {
  await page.evaluate(AXE);
  const violations = await page.evaluate(
    async ([include, exclude]) => {
      const found = await (globalThis as unknown as Axe).axe.run(
        { include, exclude: exclude.filter((selector) => document.querySelector(selector) !== null) },
        { resultTypes: ["violations"] },
      );
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    },
    [scope, NOT_OURS] as const,
  );
  assert.deepEqual(violations, [], what);
}
