// `npm run changelog`: CHANGELOG.md, or another file, from the subjects of commits (conventionalcommits.org).
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What people who use the package notice, in this order. Tests, refactorings and the like are in the log. */
const SECTIONS = [
  { type: "breaking", title: "Breaking" },
  { type: "feat", title: "New" },
  { type: "fix", title: "Mended" },
  { type: "perf", title: "Faster" },
];
const SUBJECT = /^(?<type>[a-z]+)(?:\((?<scope>[^)]*)\))?(?<bang>!)?: +(?<text>\S.*)$/;
const RELEASE = /(?:^|, )tag: (v\d+\.\d+\.\d+[\w.-]*)/;
const FIELD = "\u001f";
const RECORD = "\u001e";

/**
 * A commit's subject; undefined where it says nothing to people who use the package.
 * @param body BREAKING CHANGE in it makes it breaking
 */
export function parseCommit(subject, body = "") {
  const { type, scope, bang, text } = SUBJECT.exec(subject.trim())?.groups ?? {};
  if (text === undefined) return undefined;
  const breaking = bang === "!" || /^BREAKING[ -]CHANGE: /m.test(body);
  const kind = breaking ? "breaking" : type;
  if (!SECTIONS.some((section) => section.type === kind)) return undefined;
  return { kind, text: scope === undefined || scope === "" ? text : `${scope}: ${text}` };
}

/**
 * Commits by release, the newest first.
 * @param log commits, the newest first: date (YYYY-MM-DD), refs, subject and body
 * @param next what the commits after the last release are called
 */
export function releasesOf(log, next) {
  const releases = [{ name: next, date: "", entries: [] }];
  for (const { date, refs = "", subject, body = "" } of log) {
    const tag = RELEASE.exec(refs)?.[1];
    if (tag !== undefined) releases.push({ name: tag.slice(1), date, entries: [] });
    const entry = parseCommit(subject, body);
    const { entries } = releases.at(-1);
    if (entry !== undefined && !entries.some(({ kind, text }) => kind === entry.kind && text === entry.text))
      entries.push(entry);
  }
  return releases.filter(({ entries }) => entries.length > 0);
}

/** CHANGELOG.md as text. */
export function changelog(releases) {
  const parts = releases.map(({ name, date, entries }) => {
    const sections = SECTIONS.flatMap(({ type, title }) => {
      const lines = entries.filter(({ kind }) => kind === type).map(({ text }) => `- ${text}`);
      return lines.length === 0 ? [] : [`### ${title}\n\n${lines.join("\n")}`];
    });
    return [`## ${name}${date === "" ? "" : ` (${date})`}`, ...sections].join("\n\n");
  });
  return `${["# Changes", "Made by `npm run changelog` from the commits; do not edit.", ...parts].join("\n\n")}\n`;
}

/** The commits of a repository, the newest first. */
export function readLog(folder) {
  const format = ["%cs", "%D", "%s", "%b"].join("%x1f");
  return execFileSync("git", ["log", "--first-parent", `--pretty=format:${format}%x1e`], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  })
    .split(RECORD)
    .map((record) => record.replace(/^\n/, ""))
    .filter((record) => record !== "")
    .map((record) => {
      const [date, refs, subject, body] = record.split(FIELD);
      return { date, refs, subject, body };
    });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [file = join(root, "CHANGELOG.md")] = process.argv.slice(2);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  writeFileSync(file, changelog(releasesOf(readLog(root), version)));
}
