import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Ffmpeg, releaseOf } from "../../../lib/capture/ffmpeg";
import { pattern } from "../../support/pattern";

/**
 * Run code in a process with another environment.
 * @param before what a shell does first
 * @returns the JSON that it prints
 */
async function runWith<T>(environment: Record<string, string>, code: string, before = ""): Promise<T> {
  return new Promise((resolve, reject) => {
    execFile(
      "/bin/sh",
      ["-c", `${before}exec "$0" "$@"`, process.execPath, "--import", "tsx", "-e", code],
      { cwd: join(__dirname, "../../.."), env: { HOME: tmpdir(), ...environment }, timeout: 180_000 },
      (error, stdout) => {
        if (error === null) resolve(JSON.parse(stdout) as T);
        else reject(error);
      },
    );
  });
}

/** What is found in another environment, or the sentence that says why nothing is. */
const findWith = (environment: Record<string, string>, before = ""): Promise<Ffmpeg & { error?: string }> =>
  runWith(
    environment,
    `${before}; const { findFfmpeg } = require("./lib/capture/ffmpeg"); findFfmpeg().catch((error) => ({ ` +
      "error: error.message })).then((found) => console.log(JSON.stringify(found)));",
  );

function fakeFfmpeg(script: string): { folder: string; path: string } {
  const folder = mkdtempSync(join(tmpdir(), "fake-"));
  const path = join(folder, "ffmpeg");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { folder, path };
}

const nowhere = mkdtempSync(join(tmpdir(), "nowhere-"));
const withoutPackage =
  'require("node:module")._resolveFilename = ((resolve) => function (name, ...rest) { if ' +
  '(name.startsWith("@ffmpeg-installer")) throw new Error("none"); return resolve.call(this, name, ...rest); ' +
  '})(require("node:module")._resolveFilename)';

