/** Every help text as Node-RED shows it: with the markdown of the editor that is tested with. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { createContext, runInContext } from "node:vm";
import { NODE_RED } from "../support/node-red";

const ROOT = join(__dirname, "../..");
const LANGUAGES = ["en-US", "zh-TW"];

/** The text from the one mark to the other. @throws where the editor is built otherwise */
function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  if (start < 0 || end < 0) throw new Error(`this Node-RED's editor has no ${from} … ${to}`);
  return text.slice(start, end);
}

/**
 * RED.utils.renderMarkdown of this Node-RED's own editor, without the rest of it; only DOMPurify, which needs a
 * document, is left out.
 */
function editorsMarkdown(): (markdown: string) => string {
  const runtime = createRequire(join(NODE_RED, "package.json"));
  const editor = join(
    dirname(
      createRequire(runtime.resolve("@node-red/editor-api/package.json")).resolve(
        "@node-red/editor-client/package.json",
      ),
    ),
    "public",
  );
  const marked = between(
    readFileSync(join(editor, "vendor/vendor.js"), "utf8"),
    "/**\n * marked v",
    "/*! @license DOMPurify",
  );
  const utils = between(readFileSync(join(editor, "red/red.js"), "utf8"), "RED.utils = (function", "\n})();");
  const page: Record<string, unknown> = { RED: {}, DOMPurify: { sanitize: (html: string) => html }, btoa, console };
  page["window"] = page;
  createContext(page);
  runInContext(`${marked};\n${utils}\n})();`, page);
  const { utils: its } = page["RED"] as { utils: { renderMarkdown(text: string): string } };
  return (markdown) => its.renderMarkdown(markdown);
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };

/** What a reader reads of this HTML. */
function textOf(html: string): string {
  return html
    .replace(/<\/?[a-z][^>]*>/g, " ")
    .replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => ENTITIES[name] ?? "");
}

/** What the markdown says, without its marks. */
function textOfMarkdown(markdown: string): string {
  return markdown
    .replace(/^: (.+?) \((.+?)\) :/gm, "$1 $2")
    .replace(/^\s*(#+|\d+\.|-) /gm, "")
    .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replace(/\*\*([^*]+)\*\*/g, "$1")
    .replace(/\*([^*\s][^*]*)\*/g, "$1")
    .replace(/^```\w*$/gm, "")
    .replace(/`/g, "");
}

/** Spaces aside: the renderer puts some between blocks. */
const letters = (text: string): string => text.replace(/\s+/g, "");

const markdownOf = (type: string, language: string): string =>
  readFileSync(join(ROOT, "nodes", type, "locales", language, `${type}.html`), "utf8").replace(
    /^<script[^>]*>\n|<\/script>\s*$/g,
    "",
  );

const types = readdirSync(join(ROOT, "nodes")).filter((type) => existsSync(join(ROOT, "nodes", type, `${type}.html`)));

describe("help", () => {
  let render: (markdown: string) => string;
  before(() => {
    render = editorsMarkdown();
  });

  for (const type of types) {
    for (const language of LANGUAGES) {
      it(`shows every word of ${type} in ${language}`, () => {
        const markdown = markdownOf(type, language);
        assert.equal(letters(textOf(render(markdown))), letters(textOfMarkdown(markdown)));
      });

      it(`shows the inputs and outputs of ${type} in ${language} as a list, one a line`, () => {
        const markdown = markdownOf(type, language);
        const lines = markdown.match(/^: /gm)?.length ?? 0;
        const html = render(markdown);
        assert.equal(html.match(/<dt>/g)?.length ?? 0, lines);
        assert.equal(html.match(/<dd>(?=\S)/g)?.length ?? 0, lines);
        // One with a colon too many stands below the editor's list, without its frame.
        assert.doesNotMatch(html.replace(/<dl class="message-properties">.*?<\/dl>/gs, ""), /<d[tl]/);
      });
    }

    it(`tells of the same inputs and outputs of ${type} in every language`, () => {
      const named = LANGUAGES.map((language) =>
        [...markdownOf(type, language).matchAll(/^: (\S+ \(\w+\)) :/gm)].map(([, name]) => name),
      );
      assert.deepEqual(named[1], named[0]);
    });
  }
});
