/** The English that people read: in forms, the sidebar, help and the documents. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(__dirname, "../..");

const inFolder = (folder: string): string[] => readdirSync(join(ROOT, folder)).map((file) => join(folder, file));
const paths = ["nodes", "plugins"]
  .flatMap((room) => inFolder(room).map((name) => join(name, "locales/en-US")))
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap(inFolder)
  .concat(inFolder("lib/words/en-US"))
  .concat(
    "README.md",
    inFolder("docs").filter((path) => path.endsWith(".md")),
  );

/** Every text that people read: what is code (keys, places to fill, `fields`, addresses) is not. */
const texts = paths.map((path) => {
  const text = readFileSync(join(ROOT, path), "utf8")
    .replace(/^```[^]*?^```/gm, "")
    .replace(/(?<!: )`[^`\n]*`|__\w+__|\]\([^)]*\)/g, "")
    .replace(/\{\w+\}/g, "")
    .replace(/<code>.*?<\/code>/g, "");
  return [path, path.endsWith(".json") ? text.replace(/"[\w-]+":/g, "") : text] as const;
});

describe("the English of forms, sidebar, help and documents", () => {
  it("calls what embeds or finds faces a model everywhere, and a network only what computers are connected by", () => {
    // A siamese network, the term of art; and a licence that tells a network from its weights.
    const others = /(?<!siamese |from the |name this )\bnetworks?\b(?! (?:and weights|streams?|folders?|drives?))/gi;
    assert.deepEqual(
      texts.flatMap(([path, text]) =>
        [...text.matchAll(others)].map(({ index }) => `${path}: ${text.slice(Math.max(0, index - 30), index + 30)}`),
      ),
      [],
    );
  });
});
