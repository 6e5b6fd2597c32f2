/** What is said to people, in each language. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { reasonOf, sentenceOf, UserError } from "../../lib/errors";
import { keysOf, languageOf, LANGUAGES, phrase, PLACEHOLDER, textOf } from "../../lib/words/sentence";

const ROOT = join(__dirname, "../..");
const sources = ["lib", "api", "nodes"]
  .flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" }).map((path) => join(room, path)),
  )
  .filter((path) => path.endsWith(".ts") && !path.startsWith(join("lib", "words")))
  .map((path) => [path, readFileSync(join(ROOT, path), "utf8")] as const);

/** UserError and every class that is one and takes a key first. */
function userErrors(): string {
  const names = new Set(["UserError"]);
  for (let before = 0; before < names.size;) {
    before = names.size;
    for (const [, text] of sources)
      for (const [, name = "", of = ""] of text.matchAll(/class (\w+) extends (\w+)/g))
        if (names.has(of)) names.add(name);
  }
  return [...names].join("|");
}

const placeholdersOf = (text: string): string[] => [...text.matchAll(PLACEHOLDER)].map(([place]) => place).sort();

describe("sentences for people", () => {
  it("has every sentence in every language, with the same placeholders", () => {
    const keys = keysOf("en-US");
    assert.ok(keys.length > 0);
    for (const language of LANGUAGES) {
      assert.deepEqual(keysOf(language), keys);
      for (const key of keys)
        assert.deepEqual(
          [...new Set(placeholdersOf(textOf(key, language) ?? ""))],
          [...new Set(placeholdersOf(textOf(key, "en-US") ?? ""))],
          key,
        );
    }
  });

  it("has no sentence that nobody says", () => {
    const all = sources.map(([, text]) => text).join("\n");
    assert.deepEqual(
      keysOf("en-US").filter((key) => !all.includes(`"${key}"`)),
      [],
    );
  });

  it("throws sentences by their keys alone", () => {
    const literal = new RegExp(`new (?:${userErrors()})\\(\\s*(["'\`])([\\s\\S]*?)\\1`, "g");
    const thrown = sources.flatMap(([path, text]) =>
      [...text.matchAll(literal)].map(([, , said = ""]) => [path, said] as const),
    );
    assert.ok(thrown.length > 0);
    assert.deepEqual(
      thrown.filter(([, said]) => /\s|\$\{/.test(said)),
      [],
    );
  });

  it("says an error in the language of whoever reads it, English in its message", () => {
    const error = new UserError("image.tooLarge", { megapixels: 50 });
    assert.equal(error.message, "the picture has more than 50 megapixels: scale it down before it comes here.");
    assert.equal(sentenceOf(error), error.message);
    assert.equal(sentenceOf(error, "zh-TW"), "圖片超過 50 百萬像素：請先縮小再送來。");
  });

  it("says the reason inside a sentence in the same language, without its full stop", () => {
    const inner = new UserError("image.unreadable", { reason: phrase("image.heicEmpty") });
    const outer = new UserError("image.heicUnreadable", { reason: reasonOf(inner) });
    assert.match(outer.message, /^the HEIC picture cannot be read \(the picture .* send it again\): save it as JPEG/);
    assert.match(sentenceOf(outer, "zh-TW"), /^無法讀取 HEIC 圖片（無法讀取圖片（裡面沒有圖片）：.*重新傳送）：/);
  });

  it("joins a list as the language does", () => {
    const error = new UserError("image.heicUnreadable", { reason: ["a", phrase("image.pdf")] });
    assert.match(error.message, /\(a, a PDF\)/);
    assert.match(sentenceOf(error, "zh-TW"), /（a、 ?PDF）/);
  });

  it("puts no value into a placeholder that another value brings", () => {
    const error = new UserError("image.otherKind", { kind: "{bytes}", bytes: 3, kinds: "$&" });
    assert.match(error.message, /^it is \{bytes\} \(3 bytes\), not a \$& picture/);
  });

  it("says the words of another package, in English where it has no others", () => {
    assert.equal(sentenceOf(new UserError({ "en-US": "No.", "zh-TW": "不。" }), "zh-TW"), "不。");
    assert.equal(sentenceOf(new UserError("No. Not so."), "zh-TW"), "No. Not so.");
  });

  it("answers Chinese of any kind in ours, everything else in English", () => {
    for (const tag of ["zh-TW", "zh", "zh-Hant-HK", "ZH-cn"]) assert.equal(languageOf(tag), "zh-TW");
    for (const tag of ["en", "de-DE", "zha", "", undefined]) assert.equal(languageOf(tag), "en-US");
  });
});
