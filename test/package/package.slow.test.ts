import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { portrait } from "../support/photos";
import { build, example, type NodeRed, nodeOf, startNodeRed } from "../support/node-red";

const ROOT = join(__dirname, "../..");
const INSTALL_TIMEOUT_MS = 600_000;
/** What a clone does not hold. */
const MADE = /^(node_modules|dist|resources|\.demo|\.git)$/;
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

interface LockedPackage {
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  version?: string;
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(join(ROOT, path), "utf8")) as T;

/** What a clone of the present sources holds: what Git knows or would add. */
function bareClone(): string {
  const clone = mkdtempSync(join(tmpdir(), "clone-"));
  for (const file of ofGit() ?? readdirSync(ROOT).filter((name) => !MADE.test(name))) {
    if (!existsSync(join(ROOT, file))) continue;
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(join(ROOT, file), join(clone, file), { recursive: true });
  }
  return clone;
}

/** Undefined where there is no Git, or the sources came as an archive. */
function ofGit(): string[] | undefined {
  try {
    if (!existsSync(join(ROOT, ".git"))) return undefined;
    return execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .split("\0")
      .filter((file) => file !== "");
  } catch {
    return undefined;
  }
}

/** A detector as somebody else would write it, with nothing but what the package exports. */
const DETECTOR = `
import { CONTRACT_VERSION, readFaces, readPicture, UserError } from "@facewire/node-red-facenet";
import type { CommonOptions, Detector, Face, FaceMessage } from "@facewire/node-red-facenet";
import { z } from "zod";

/** The same as the package's own seam has it. */
const options: CommonOptions = { engine: "here" };
export const middle: Detector = {
  id: "middle",
  schema: z.object({ engine: z.literal("here") }),
  photoOptions: options,
  engines: {
    here: {
      threads: 1,
      load: () => ({
        name: "the middle",
        detect: ({ width, height }) => [
          { box: { x: width / 4, y: height / 4, width: width / 2, height: height / 2 }, score: 1 },
        ],
      }),
    },
  },
};

/** Everybody sits in the middle of the picture. */
function detect(message: FaceMessage): FaceMessage {
  const { frame } = readPicture(message);
  if (frame === undefined) throw new UserError("msg.frame is missing: put a camera node before this one.");
  const { width, height } = frame;
  const face: Face = { box: { x: width / 4, y: height / 4, width: width / 2, height: height / 2 }, score: 1 };
  message.faces = [face];
  message.face = { version: CONTRACT_VERSION };
  return message;
}

const frame = { source: "door", sequence: 0, capturedAt: Date.now(), width: 640, height: 480 };
const [face] = readFaces(detect({ payload: Buffer.from("a picture"), frame }));
// @ts-expect-error: the contract knows no such outcome
const wrong: Face = { ...face!, identity: { ...face!.identity!, outcome: "perhaps" } };
void wrong;
console.log(face?.box.width);
`;

/** Compile and run it in a project that has the packed package and TypeScript, as CommonJS and as an ES module. */
function detectorOfOthers(userDir: string): void {
  for (const type of ["commonjs", "module"]) {
    const project = join(userDir, `detector-${type}`);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "detector", private: true, type }));
    writeFileSync(join(project, "detector.ts"), DETECTOR);
    const compilerOptions = {
      module: "nodenext",
      target: "es2023",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["detector.ts"] }));
    const node = (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, {
        cwd: project,
        encoding: "utf8",
        timeout: INSTALL_TIMEOUT_MS,
      });
      assert.equal(status, 0, `${type}: ${stdout}${stderr}`);
      return stdout;
    };
    node(join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project);
    assert.equal(node("detector.js"), "320\n", type);
    const schema = 'require("@facewire/node-red-facenet/message.schema.json").$schema';
    assert.match(node("--input-type=commonjs", "-p", schema), /^https:\/\/json-schema\.org\//);
  }
}

