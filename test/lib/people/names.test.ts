import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileNameOf, nameOf, parseName } from "../../../lib/people/names";
import { isSystemFolder } from "../../../lib/system-files";

describe("names", () => {
  it("reads the person from the file, as the original did", () => {
    assert.deepEqual(["Alice.jpg", "john#1.jpg", "Alice/1.jpg", "Mary Ann.jpeg", "小明/正面.png"].map(nameOf), [
      "Alice",
      "john",
      "Alice",
      "Mary Ann",
      "小明",
    ]);
  });

  it("calls nobody as desktops and browsers call a copy of a file", () => {
    for (const copy of [
      "Bob (1).jpg",
      "Bob(2).jpg",
      "Bob - Copy.jpg",
      "Bob - Copy (2).jpg",
      "Bob - Copy - Copy.jpg",
      "Bob copy.jpg",
      "Bob copy 3.png",
      "Bobのコピー.jpg",
      "Bob Kopie 2.jpg",
      "Bob (copy).jpg",
      "Bob (another copy).jpg",
      "Bob (copy 1).jpg",
      "Copy of Bob.jpg",
      "Bob - Kopie.jpg",
      "Bob#2 (1).jpg",
      "Bob.heic (1).jpg",
      "Bob - 複製.jpg",
      "Bob - 複製 (2).jpg",
      "Bob - 副本.jpg",
      "Bob 拷貝.jpg",
      "Bob 的副本.jpg",
      "Bob的複本.jpg",
      "「Bob」的副本.jpg",
    ])
      assert.equal(nameOf(copy), "Bob", copy);
    for (const name of [
      "Bob (Senior)",
      "Bob 2",
      "Robot 1000 (1984)",
      "Copy",
      "(1)",
      "Xerocopy",
      "王副本",
      "Sara Copia",
    ])
      assert.equal(nameOf(`${name}.jpg`), name);
    assert.equal(nameOf("Bob (1)/1.jpg"), "Bob (1)", "a folder is called by hand");
  });

  it("brings every legal name back from its file", () => {
    for (const name of [
      "O'Neil",
      "50% Bob",
      "C# Bot",
      "Who?",
      "a:b",
      ".hidden",
      "dot.",
      "😀 Zoë",
      "100%",
      "CON",
      "nul.x",
      "Lpt1",
      "👩‍👩‍👧",
      "%41",
      "@eaDir",
      "$RECYCLE.BIN",
      "~me",
      "#recycle",
    ])
      assert.equal(nameOf(`${fileNameOf(parseName(name))}/1.jpg`), name);
  });

  it("takes a file of somebody's own as it stands", () => {
    assert.deepEqual(["100%.jpg", "a%2Fb.jpg", "x%00.jpg", "#1.jpg", " Alice .jpg", "%20.jpg"].map(nameOf), [
      "100%",
      "a%2Fb",
      "x%00",
      "#1",
      "Alice",
      "%20",
    ]);
  });

  it("gives nobody a folder that is the system's", () => {
    for (const name of [
      "@eaDir",
      "@tmp",
      "#recycle",
      ".hidden",
      "$RECYCLE.BIN",
      "~syncthing~x",
      "Alice",
      "O'Neil",
      "50% Bob",
      "Zoë",
    ])
      assert.equal(isSystemFolder(fileNameOf(name)), false, name);
  });

  it("keeps clear of the devices of Windows", () => {
    assert.deepEqual(["CON", "nul.txt", "Conrad", "COM1", "COMA"].map(fileNameOf), [
      "%43ON",
      "%6Eul.txt",
      "Conrad",
      "%43OM1",
      "COMA",
    ]);
  });

  it("refuses slashes, control characters, folders' names, nothing and 300 characters", () => {
    for (const [name, why] of [
      ["a/b", /slash/],
      ["a\\b", /slash/],
      ["..", /folder/],
      ["a\u0000b", /control/],
      ["a\u009bb", /control/],
      ["Bob\u202ecilA", /control/],
      ["\ud800", /control/],
      ["a\nb", /control/],
      ["😀".repeat(80), /too long for a file/],
      ["  ", /missing/],
      [7, /missing/],
      ["x".repeat(300), /300 characters: 80 are the most/],
    ] as const)
      assert.throws(() => parseName(name), why);
  });
});
