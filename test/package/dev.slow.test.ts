import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { eventually, freePort } from "../support/node-red";

const ROOT = join(__dirname, "../..");
const SOURCES = ["api", "assets", "editor", "lib", "nodes", "plugins", "scripts"];
const FILES = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];

interface Dev {
  repeater: (work: () => Promise<void>, wait: number) => { ask: () => void; stop: () => Promise<void> };
}

describe("npm run dev", () => {
  it("builds once for many changes at a time, and once more for those that come meanwhile", async () => {
    const { repeater } = (await import(pathToFileURL(join(ROOT, "scripts/dev.mjs")).href)) as Dev;
    const ends: (() => void)[] = [];
    const { ask, stop } = repeater(
      () =>
        new Promise((resolve) => {
          ends.push(resolve);
        }),
      1,
    );
    for (let times = 0; times < 5; times += 1) ask();
    await eventually("the first build", () => (ends.length === 1 ? true : undefined));
    for (let times = 0; times < 5; times += 1) ask();
    ends[0]?.();
    await eventually("the second build", () => (ends.length === 2 ? true : undefined));
    ends[1]?.();
    await stop();
    assert.equal(ends.length, 2);
  });

  it(
    "shows in Node-RED what was changed, waits where that does not build, and leaves nothing behind",
    { skip: process.platform === "win32" ? "Windows has no signal that asks a process to end" : false },
    async () => {
      const clone = mkdtempSync(join(tmpdir(), "dev-"));
      for (const name of [...SOURCES, ...FILES]) cpSync(join(ROOT, name), join(clone, name), { recursive: true });
      // Older than what is installed: nothing is installed anew.
      utimesSync(join(clone, "package-lock.json"), 1, 1);
      symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"), "junction");
      const port = await freePort();
      const dev = spawn(process.execPath, [join(clone, "scripts/dev.mjs"), "--port", String(port)], {
        cwd: clone,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let log = "";
      for (const stream of [dev.stdout, dev.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => {
          log += text;
        });
      const exited = once(dev, "exit");
      try {
        const said = (what: string): Promise<true> =>
          eventually(what, () => {
            if (dev.exitCode !== null) throw new Error(`it ended:\n${log}`);
            return log.includes(what) || undefined;
          });
        const shown = async (): Promise<string | undefined> => {
          const answer = await fetch(`http://127.0.0.1:${port}/nodes`, { headers: { Accept: "text/html" } }).catch(
            () => undefined,
          );
          return answer?.ok === true ? answer.text() : undefined;
        };
        await eventually("Node-RED runs", async () => (await shown())?.includes("haar-detect") || undefined);
        const form = join(clone, "nodes/haar-detect/haar-detect.html");
        const before = readFileSync(form, "utf8");
        writeFileSync(form, `${before}\n<!-- a change of ours -->\n`);
        await eventually("the change", async () => (await shown())?.includes("a change of ours") || undefined);
        const pid = /started|Starting flows/.exec(log);
        assert.ok(pid, log);
        const source = join(clone, "lib/errors.ts");
        writeFileSync(source, `${readFileSync(source, "utf8")}\nconst wrong: number = "text";\n`);
        await said("that does not build");
        assert.ok((await shown())?.includes("a change of ours"), "the one before still runs");
      } finally {
        dev.kill("SIGTERM");
        await exited;
      }
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    },
  );
});