describe("the packed package", () => {
  let red: NodeRed | undefined;
  after(() => red?.stop());

  it(
    "comes whole from a bare clone, installs without scripts into an empty user folder, registers every node " +
      "and recognizes a photo",
    async () => {
      const [clone, tarballs] = [bareClone(), mkdtempSync(join(tmpdir(), "pack-"))];
      // As one who publishes a production has it.
      const env = { ...process.env, NODE_ENV: "production", npm_config_prefer_offline: "true" };
      const [{ files }] = JSON.parse(
        execFileSync(npm, ["pack", "--json", "--pack-destination", tarballs], {
          cwd: clone,
          env,
          timeout: INSTALL_TIMEOUT_MS,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        }),
      ) as [{ files: { path: string }[] }];
      assert.deepEqual(
        files.map(({ path }) => path).sort(),
        packed(),
        "a clone gives the same files as a checkout that is built",
      );
      rmSync(clone, { recursive: true, force: true });
      const [tarball] = readdirSync(tarballs);
      const userDir = mkdtempSync(join(tmpdir(), "node-red-"));
      writeFileSync(join(userDir, "package.json"), JSON.stringify({ name: "user", private: true }));
      execFileSync(
        npm,
        [
          "install",
          "--ignore-scripts",
          "--prefer-offline",
          "--no-audit",
          "--no-fund",
          join(tarballs, tarball as string),
        ],
        { cwd: userDir, timeout: INSTALL_TIMEOUT_MS, stdio: "pipe" },
      );
      const { peerDependencies, peerDependenciesMeta } = readJson<{
        peerDependencies: Record<string, string>;
        peerDependenciesMeta: Record<string, { optional: boolean }>;
      }>("package.json");
      for (const engine of ["onnxruntime-node", "@tensorflow/tfjs-node", "@u4/opencv4nodejs"])
        assert.ok(engine in peerDependencies, `${engine} is named`);
      assert.deepEqual(
        Object.keys(peerDependencies).filter(
          (name) => peerDependenciesMeta[name]?.optional !== true || existsSync(join(userDir, "node_modules", name)),
        ),
        [],
        "nobody is given what is optional",
      );
      detectorOfOthers(userDir);
      const people = mkdtempSync(join(tmpdir(), "people-"));
      writeFileSync(join(people, "Alice.jpg"), await portrait("green"));
      const flow = example("recognize a photo over HTTP");
      Object.assign(nodeOf(flow, "facewire_gallery"), { folder: people });
      red = await startNodeRed(flow, { userDir });
      const sets = (await (await fetch(`${red.url}/nodes`, { headers: { Accept: "application/json" } })).json()) as {
        module: string;
        types: string[];
        enabled: boolean;
        err?: string;
      }[];
      const ours = sets.filter(({ module }) => module === "@facewire/node-red-facenet");
      assert.deepEqual(ours.flatMap(({ types }) => types).sort(), [
        "face-annotate",
        "face-attendance",
        "face-detect",
        "face-enrol",
        "face-gallery",
        "face-gate",
        "face-liveness",
        "face-match",
        "face-notify",
        "face-presence",
        "facenet-embed",
        "facewire-camera",
        "haar-detect",
        "tts-greet",
      ]);
      assert.ok(ours.every(({ enabled, err }) => enabled && err === undefined));
      const answer = await fetch(`${red.url}/recognize`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: new Uint8Array(await portrait("green")),
      });
      const { faces } = (await answer.json()) as { faces: { outcome: string; name: string }[] };
      assert.deepEqual(
        faces.filter(({ outcome }) => outcome === "match").map(({ name }) => name),
        ["Alice"],
      );
      assert.deepEqual(
        readdirSync(join(userDir, "node_modules/@facewire/node-red-facenet/examples")),
        readdirSync(join(ROOT, "examples")),
      );
      const sidebar = await fetch(`${red.url}/resources/@facewire/node-red-facenet/sidebar.js`);
      assert.match(await sidebar.text(), /addTab/, "the sidebar comes along");
    },
  );

  /** What would be packed of this checkout. */
  const packed = (): string[] => {
    build();
    const [{ files }] = JSON.parse(
      execFileSync(npm, ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: ROOT,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [{ files: { path: string }[] }];
    return files.map(({ path }) => path).sort();
  };

  it("holds what it needs and nothing else", () => {
    const paths = packed();
    for (const needed of [
      "LICENSE",
      "README.md",
      "NOTICE",
      "dist/nodes/camera/camera.html",
      "dist/nodes/camera/page.html",
      "dist/nodes/face-liveness/page.html",
      "dist/nodes/camera/locales/zh-TW/camera.json",
      "dist/nodes/camera/icons/camera.svg",
      "assets/cascades/haarcascade_frontalface_default.xml",
      "assets/cohorts/dlib-resnet-v1.i8",
      "assets/cohorts/mobilefacenet-192.i8",
      "assets/models/BlazeFace.tflite",
      "assets/models/BlazeFace.LICENSE",
      "assets/models/MobileFaceNet.tflite",
      "assets/models/MobileFaceNet.LICENSE",
      "assets/models/YuNet.LICENSE",
      "dist/lib/models/make-pack-cli.js",
      "dist/lib/sites/postgres/migrations/001-log.sql",
      "examples/03 - full recognizer.json",
      "dist/plugins/facenet-sidebar/facenet-sidebar.html",
      "dist/plugins/facenet-sidebar/locales/zh-TW/facenet-sidebar.json",
      "resources/sidebar.js",
      "resources/sidebar.css",
      "resources/vendor/uPlot.js",
      "resources/vendor/uPlot.LICENSE",
    ])
      assert.ok(paths.includes(needed), `${needed} is missing`);
    assert.deepEqual(
      paths.filter(
        (path) =>
          /^(test|lib|nodes|plugins|editor|scripts|bench|\.ci|node_modules)\//.test(path) ||
          /\.(jpe?g|mp4|wav)$/.test(path),
      ),
      [],
    );
  });
});

describe("what an install brings", () => {
  /** Packages whose install script is not needed: what it would do is done, or found, at run time. */
  const HARMLESS: Record<string, string> = {
    "@ffmpeg-installer/linux-x64": "chmod of the binary, which lib/capture/ffmpeg.ts does at run time",
    "@ffmpeg-installer/linux-ia32": "as above",
    "@ffmpeg-installer/linux-arm": "as above",
    "@ffmpeg-installer/linux-arm64": "as above",
    "@ffmpeg-installer/darwin-x64": "as above",
    "@ffmpeg-installer/darwin-arm64": "as above",
    lmdb: "looks whether the prebuilt binary came along, which lmdb does at run time",
    "msgpackr-extract": "as above; optional",
  };

  it("compiles nothing and downloads nothing", () => {
    const { packages } = readJson<{ packages: Record<string, LockedPackage> }>("package-lock.json");
    const scripted = Object.entries(packages)
      .filter(([path, { dev, hasInstallScript }]) => path !== "" && dev !== true && hasInstallScript === true)
      .map(([path]) => path.replace(/^.*node_modules\//, ""));
    assert.deepEqual(
      scripted.filter((name) => !(name in HARMLESS)),
      [],
    );
    for (const platform of ["linux-x64", "linux-arm64", "linux-arm", "darwin-x64", "darwin-arm64", "win32-x64"])
      assert.ok(packages[`node_modules/@lmdb/lmdb-${platform}`]?.optional, `no prebuilt LMDB for ${platform}`);
  });
});

describe("the Flow Library's scorecard, offline", () => {
  const manifest = readJson<{
    name: string;
    license: string;
    private?: boolean;
    repository?: unknown;
    bugs?: unknown;
    keywords: string[];
    engines: { node: string };
    "node-red": { version: string; nodes: Record<string, string> };
    dependencies: Record<string, string>;
  }>("package.json");

  /** type → html of every node. */
  const html = new Map(
    Object.values(manifest["node-red"].nodes).map((file) => {
      const path = file.replace(/^dist\//, "").replace(/\.js$/, ".html");
      const text = readFileSync(join(ROOT, path), "utf8");
      return [/registerType\("([^"]+)", \{/.exec(text)?.[1] ?? path, text] as const;
    }),
  );

  it("P01 has a licence, P02 is not disabled, P03 says where bugs go", () => {
    assert.equal(manifest.license, "Apache-2.0");
    assert.ok(manifest.private !== true && manifest.repository !== undefined && manifest.bugs !== undefined);
  });

  it("P04 has a scoped name of its own, P05 the keyword", () => {
    assert.match(manifest.name, /^@facewire\/[a-z-]+$/);
    assert.ok(manifest.keywords.includes("node-red"));
  });

  it("P06, P07 run on the current Node-RED and Node.js 22.9", () => {
    assert.deepEqual([manifest["node-red"].version, manifest.engines.node], [">=4.0.0", ">=20.19"]);
  });

  it("N01 registers each type once", () => {
    assert.deepEqual([...html.keys()].sort(), [
      "face-annotate",
      "face-attendance",
      "face-detect",
      "face-enrol",
      "face-gallery",
      "face-gate",
      "face-liveness",
      "face-match",
      "face-notify",
      "face-presence",
      "facenet-embed",
      "facewire-camera",
      "haar-detect",
      "tts-greet",
    ]);
  });

  it("N02 shows every node in an example", () => {
    const used = new Set(
      readdirSync(join(ROOT, "examples")).flatMap((file) =>
        readJson<{ type: string }[]>(`examples/${file}`).map(({ type }) => type),
      ),
    );
    assert.deepEqual(
      [...html.keys()].filter((type) => !used.has(type)),
      [],
    );
  });

  it("D01 has at most six dependencies, or names the reason for each one more", () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const names = Object.keys(manifest.dependencies);
    for (const name of names)
      assert.ok(readme.includes(`| \`${name}\``), `${name} is not in the README's table of dependencies`);
    const reasons = ["seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth"].filter((which) =>
      new RegExp(`\\| \`[\\w@/-]+\` \\| the ${which}`).test(readme),
    );
    assert.ok(names.length <= 6 + reasons.length, `${names.length} dependencies, ${reasons.length} reasons`);
  });

  it("D02 has no old agent-base", () => {
    const { packages } = readJson<{ packages: Record<string, LockedPackage> }>("package-lock.json");
    assert.deepEqual(
      Object.entries(packages).filter(([path, { dev }]) => path.endsWith("/agent-base") && dev !== true),
      [],
    );
  });

  it("D03 asks for versions, not for anything", () => {
    for (const range of Object.values(manifest.dependencies)) assert.match(range, /^\^?\d+\.\d+\.\d+/);
  });

  it("has palette entries in one category, with an icon, help and both languages for each", () => {
    for (const [type, text] of html) {
      if (type !== "face-gallery") assert.match(text, /category: "face recognition"/);
      const folder = type === "facewire-camera" ? "camera" : type;
      const keys = (language: string): string[] => {
        const flatten = (value: object, prefix = ""): string[] =>
          Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
            typeof inner === "object" && inner !== null ? flatten(inner, `${prefix}${key}.`) : [`${prefix}${key}`],
          );
        return flatten(readJson<object>(`nodes/${folder}/locales/${language}/${folder}.json`)).sort();
      };
      assert.deepEqual(keys("zh-TW"), keys("en-US"), `${type}: catalogues differ`);
      for (const key of text.matchAll(/data-i18n="(?:\[\w+\])?([\w.-]+)"/g))
        assert.ok(keys("en-US").includes(key[1] as string), `${type}: ${key[1]} has no text`);
      for (const language of ["en-US", "zh-TW"])
        assert.match(
          readFileSync(join(ROOT, `nodes/${folder}/locales/${language}/${folder}.html`), "utf8"),
          new RegExp(`data-help-name="${type}"`),
        );
    }
  });
});
