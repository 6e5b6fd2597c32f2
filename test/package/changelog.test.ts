import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";

const ROOT = join(__dirname, "../..");

interface Commit {
  date: string;
  refs?: string;
  subject: string;
  body?: string;
}

interface Release {
  name: string;
  date: string;
  entries: { kind: string; text: string }[];
}

interface Changelog {
  parseCommit(subject: string, body?: string): { kind: string; text: string } | undefined;
  releasesOf(log: readonly Commit[], next: string): Release[];
  changelog(releases: readonly Release[]): string;
  readLog(folder: string): Commit[];
}

describe("the changelog", () => {
  let made: Changelog;
  before(async () => {
    made = (await import(pathToFileURL(join(ROOT, "scripts/changelog.mjs")).href)) as Changelog;
  });

  it("takes what people notice, with its scope, and leaves the rest in the log", () => {
    for (const [subject, body, entry] of [
      ["feat: cameras try again", "", { kind: "feat", text: "cameras try again" }],
      ["fix(api): a bad body answers 400", "", { kind: "fix", text: "api: a bad body answers 400" }],
      ["feat!: old flows migrate", "", { kind: "breaking", text: "old flows migrate" }],
      ["refactor(lib): one way", "why\n\nBREAKING CHANGE: names", { kind: "breaking", text: "lib: one way" }],
      ["perf: search is twice as fast", "", { kind: "perf", text: "search is twice as fast" }],
      ["test: nobody is lost", "", undefined],
      ["docs: feat: what is new", "", undefined],
      ["haar-detect: a working width", "", undefined],
      ["feat:", "", undefined],
      ["a feat: of strength", "", undefined],
    ] as const)
      assert.deepEqual(made.parseCommit(subject, body), entry, subject);
  });

  it("puts commits under the release that has them, the newest first, each once", () => {
    const log: Commit[] = [
      { date: "2026-03-03", refs: "HEAD -> main", subject: "fix: third" },
      { date: "2026-03-03", subject: "fix: third" },
      { date: "2026-02-02", refs: "tag: v0.2.0, origin/main", subject: "feat: second" },
      { date: "2026-01-02", subject: "test: none" },
      { date: "2026-01-01", refs: "tag: v0.1.0", subject: "feat: first" },
    ];
    const text = made.changelog(made.releasesOf(log, "0.3.0"));
    assert.equal(
      text,
      "# Changes\n\nMade by `npm run changelog` from the commits; do not edit.\n\n" +
        "## 0.3.0\n\n### Mended\n\n- third\n\n" +
        "## 0.2.0 (2026-02-02)\n\n### New\n\n- second\n\n" +
        "## 0.1.0 (2026-01-01)\n\n### New\n\n- first\n",
    );
  });

  it("reads a real repository, bodies of several lines among it", () => {
    const folder = mkdtempSync(join(tmpdir(), "log-"));
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", ...args], {
        cwd: folder,
        encoding: "utf8",
      });
    git("init", "--quiet");
    git("commit", "--quiet", "--allow-empty", "-m", "feat: one");
    git("tag", "v1.0.0");
    git("commit", "--quiet", "--allow-empty", "-m", "refactor: two", "-m", "Why.\n\nBREAKING CHANGE: all.");
    const releases = made.releasesOf(made.readLog(folder), "next");
    assert.deepEqual(
      releases.map(({ name, entries }) => [name, entries]),
      [
        ["next", [{ kind: "breaking", text: "two" }]],
        ["1.0.0", [{ kind: "feat", text: "one" }]],
      ],
    );
  });

  it("is there, made by this", () => {
    assert.match(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), /^# Changes\n\nMade by `npm run changelog`[^]*- /);
  });
});
