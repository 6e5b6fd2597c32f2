import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it, mock } from "node:test";
import { makePrivateFolder, removeDurable, tryDisk, writeDurable, writeManyDurable } from "../../../lib/files";
import { makeDurable } from "../../../lib/people/lmdb/database";
import { openPatiently } from "../../../lib/people/lmdb/open-patiently";
import { pattern } from "../../support/pattern";
import { render } from "../../../lib/words/sentence";

/** The module itself, whose functions can be traced; an import is a view of it. */
const shared = createRequire(__filename)("node:fs/promises") as typeof fs;

/** What a process asks of its system, in order: only what was synced before survives a power cut. */
function traced(folder: string): string[] {
  const calls: string[] = [];
  const nameOf = (path: unknown): string => {
    const name = String(path).slice(folder.length + 1);
    return name === "" ? "folder" : name.endsWith(".tmp") ? "aside" : name;
  };
  const { open, rename, rm, mkdir } = shared;
  mock.method(shared, "open", async (path: string, flags?: string, mode?: number) => {
    const file = await open(path, flags, mode);
    const [writeFile, sync] = [file.writeFile.bind(file), file.sync.bind(file)];
    return Object.assign(file, {
      writeFile: (...args: Parameters<typeof writeFile>) => (calls.push(`write ${nameOf(path)}`), writeFile(...args)),
      sync: () => (calls.push(`sync ${nameOf(path)}`), sync()),
    });
  });
  mock.method(
    shared,
    "rename",
    (from: string, to: string) => (calls.push(`rename ${nameOf(from)} to ${nameOf(to)}`), rename(from, to)),
  );
  mock.method(
    shared,
    "rm",
    (path: string, options: object) => (calls.push(`delete ${nameOf(path)}`), rm(path, options)),
  );
  mock.method(
    shared,
    "mkdir",
    (path: string, options: { recursive: true }) => (calls.push(`make ${nameOf(path)}`), mkdir(path, options)),
  );
  return calls;
}

describe("files that survive a power cut", { skip: process.platform === "win32" }, () => {
  afterEach(() => mock.restoreAll());

  const folderOf = (): string => mkdtempSync(join(tmpdir(), "files-"));

  it("are synced before they take their name, and the name is synced after", async () => {
    const folder = folderOf();
    const calls = traced(folder);
    await writeDurable(join(folder, "photo"), Buffer.from("new"));
    assert.deepEqual(calls, ["write aside", "sync aside", "rename aside to photo", "sync folder"]);
    assert.equal(readFileSync(join(folder, "photo"), "utf8"), "new");
  });

  it("are synced each when they are many, and their folders once", async () => {
    const folder = folderOf();
    mkdirSync(join(folder, "sub"));
    const calls = traced(folder);
    await writeManyDurable([
      [join(folder, "a"), Buffer.from("1")],
      [join(folder, "sub/b"), Buffer.from("2")],
      [join(folder, "c"), Buffer.from("3")],
    ]);
    const each = (name: string): string[] => ["write aside", "sync aside", `rename aside to ${name}`];
    assert.deepEqual(calls, [...each("a"), ...each("sub/b"), ...each("c"), "sync folder", "sync sub"]);
  });

  it("are gone once their folder was synced, and so is a new folder there", async () => {
    const folder = folderOf();
    writeFileSync(join(folder, "photo"), "old");
    const calls = traced(folder);
    await removeDurable([join(folder, "photo")]);
    await makePrivateFolder(join(folder, "a/b"));
    assert.deepEqual(calls, ["delete photo", "sync folder", "make a/b", "sync a", "sync folder"]);
  });

  it("are synced where they were copied by others", async () => {
    const folder = folderOf();
    writeFileSync(join(folder, "copy"), "new");
    const calls = traced(folder);
    await makeDurable(join(folder, "copy"));
    assert.deepEqual(calls, ["sync copy"]);
  });

  it("leave nothing aside when they cannot be written, nor when it was only tried", async () => {
    const folder = folderOf();
    mkdirSync(join(folder, "photo"));
    await assert.rejects(writeDurable(join(folder, "photo"), Buffer.from("new")), /EISDIR|ENOTEMPTY|EEXIST/);
    await tryDisk(folder);
    assert.deepEqual(readdirSync(folder), ["photo"]);
  });
});

describe("a store that cannot be opened yet", () => {
  it("says why, and is opened as soon as the disk allows it", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "patience-")), "facenet");
    writeFileSync(file, "");
    const said: string[] = [];
    const store = await openPatiently(
      { folder: join(file, "people") },
      {
        signal: new AbortController().signal,
        retryMs: 10,
        onWait: ({ sentence }) => {
          said.push(render(sentence, "en-US"));
          if (existsSync(file)) rmSync(file);
        },
      },
    );
    await store.close();
    assert.match(
      said.join(),
      pattern(
        /^the gallery cannot be opened: what should be a folder is a file \(ENOTDIR, /,
        /.*people\)\. To mend it, move that file away; it then goes on by itself\.$/,
      ),
    );
  });

  it("is opened once the one before has closed", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "patience-")), "people");
    const signal = new AbortController().signal;
    const before = await openPatiently({ folder }, { signal, onWait: () => undefined });
    const said: string[] = [];
    const store = await openPatiently(
      { folder },
      {
        signal,
        onWait: (waiting) => {
          said.push(waiting.for);
          void before.close();
        },
      },
    );
    await store.close();
    assert.deepEqual(said, ["handOver"]);
  });

  it("is given up when nobody wants it any more", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "patience-")), "facenet");
    writeFileSync(file, "");
    const gone = new AbortController();
    await assert.rejects(
      openPatiently({ folder: join(file, "people") }, { signal: gone.signal, onWait: () => gone.abort() }),
      { name: "AbortError" },
    );
  });
});