describe("findFfmpeg", { skip: process.platform === "win32" ? "its fake programs are shell scripts" : false }, () => {
  it("takes FFMPEG_PATH before the PATH, and the PATH before the package", async () => {
    const [named, onPath] = [
      fakeFfmpeg("echo ffmpeg version 9.1 Copyright"),
      fakeFfmpeg("echo ffmpeg version n8.0-3 Copyright"),
    ];
    assert.deepEqual(await findWith({ FFMPEG_PATH: named.path, PATH: onPath.folder }), {
      path: named.path,
      version: "9.1",
      bundled: false,
    });
    assert.deepEqual(await findWith({ PATH: onPath.folder }), { path: "ffmpeg", version: "n8.0-3", bundled: false });
    const { bundled, path } = await findWith({ PATH: nowhere });
    assert.equal(bundled, true);
    assert.match(path, /@ffmpeg-installer/);
  });

  it("passes over a program on the PATH that does not run", async () => {
    assert.equal((await findWith({ PATH: fakeFfmpeg("exit 1").folder })).bundled, true);
  });

  it("says that FFMPEG_PATH names nothing that runs", async () => {
    assert.match(
      (await findWith({ FFMPEG_PATH: "/nowhere/ffmpeg", PATH: nowhere })).error ?? "",
      /FFMPEG_PATH names \/nowhere\/ffmpeg, which is no ffmpeg that runs here: correct it or clear it/,
    );
  });

  it("says that no file may be opened any more, and ends nothing but the camera", async () => {
    const code = `
      const { closeSync, openSync } = require("node:fs");
      const programs = require("node:child_process");
      const { spawn } = programs;
      const { Camera } = require("./lib/capture/camera");
      const { cameraOptionsSchema } = require("./lib/capture/options");
      const { findFfmpeg } = require("./lib/capture/ffmpeg");
      const camera = new Camera(cameraOptionsSchema.parse({ name: "c", source: "file", path: "./package.json" }));
      camera.on("event", ({ event, reason }) => setTimeout(() => console.log(JSON.stringify({ event, reason })), 100));
      findFfmpeg().then(() => {
        const taken = [];
        // At the very moment: whatever else closes a file before would leave room.
        programs.spawn = (...all) => {
          try {
            for (;;) taken.push(openSync("/dev/null"));
          } catch {}
          return spawn(...all);
        };
        camera.once("event", () => taken.forEach((each) => closeSync(each)));
        camera.start();
      });`;
    const { path } = fakeFfmpeg("echo ffmpeg version 9.1 Copyright");
    const { event, reason } = await runWith<{ event: string; reason: string }>(
      { FFMPEG_PATH: path },
      code,
      "ulimit -n 200; ",
    );
    assert.equal(event, "lost");
    assert.match(reason, /ffmpeg cannot be started: .*too many files/);
  });

  it(
    "refuses an ancient one for a network stream unless that is allowed, warns of an old one, and asks each in " +
      "its own words",
    async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const code = (allowed: boolean): string => `
      const { Camera } = require("./lib/capture/camera");
      const { cameraOptionsSchema } = require("./lib/capture/options");
      const options = { name: "door", source: "rtsp", url: "rtsp://127.0.0.1:${port}/", oldFfmpeg: ${allowed} };
      const camera = new Camera(cameraOptionsSchema.parse(options));
      const events = [];
      camera.on("event", (event) => {
        events.push(event.reason);
        if (event.event === "lost") void camera.stop().then(() => console.log(JSON.stringify(events)));
      });
      camera.start();`;
      const readWith = (version: string, allowed = false): Promise<string[]> =>
        runWith(
          {
            FFMPEG_PATH: fakeFfmpeg(
              `case "$*" in *-version*) echo ffmpeg version ${version};; *-stimeout*-vsync*) echo "[error] old" ` +
                `>&2; exit 1;; *-timeout*-fps_mode*) echo "[error] new" >&2; exit 1;; esac`,
            ).path,
            PATH: nowhere,
          },
          code(allowed),
        );
      const [refused, allowed, old, recent] = [
        await readWith("4.1.6"),
        await readWith("4.1.6", true),
        await readWith("4.4.2"),
        await readWith("7.1"),
      ];
      const packaged = await runWith<string[]>({ PATH: nowhere }, code(false));
      server.close();
      assert.match(
        refused[0] ?? "",
        pattern(
          /^ffmpeg 4\.1\.6 is too old to read a stream from the network, its holes are known: install /,
          /ffmpeg 5 or newer on the PATH, or allow it in the camera node's form\.$/,
        ),
      );
      assert.match(
        packaged[0] ?? "",
        /^the ffmpeg of 2018 that comes with this package \(N-47683[^)]*\) is too old to read a stream/,
      );
      assert.match(allowed[0] ?? "", /ffmpeg 4\.1\.6 is old for a network stream: install ffmpeg 5 or newer/);
      assert.match(old[0] ?? "", /ffmpeg 4\.4\.2 is old for a network stream: install ffmpeg 5 or newer/);
      const gives = (word: string): string => `the stream rtsp://127.0.0.1:${port}/ gives no picture: ${word}.`;
      assert.deepEqual([allowed[1], old[1], recent[0]], [gives("old"), gives("old"), gives("new")]);
    },
  );

  it("says how to install it where there is none", async () => {
    assert.match(
      (await findWith({ PATH: nowhere }, withoutPackage)).error ?? "",
      /ffmpeg was not found: install it \("sudo apt install ffmpeg".*brew install.*winget install/,
    );
  });
});

describe("releaseOf", () => {
  it("compares releases, and what is built from git by its commits or its date", () => {
    assert.deepEqual(
      ["4.4.2-0ubuntu0.22.04.1", "5.0.1", "5.1.9-0+deb12u1", "n7.1", "7.1.1-essentials_build-www.gyan.dev", "10"].map(
        releaseOf,
      ),
      [404, 500, 501, 701, 701, 1000],
    );
    assert.deepEqual(
      [
        "N-47683-g0e8eb07980-static",
        "N-121938-g123",
        "2025-01-08-git-251de1791e-full_build",
        "git-2020-08-31-4a11a6f",
        "unknown",
      ].map(releaseOf),
      [0, 501, 501, 0, 501],
    );
  });
});
