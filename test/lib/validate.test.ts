/** What schemas complain of, in each language. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { sentenceOf } from "../../lib/errors";
import { readFaces, readFrame } from "../../lib/message";
import { personFieldsSchema } from "../../lib/people/people";
import { parseOptions } from "../../lib/validate";
import { pattern } from "../support/pattern";

function refused(act: () => unknown): { english: string; chinese: string } {
  try {
    act();
  } catch (error) {
    assert.equal(sentenceOf(error), (error as Error).message);
    return { english: sentenceOf(error), chinese: sentenceOf(error, "zh-TW") };
  }
  assert.fail("it was not refused");
}

describe("what a schema complains of", () => {
  it("is said in both languages, with what came in", () => {
    const box = { x: 1, y: 2, width: Number.NaN, height: 4 };
    assert.deepEqual(
      refused(() => readFaces({ faces: [{ box, score: 1 }] })),
      {
        english: "msg.faces is not a list of detections: 0.box.width: expected number, received NaN.",
        chinese: "msg.faces 不是偵測結果的清單：0.box.width：預期為 number，但收到 NaN。",
      },
    );
    const { english, chinese } = refused(() => readFrame({ frame: { source: "", sequence: -1 } as never }));
    assert.match(
      english,
      pattern(
        /^msg\.frame is not a frame: source: Too small: expected string to have >=1 characters; /,
        /sequence: Too small: expected number to be >=0; capturedAt: expected number, received undefined\. Leave/,
      ),
    );
    assert.match(
      chinese,
      pattern(
        /^msg\.frame 不是影格：source：數值過小：預期 string 應為 >=1 字元；/,
        /sequence：數值過小：預期 number 應為 >=0；capturedAt：預期為 number，但收到 undefined。請維持/,
      ),
    );
  });

  it("names fields that nobody knows", () => {
    assert.deepEqual(
      refused(() => parseOptions(z.strictObject({ a: z.string() }), { a: "1", b: 2, c: 3 }, "msg.enrol")),
      { english: 'msg.enrol: Unrecognized keys: "b", "c"', chinese: 'msg.enrol：不認得的欄位："b"、"c"' },
    );
  });

  it("is a schema's own sentence in both languages too, with its values", () => {
    const person = (fields: object): { english: string; chinese: string } =>
      refused(() => parseOptions(personFieldsSchema, fields, "the person"));
    assert.deepEqual(person({ name: "x".repeat(81) }), {
      english: "the person: name: the name has 81 characters: 80 are the most.",
      chinese: "the person：name：姓名有 81 個字元：最多 80 個。",
    });
    assert.deepEqual(person({ name: "Alice", validFrom: 2, validUntil: 1 }), {
      english: "the person: validUntil: must not end before it begins",
      chinese: "the person：validUntil：結束時間不得早於開始時間",
    });
    assert.deepEqual(person({ name: "Alice", groups: ["a,b"] }), {
      english: "the person: groups.0: must be a word without commas",
      chinese: "the person：groups.0：必須是不含逗號的詞",
    });
  });

  it("is English where a schema has no other words", () => {
    const schema = z.string().refine(() => false, "must be of this house");
    assert.deepEqual(
      refused(() => parseOptions(schema, "x", "word")),
      { english: "word: must be of this house", chinese: "word：must be of this house" },
    );
  });
});
