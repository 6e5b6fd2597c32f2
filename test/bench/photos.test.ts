import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import { lineChart } from "../../bench/chart";
import {
  demandFiles,
  encodePhoto,
  readable,
  readFolders,
  readList,
  readPairs,
  readTwoLists,
} from "../../bench/photos";
import type { Face } from "../../lib/message";

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
    assert.deepEqual(
      readFolders(root).map(({ person, name }) => [person, name]),
      [
        ["Ann", "Ann_0001.jpg"],
        ["Ann", "Ann_0002.jpg"],
      ],
    );
    assert.throws(() => readFolders(folder()), /has no folders with photos/);
  });

  it("are paired by LFW's pairs.txt", () => {
    const file = written("2\t1\nAnn\t1\t4\nAnn\t2\tBob\t13\nBob\t1\t2\nBob\t1\tCid\t1\n");
    assert.deepEqual(readPairs(file, "lfw"), [
      [
        { a: join("lfw", "Ann", "Ann_0001.jpg"), b: join("lfw", "Ann", "Ann_0004.jpg"), same: true },
        { a: join("lfw", "Ann", "Ann_0002.jpg"), b: join("lfw", "Bob", "Bob_0013.jpg"), same: false },
      ],
      [
        { a: join("lfw", "Bob", "Bob_0001.jpg"), b: join("lfw", "Bob", "Bob_0002.jpg"), same: true },
        { a: join("lfw", "Bob", "Bob_0001.jpg"), b: join("lfw", "Cid", "Cid_0001.jpg"), same: false },
      ],
    ]);
    assert.throws(() => readPairs(written("10 300\n"), "lfw"), /is no pairs\.txt/);
    assert.throws(
      () => demandFiles(readPairs(file, "lfw").flat(), "pairs.txt"),
      /pairs\.txt names 7 photos that are not there/,
    );
  });

  it("are paired by a list", () => {
    assert.deepEqual(readList(written("fileA,fileB,same\na.jpg,b.jpg,1\na.jpg, c.jpg, false\n"), "in"), [
      { a: join("in", "a.jpg"), b: join("in", "b.jpg"), same: true },
      { a: join("in", "a.jpg"), b: join("in", "c.jpg"), same: false },
    ]);
    assert.throws(() => readList(written("a.jpg,b.jpg,maybe\n")), /"a\.jpg,b\.jpg,maybe" in .* is no pair/);
    assert.throws(() => demandFiles(readList(written("fileA,fileB,same\n")), "list"), /list has no pairs/);
  });

  it("are paired by two lists", () => {
    const absolute = join(folder(), "x.jpg");
    assert.deepEqual(readTwoLists(written("a.jpg,b.jpg\n"), written(`fileA,fileB\na.jpg, ${absolute}\n`), "in"), [
      { a: join("in", "a.jpg"), b: join("in", "b.jpg"), same: true },
      { a: join("in", "a.jpg"), b: absolute, same: false },
    ]);
    assert.throws(
      () => readTwoLists(written("a.jpg,b.jpg,1\n"), written(""), "in"),
      /is no pair: write fileA,fileB\./,
    );
  });

  it("are left out where they are damaged", async () => {
    const root = folder();
    const whole = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "#888",
        noise: { type: "gaussian", mean: 128, sigma: 40 },
      },
    })
      .jpeg()
      .toBuffer();
    mkdirSync(join(root, "Ann"));
    for (const [name, bytes] of [
      ["a.jpg", whole],
      ["b.jpg", whole.subarray(0, whole.length / 2)],
      ["c.jpg", Buffer.from("no picture")],
    ] as const)
      writeFileSync(join(root, "Ann", name), bytes);
    assert.deepEqual(
      (await readable(readFolders(root))).map(({ name }) => name),
      ["a.jpg"],
    );
  });

  it("show the face nearest to the middle of the picture as it is shown, not as it lies in the file", async () => {
    const sideways = await sharp({ create: { width: 400, height: 200, channels: 3, background: "#888" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const face = (x: number, y: number): Face => ({
      box: { x, y, width: 60, height: 60 },
      score: 1,
      embedding: new Float32Array([x, y]),
      model: "m",
    });
    // Shown it is 200 × 400.
    const faces = [face(170, 70), face(70, 170)];
    const encoder = {
      model: "m",
      fingerprint: "",
      threshold: 0.6,
      nearDuplicate: 0.32,
      normalisation: undefined,
      tail: undefined,
      dimensions: 2,
      encode: () => Promise.resolve(faces),
      embedAnew: () => Promise.resolve(faces),
      warmUp: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    assert.equal(await encodePhoto(encoder, sideways), faces[1]);
  });
});

describe("a chart", () => {
  it("places points on both scales and leaves out what a logarithm cannot show", () => {
    const svg = lineChart({
      title: "A & B",
      x: { label: "x", log: true, from: 1, to: 100 },
      y: { label: "y", from: 0, to: 1 },
      series: [
        {
          label: "one",
          points: [
            { x: 0, y: 1 },
            { x: 1, y: 0 },
            { x: 10, y: 0.5 },
            { x: 100, y: 1 },
          ],
        },
      ],
    });
    assert.match(svg, />A &amp; B</);
    const line = /<path d="M([^"]+)"[^>]*stroke="#0072b2"/.exec(svg)?.[1] ?? "";
    const [[left, bottom], [middle, half], [right, top], ...more] = line
      .split("L")
      .map((point) => point.trim().split(" ").map(Number)) as [
      [number, number],
      [number, number],
      [number, number],
      ...unknown[],
    ];
    assert.deepEqual([middle - left, half - top, more.length], [right - middle, bottom - half, 0]);
    assert.ok(right > left && bottom > top);
  });
});
