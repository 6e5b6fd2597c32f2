/** The Chinese that people read: in forms, the sidebar, help and sentences. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(__dirname, "../..");

/** Every zh-TW text, by its path. */
const texts = ["nodes", "plugins"]
  .flatMap((room) => readdirSync(join(ROOT, room)).map((name) => join(room, name, "locales/zh-TW")))
  .filter((folder) => existsSync(join(ROOT, folder)))
  .concat("lib/words/zh-TW")
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((file) => join(folder, file)))
  .map((path) => [path, readFileSync(join(ROOT, path), "utf8")] as const);

/** What matches, with some words around it. */
const found = (pattern: RegExp): string[] =>
  texts.flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map(({ index }) => `${path}: ${text.slice(Math.max(0, index - 12), index + 16)}`),
  );

describe("the Chinese of forms, sidebar, help and sentences", () => {
  it("calls a network 模型 everywhere, and 網路 only what computers are connected by", () => {
    // 孿生網路: a siamese network, the term of art.
    assert.deepEqual(found(/(?<!孿生|網際)網路(?!攝影機|資料夾)/g), []);
  });

  it("calls the sidebar 側欄 everywhere", () => {
    assert.deepEqual(found(/側邊欄/g), []);
  });

  it("has no space between two Chinese characters, and Chinese marks between them", () => {
    assert.deepEqual(found(/\p{Script=Han} +\p{Script=Han}/gu), []);
    assert.deepEqual(found(/\p{Script=Han} ?[,;:?!(]|[,;?!] ?\p{Script=Han}/gu), []);
  });

  it("puts names that may be Chinese or Latin in brackets between Chinese words", () => {
    // τ of a node is a number.
    assert.deepEqual(found(/(?<!τ )\p{Script=Han} ?__(network|old)__ ?\p{Script=Han}/gu), []);
  });

  it("ends what is unfinished with one …", () => {
    assert.deepEqual(found(/……|\.\.\./g), []);
  });
});
