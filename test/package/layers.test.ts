import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";

const ROOT = join(__dirname, "../..");
const OXLINT = join(ROOT, "node_modules/oxlint/bin/oxlint");

const house = mkdtempSync(join(tmpdir(), "layers-"));
copyFileSync(join(ROOT, ".oxlintrc.json"), join(house, ".oxlintrc.json"));

/** Each file's line, and the rule that must refuse it; none where it is as the house plan has it. */
const LINES: readonly (readonly [file: string, line: string, rule?: string])[] = [
  ["lib/match/a.ts", 'import "../../nodes/common/status";', "no-restricted-imports"],
  ["lib/people/lmdb/a.ts", 'import "../../../api/api";', "no-restricted-imports"],
  ["lib/errors.ts", 'import "node-red";', "no-restricted-imports"],
  ["lib/speech/a.ts", 'import type { Express } from "express";', "no-restricted-imports"],
  ["lib/capture/a.ts", 'import "../detect/detector";', "no-restricted-imports"],
  ["lib/capture/b.ts", 'import "../match/match";', "no-restricted-imports"],
  ["lib/detect/a.ts", 'import "../embed/embedder";', "no-restricted-imports"],
  ["lib/align/a.ts", 'import "../embed/embedder";', "no-restricted-imports"],
  ["lib/embed/a.ts", 'import "../match/match";', "no-restricted-imports"],
  ["lib/embed/b.ts", 'import "../people/store";', "no-restricted-imports"],
  ["lib/align/b.ts", 'import "../liveness/turn";', "no-restricted-imports"],
  ["lib/attendance/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/attendance/b.ts", 'import "../visits/book";'],
  ["lib/liveness/a.ts", 'import "../people/store";', "no-restricted-imports"],
  ["lib/liveness/b.ts", 'import "../align/chip";'],
  ["lib/match/b.ts", 'import "../speech/greeter";', "no-restricted-imports"],
  ["lib/image/a.ts", 'import "../capture/camera";', "no-restricted-imports"],
  ["lib/people/a.ts", 'import "../search/roster";', "no-restricted-imports"],
  ["lib/search/a.ts", 'import "../enrol/judge";', "no-restricted-imports"],
  ["lib/enrol/a.ts", 'import "../unknowns/unknowns";', "no-restricted-imports"],
  ["lib/unknowns/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/gallery/a.ts", 'import "../match/match";', "no-restricted-imports"],
  ["lib/sites/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/sites/b.ts", 'import "../people/store";'],
  ["lib/sites/c.ts", 'import "pg";', "no-restricted-imports"],
  ["lib/sites/postgres/a.ts", 'import "pg";'],
  ["lib/gallery/c.ts", 'import "pg";', "no-restricted-imports"],
  ["lib/notify/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/gate/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/presence/a.ts", 'import "../speech/greeter";', "no-restricted-imports"],
  ["lib/people/b.ts", 'import "../visits/book";', "no-restricted-imports"],
  ["lib/people/c.ts", 'import "../sites/site";', "no-restricted-imports"],
  ["lib/visits/a.ts", 'import "../gallery/gallery";', "no-restricted-imports"],
  ["lib/embed/c.ts", 'import "sharp";', "no-restricted-imports"],
  ["nodes/camera/a.ts", 'import "sharp";', "no-restricted-imports"],
  ["lib/gallery/b.ts", 'import "lmdb";', "no-restricted-imports"],
  ["lib/match/c.ts", 'import "piscina";', "no-restricted-imports"],
  ["api/a.ts", 'import "../nodes/camera/camera";', "no-restricted-imports"],
  ["api/b.ts", 'import "node-red";', "no-restricted-imports"],
  ["nodes/camera/b.ts", 'import "../haar-detect/haar-detect";', "no-restricted-imports"],
  ["editor/a.ts", 'import "../lib/redact";', "no-restricted-imports"],
  ["editor/b.ts", 'import "node:fs";', "no-restricted-imports"],
  ["lib/match/d.ts", 'import "node:child_process";', "no-nodejs-modules"],
  ["nodes/camera/c.ts", 'import "node:child_process";', "no-nodejs-modules"],
  ["api/c.ts", 'import "child_process";', "no-nodejs-modules"],
  ["lib/search/b.ts", 'import "node:worker_threads";', "no-nodejs-modules"],
  ["lib/storage.ts", 'import { a } from "./hosts"; export const b = a;', "no-cycle"],
  ["lib/hosts.ts", 'import { b } from "./storage"; export const a = b;', "no-cycle"],
  ["lib/search/c.ts", 'import type { D } from "./d"; export type C = D | 1;', "no-cycle"],
  ["lib/search/d.ts", 'import type { C } from "./c"; export type D = C | 2;', "no-cycle"],
  ["lib/embed/d.ts", 'import "../detect/look";'],
  ["lib/notify/b.ts", 'import "mqtt";'],
  ["lib/image/open-picture.ts", 'import "sharp";'],
  ["lib/people/lmdb/database.ts", 'import "lmdb";'],
  ["lib/capture/ffmpeg.ts", 'import "node:child_process";'],
  ["lib/match/e.ts", 'import "../embed/distance";'],
  ["lib/presence/b.ts", 'import "../match/track-vote";'],
  ["nodes/face-match/a.ts", 'import type { GalleryNode } from "../face-gallery/face-gallery";'],
  ["api/d.ts", 'import "../lib/gallery/gallery";'],
  ["editor/c.ts", 'import type { Redact } from "../lib/redact";'],
];

interface Report {
  diagnostics: { code: string; filename: string }[];
}

describe("the linter", () => {
  after(() => {
    rmSync(house, { recursive: true, force: true });
  });

  it("refuses what the house plan says is never done, and nothing else", () => {
    for (const [file, line] of LINES) {
      mkdirSync(dirname(join(house, file)), { recursive: true });
      writeFileSync(join(house, file), `${line}\n`);
    }
    const { stdout, stderr } = spawnSync(process.execPath, [OXLINT, "--format=json", "."], {
      cwd: house,
      encoding: "utf8",
      timeout: 120_000,
    });
    assert.equal(stderr, "");
    const { diagnostics } = JSON.parse(stdout) as Report;
    const RULES = /no-restricted-imports|no-nodejs-modules|no-cycle/;
    const found = diagnostics
      .flatMap(({ code, filename }) => {
        const [rule] = RULES.exec(code) ?? [];
        return rule === undefined ? [] : [`${filename.replaceAll("\\", "/")}: ${rule}`];
      })
      .sort();
    const wanted = LINES.flatMap(([file, , rule]) => (rule === undefined ? [] : [`${file}: ${rule}`])).sort();
    assert.deepEqual(found, wanted);
  });

  it("knows every node's folder, and no rule is switched off in the code", () => {
    const text = readFileSync(join(ROOT, ".oxlintrc.json"), "utf8");
    const siblings = /"\^\\\\\.\\\\\.\/\(\?:([^)]+)\)\/"/.exec(text)?.[1]?.split("|") ?? [];
    const folders = readdirSync(join(ROOT, "nodes")).filter((name) => name !== "common" && name !== "face-gallery");
    assert.deepEqual(
      folders.filter((name) => !siblings.includes(name)),
      [],
    );
    const hushed = ["lib", "api", "nodes", "editor"].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .filter((file) =>
          /(?:ox|es)lint-disable.*(?:no-restricted-imports|no-cycle|no-nodejs-modules)/.test(
            readFileSync(join(ROOT, folder, file), "utf8"),
          ),
        )
        .map((file) => join(folder, file)),
    );
    assert.deepEqual(hushed, []);
  });
});
