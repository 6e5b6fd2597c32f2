import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { demandFiles, readFolders, readList, readPairs } from "../../bench/photos";
import { lineChart } from "../../bench/chart";

const folder = (): string => mkdtempSync(join(tmpdir(), "photos-"));
const written = (text: string): string => {
  const file = join(folder(), "list.txt");
  writeFileSync(file, text);
  return file;
};

describe("the photos of the accuracy benchmark", () => {
  it("are folders of people, pictures only", () => {
    const root = folder();
    mkdirSync(join(root, "Ann"));
    for (const name of ["Ann_0002.jpg", "Ann_0001.jpg", "notes.txt"]) writeFileSync(join(root, "Ann", name), "");
    assert.deepEqual(readFolders(root).map(({ person, name }) => [person, name]), [["Ann", "Ann_0001.jpg"], ["Ann", "Ann_0002.jpg"]]);
    assert.throws(() => readFolders(folder()), /has no folders with photos/);
  });

  it("are paired by LFW's pairs.txt", () => {
    const file = written("2\t1\nAnn\t1\t4\nAnn\t2\tBob\t13\nBob\t1\t2\nBob\t1\tCid\t1\n");
    assert.deepEqual(readPairs(file, "lfw"), [
      [{ a: join("lfw", "Ann", "Ann_0001.jpg"), b: join("lfw", "Ann", "Ann_0004.jpg"), same: true }, { a: join("lfw", "Ann", "Ann_0002.jpg"), b: join("lfw", "Bob", "Bob_0013.jpg"), same: false }],
      [{ a: join("lfw", "Bob", "Bob_0001.jpg"), b: join("lfw", "Bob", "Bob_0002.jpg"), same: true }, { a: join("lfw", "Bob", "Bob_0001.jpg"), b: join("lfw", "Cid", "Cid_0001.jpg"), same: false }],
    ]);
    assert.throws(() => readPairs(written("10 300\n"), "lfw"), /is no pairs\.txt/);
    assert.throws(() => demandFiles(readPairs(file, "lfw").flat(), "pairs.txt"), /pairs\.txt names 7 photos that are not there/);
  });

  it("are paired by a list", () => {
    assert.deepEqual(readList(written("fileA,fileB,same\na.jpg,b.jpg,1\na.jpg, c.jpg, false\n"), "in"), [{ a: join("in", "a.jpg"), b: join("in", "b.jpg"), same: true }, { a: join("in", "a.jpg"), b: join("in", "c.jpg"), same: false }]);
    assert.throws(() => readList(written("a.jpg,b.jpg,maybe\n")), /"a\.jpg,b\.jpg,maybe" in .* is no pair/);
  });
});

describe("a chart", () => {
  it("places points on both scales and leaves out what a logarithm cannot show", () => {
    const svg = lineChart({ title: "A & B", x: { label: "x", log: true, from: 1, to: 100 }, y: { label: "y", from: 0, to: 1 }, series: [{ label: "one", points: [{ x: 0, y: 1 }, { x: 1, y: 0 }, { x: 10, y: 0.5 }, { x: 100, y: 1 }] }] });
    assert.match(svg, />A &amp; B</);
    const line = /<path d="M([^"]+)"[^>]*stroke="#0072b2"/.exec(svg)?.[1] ?? "";
    const [[left, bottom], [middle, half], [right, top], ...more] = line.split("L").map((point) => point.trim().split(" ").map(Number)) as [[number, number], [number, number], [number, number], ...unknown[]];
    assert.deepEqual([middle - left, half - top, more.length], [right - middle, bottom - half, 0]);
    assert.ok(right > left && bottom > top);
  });
});
