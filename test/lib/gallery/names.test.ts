import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileNameOf, nameOf, parseName } from "../../../lib/gallery/names";

describe("names", () => {
  it("reads the person from the file, as the original did", () => {
    assert.deepEqual(["Alice.jpg", "john#1.jpg", "Alice/1.jpg", "Mary Ann.jpeg", "小明/正面.png"].map(nameOf), ["Alice", "john", "Alice", "Mary Ann", "小明"]);
  });

  it("brings every legal name back from its file", () => {
    for (const name of ["O'Neil", "50% Bob", "C# Bot", "Who?", "a:b", ".hidden", "dot.", "😀 Zoë", "100%"]) assert.equal(nameOf(`${fileNameOf(parseName(name))}/1.jpg`), name);
  });

  it("takes a file of somebody's own as it stands", () => {
    assert.equal(nameOf("100%.jpg"), "100%");
  });

  it("refuses slashes, control characters, folders' names, nothing and 300 characters", () => {
    for (const [name, why] of [["a/b", /slash/], ["a\\b", /slash/], ["..", /folder/], ["a\u0000b", /control/], ["  ", /missing/], [7, /missing/], ["x".repeat(300), /300 characters: 80 are the most/]] as const) assert.throws(() => parseName(name), why);
  });
});
