/**
 * Follows a guide of docs/guides as its reader does: in a real browser, from a Node-RED in which nothing is but the
 * package. Whatever is pressed or written must stand in the guide, so that it cannot say something else than is there.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { blurFaces, importExample, launch, type OpenEditor, openEditor } from "../support/editor";
import { cutOut, PORTRAITS } from "../support/photos";
import { type NodeRed, startNodeRed, type StartOptions } from "../support/node-red";

const GUIDES = join(__dirname, "../../docs/guides");
const PICTURES = join(GUIDES, "pictures");
/** Takes the guides' pictures anew: `npm run guides -- --pictures`. */
const KEEPS_PICTURES = process.env["GUIDE_PICTURES"] === "1";
/** Of what slides in or fades. */
const SETTLE_MS = 900;
const VIEWPORT = { width: 1280, height: 720 };
/** What is used here of the editor's own objects. */
interface Editor {
  RED: {
    actions: { invoke(action: string): void };
    sidebar: { show(id: string): void };
    nodes: { filterNodes(by: { type: string }): { id: string }[]; node(id: string): object };
    editor: { edit(node: unknown): void };
  };
}

/** Pictures of somebody who moves a little: a picture that stays as it is tells nothing new. */
export async function moving(who: keyof typeof PORTRAITS): Promise<Buffer[]> {
  const { photo, left, top, width, height } = PORTRAITS[who];
  const STEPS = [0, 9, 21, 34];
  return Promise.all(STEPS.map((step) => cutOut(photo, left + step, top + step, width, height)));
}

export class Reader {
  readonly #text: string;

  private constructor(
    readonly guide: string,
    readonly red: NodeRed,
    readonly browser: Browser,
    readonly editor: OpenEditor,
  ) {
    this.#text = readFileSync(join(GUIDES, `${guide}.md`), "utf8").replace(/\s+/g, " ");
  }

  /** Begins with an empty Node-RED. @param guide the name of its file without the ending */
  static async begin(guide: string, options: StartOptions = {}): Promise<Reader> {
    const red = await startNodeRed([], options);
    const browser = await launch();
    const editor = await openEditor(browser, red, { viewport: VIEWPORT });
    await blurFaces(editor.page);
    // Room for whole flows in the pictures.
    await editor.page.evaluate(() => {
      const { actions } = (globalThis as unknown as Editor).RED;
      for (const action of ["core:toggle-palette", "core:zoom-out", "core:zoom-out", "core:zoom-out"])
        actions.invoke(action);
    });
    return new Reader(guide, red, browser, editor);
  }

  /** Goes on with the next guide in the same Node-RED. */
  turnsTo(guide: string): Reader {
    return new Reader(guide, this.red, this.browser, this.editor);
  }

  get page(): Page {
    return this.editor.page;
  }

  /** It stands in the guide, in bold, in italics, or as code. @returns the same */
  reads(words: string): string {
    assert.ok(
      [`**${words}**`, `*${words}*`, `\`${words}\``].some((marked) => this.#text.includes(marked)),
      `${this.guide}.md does not say "${words}"`,
    );
    return words;
  }

  /**
   * Menu → Import → Examples, then look at the flow that came.
   * @param example as the guide names it, without its number
   * @param tab that it makes
   */
  async imports(example: string, number: string, tab: string): Promise<void> {
    for (const words of ["Import", "Examples", "@facewire/node-red-facenet", example]) this.reads(words);
    await importExample(this.page, `${number} - ${example}`);
    await this.page
      .locator(".red-ui-tab-label", { hasText: this.reads(tab) })
      .first()
      .click();
  }

  /** … where its gallery is there already. */
  async importsAnother(example: string, number: string, tab: string): Promise<void> {
    for (const words of ["Import", "Examples", "@facewire/node-red-facenet", example]) this.reads(words);
    await importExample(this.page, `${number} - ${example}`);
    await this.page.getByRole("button", { name: this.reads("Import copy") }).click();
    await this.page
      .locator(".red-ui-tab-label", { hasText: this.reads(tab) })
      .first()
      .click();
  }

  /** Open the form of the only node of a type, as a double click does. */
  async opens(type: string): Promise<void> {
    await this.page.evaluate((wanted) => {
      const { RED } = globalThis as unknown as Editor;
      const [found] = RED.nodes.filterNodes({ type: wanted });
      if (found === undefined) throw new Error(`no ${wanted} in the flow`);
      RED.editor.edit(RED.nodes.node(found.id));
    }, type);
    await this.page.locator(".red-ui-tray .form-row").first().waitFor();
    await this.page.locator(".red-ui-tray :focus").waitFor();
  }

  /** Write into a field of the open form. @param label the field's, as it stands in the guide */
  async writes(label: string, field: string, text: string): Promise<void> {
    this.reads(label);
    await this.page.locator(field).fill(text);
    await this.page.locator(field).press("Tab");
  }

  async chooses(label: string, field: string, value: string): Promise<void> {
    this.reads(label);
    await this.page.locator(field).selectOption(value);
  }

  /** Press Done. */
  async done(): Promise<void> {
    this.reads("Done");
    await this.page.locator("#node-dialog-ok, #node-config-dialog-ok").first().click();
    await this.page.locator(".red-ui-tray").waitFor({ state: "detached" });
  }

  /** Press Deploy, and wait until it is done. */
  async deploys(): Promise<void> {
    this.reads("Deploy");
    const deployed = this.page.waitForResponse(
      (answer) => answer.url().endsWith("/flows") && answer.request().method() === "POST",
    );
    await this.page.locator("#red-ui-header-button-deploy").click();
    assert.ok((await deployed).ok());
    const anyway = this.page.locator(".red-ui-notification", { hasText: "successfully deployed" });
    await anyway.first().waitFor({ state: "hidden" });
  }

  /** Open the tab Faces of the sidebar at one of its sections. */
  async facesAt(section: string, label: string): Promise<Locator> {
    this.reads("Faces");
    this.reads(label);
    await this.page.evaluate(() => {
      (globalThis as unknown as Editor).RED.sidebar.show("facenet");
    });
    await this.page.locator(`#facenet-tab-${section}`).click();
    return this.page.locator(".facenet-sidebar");
  }

  /** Add a person with a photo in the sidebar's People. */
  async addsPerson(name: string, photo: Buffer): Promise<void> {
    await this.facesAt("people", "People");
    this.reads("Add a person");
    await this.page.locator(".facenet-do-add").click();
    await this.page.locator(".facenet-dialog-frame input").fill(name);
    await this.page.keyboard.press("Enter");
    await this.page.locator(".facenet-person-head h2", { hasText: name }).waitFor();
    await this.page
      .locator(".facenet-drop input")
      .setInputFiles({ name: `${name}.jpg`, mimeType: "image/jpeg", buffer: photo });
    await this.page
      .locator(".facenet-upload", { hasText: name })
      .last()
      .locator("progress")
      .waitFor({ state: "hidden" });
  }

  /** A picture of what the reader sees; it must be shown in the guide. */
  async sees(picture: string): Promise<void> {
    assert.ok(this.#text.includes(`](pictures/${this.guide}-${picture}.png)`), `${this.guide}.md shows no ${picture}`);
    if (!KEEPS_PICTURES) return;
    mkdirSync(PICTURES, { recursive: true });
    await this.page.waitForTimeout(SETTLE_MS);
    await this.page.screenshot({ path: join(PICTURES, `${this.guide}-${picture}.png`) });
  }

  /** @throws if the page complained of anything */
  async ends(): Promise<void> {
    await this.browser.close();
    await this.red.stop();
    assert.deepEqual(this.editor.complaints, []);
  }
}
