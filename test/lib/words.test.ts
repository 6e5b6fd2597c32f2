/** What is said to people, in each language. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { reasonOf, sentenceOf, UserError } from "../../lib/errors";
import { scheduleSchema } from "../../lib/match/schedule";
import { readTflite } from "../../lib/tensor/tflite";
import { complaintsOf } from "../../lib/validate";
import { keysOf, languageOf, LANGUAGES, phrase, PLACEHOLDER, render, textOf } from "../../lib/words/sentence";

const ROOT = join(__dirname, "../..");
const sources = ["lib", "api", "nodes"]
  .flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" }).map((path) => join(room, path)),
  )
  .filter((path) => path.endsWith(".ts") && !/lib.words.(?:en-US|zh-TW)/.test(path))
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

  /** Why something failed, as a Chinese sentence says it. */
  const inChinese = (error: unknown): string => {
    const reason = reasonOf(error);
    return typeof reason === "string" ? reason : render(reason, "zh-TW");
  };
  const thrownBy = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  it("says where a text is no JSON, in both languages and without a word of it", () => {
    for (const text of [
      "",
      '{"name": "Al',
      '{"name": Alice}',
      "[1, 2,,]",
      '{"name": "Alice"} more',
      "Alice",
      '{"a": 1,}',
      '{\n  "a": 1\n  "Alice": 2\n}',
    ]) {
      const error = thrownBy(() => JSON.parse(text));
      const [english, chinese] = [
        sentenceOf(new UserError("api.noJson", { reason: reasonOf(error) })),
        inChinese(error),
      ];
      assert.match(
        english,
        /^the body is no JSON: (?:it ends too soon|it breaks|line \d|character \d|“.” stands)/,
        text,
      );
      assert.match(chinese, /^(?:內容不完整|不符合 JSON 語法|第 \d+ |「.」不該出現)/, text);
      assert.doesNotMatch(english + chinese, /Alice|Unexpected|[Ee]xpected/);
    }
  });

  it("says in Chinese what others' English words mean, and these too", async () => {
    const system = await readFile("/nowhere/Alice.jpg").catch((error: unknown) => error);
    const others: readonly [unknown, RegExp][] = [
      [system, /^找不到檔案或資料夾：「ENOENT.*」$/],
      [
        Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" }),
        /^連線遭到拒絕：「connect/,
      ],
      [Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }), /^連線中斷：「socket hang up」$/],
      [new Error("VipsJpeg: premature end of JPEG image\nVipsJpeg: more"), /^內容不完整：「[^」]*image」$/],
      [new Error("End of central directory record signature not found."), /^找不到 zip 檔的結尾：/],
      [new Error("something nobody knows"), /^原文為「something nobody knows」$/],
      [new Error("EXDEV"), /^EXDEV$/],
    ];
    for (const [error, said] of others) assert.match(inChinese(error), said);
  });

  it("has no reason of its own in English alone, in a form's fields neither", () => {
    const schedule = scheduleSchema.safeParse([{ days: [1], from: "8", to: "09:00" }]);
    assert.ok(schedule.error !== undefined);
    const said = complaintsOf(schedule.error, scheduleSchema, [{ days: [1], from: "8", to: "09:00" }]);
    assert.equal(render(said, "zh-TW"), "0.from：必須是像「08:00」這樣的時間");
    assert.match(inChinese(thrownBy(() => readTflite(new Uint8Array(3)))), /^它不是 TensorFlow Lite 模型$/);
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
