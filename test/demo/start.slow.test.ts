import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { findFfmpeg } from "../../lib/capture/ffmpeg";
import { wavDuration } from "../../lib/speech/wav";
import { eventually } from "../support/node-red";
import { pattern } from "../support/pattern";

const ROOT = join(__dirname, "../..");
const started: ChildProcess[] = [];

interface Demo {
  child: ChildProcess;
  folder: string;
  home: string;
  output: () => string;
  exited: Promise<number | null>;
}

interface DemoVideo {
  makeDemo(folder: string): Promise<{ photos: string; video: string }>;
  SHOTS: readonly { seconds: number; who: readonly string[] }[];
}

/** `npm start` with these arguments, in a folder and a home of its own. */
function start(args: string[], folder: string, env: NodeJS.ProcessEnv = {}): Demo {
  const home = mkdtempSync(join(tmpdir(), "home-"));
  const child = spawn(process.execPath, [join(ROOT, "scripts/start.mjs"), "--folder", folder, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: home, ...env },
  });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return {
    child,
    folder,
    home,
    output: () => output,
    exited: once(child, "exit").then(([code]) => code as number | null),
  };
}

/** A row of the closing table: frames, matched, unknown, wrong name, first greeting. */
function row(output: string, name: string): string[] {
  const line = output.split("\n").find((each) => each.startsWith(`${name} `));
  assert.ok(line !== undefined, `no row of ${name} in\n${output.slice(-2000)}`);
  return line
    .trim()
    .split(/\s{2,}/)
    .slice(1);
}

/** Command lines that name a path (Linux; elsewhere none is told). */
function processesWith(path: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((id) => /^\d+$/.test(id))
    .map((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, "utf8");
      } catch {
        // It ended meanwhile.
        return "";
      }
    })
    .filter((line) => line.includes(path));
}

describe("npm start", () => {
  let demoVideo: DemoVideo;
  /** The first demo makes its photos and its video here; what is there is not made anew. */
  const made = mkdtempSync(join(tmpdir(), "demo-"));
  before(async () => {
    demoVideo = (await import(pathToFileURL(join(ROOT, "scripts/demo-video.mjs")).href)) as DemoVideo;
  });
  after(() => {
    for (const child of started) child.kill("SIGKILL");
  });

  /** A folder with the demo's photos; and a video that ffmpeg makes with these arguments, else the demo's. */
  async function folderWith(video?: readonly string[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "demo-"));
    const there = await demoVideo.makeDemo(made);
    cpSync(there.photos, join(folder, basename(there.photos)), { recursive: true });
    const place = join(folder, basename(there.video));
    if (video === undefined) copyFileSync(there.video, place);
    else execFileSync((await findFfmpeg()).path, ["-nostdin", "-loglevel", "error", ...video, place]);
    return folder;
  }

  it(
    "-- --once recognizes and greets everyone it knows, takes no stranger for one, keeps WAVs and frames, and " +
      "ends with 0",
    async () => {
      const demo = start(["--once", "--port", "0"], made);
      assert.equal(await demo.exited, 0, demo.output().slice(-2000));
      const output = demo.output();
      assert.match(output, /\] enrolled: Dana, Erin, Noor, Robin, Tess\n/);
      assert.ok(
        output.indexOf("enrolled:") < output.indexOf("demo video #"),
        "nobody is shown before everybody is known",
      );
      for (const name of ["Robin", "Noor", "Dana", "Erin", "Tess"]) {
        const [frames = "", matched = "", , wrong, greeting = ""] = row(output, name);
        // A busy computer decides fewer frames, and the first of a face that comes in is a larger part of them.
        assert.ok(
          Number(frames) > 0 && Number(matched) > 0.7 * Number(frames),
          `${name}: ${matched} of ${frames} frames matched`,
        );
        assert.equal(wrong, "0", `${name}: somebody else's name`);
        assert.match(greeting, /^\d+\.\d s$/, `${name} was greeted`);
      }
      const [frames = "", matched, unknown, wrong, greeting] = row(output, "strangers");
      assert.ok(Number(frames) > 0);
      assert.deepEqual([matched, unknown, wrong, greeting], ["0", frames, "0", "–"]);
      assert.match(
        output,
        pattern(
          /\d\d:\d\d:\d\d {2}demo video #\d+ +match +Robin +d -?0\.\d\d τ 0\.96 {2}ms: /,
          /decode \d+ detect \d+ align \d+ embed \d+ match \d+ total \d+/,
        ),
      );
      assert.match(output, /\d\d:\d\d:\d\d {2}demo video #\d+ +unknown +– +d \d\.\d\d τ 0\.96/);
      assert.match(output, /"Welcome Robin, have a nice day!" after/);
      for (const wav of ["Robin.wav", "Noor.wav", "Tess.wav"])
        assert.ok(wavDuration(readFileSync(join(demo.folder, "greetings", wav))) > 1, wav);
      const frame = await sharp(readFileSync(join(demo.folder, "frames/Robin.jpg"))).metadata();
      assert.deepEqual([frame.format, frame.width, frame.height], ["jpeg", 640, 480]);
      assert.ok(existsSync(join(demo.folder, "frames/unknown.jpg")));
      assert.ok(!readdirSync(demo.home).includes(".node-red"), "it has a user folder of its own");
    },
  );

  it(
    "-- --original does as the program it grew from: its search, its 128 numbers, its distance and τ, its " +
      "sentence; and calls strangers by names",
    async () => {
      // To the end of the first shot of somebody known whom it recognizes; a stranger comes before.
      const shots = demoVideo.SHOTS.slice(0, demoVideo.SHOTS.findIndex(({ who }) => who.includes("Noor")) + 1);
      const seconds = shots.reduce((sum, shot) => sum + shot.seconds, 0);
      const video = ["-i", (await demoVideo.makeDemo(made)).video, "-t", String(seconds), "-c", "copy"];
      const demo = start(["--once", "--original", "--port", "0"], await folderWith(video));
      assert.equal(await demo.exited, 0, demo.output().slice(-2000));
      const output = demo.output();
      assert.match(
        output,
        pattern(
          /as the original: Haar 1\.3 and 5, 50 px around the box, not /,
          /aligned, 128 numbers, Euclidean distance, τ 0\.7\n/,
        ),
      );
      assert.match(output, /demo video #\d+ +match +Noor +d 0\.\d\d τ 0\.70 {2}ms/);
      assert.deepEqual([...new Set([...output.matchAll(/ d \d\.\d\d τ (\S+)/g)].map(([, tau]) => tau))], ["0.70"]);
      assert.match(output, /"Welcome Noor, have a nice day!" after/);
      assert.ok(
        Number(row(output, "strangers")[3]) > 0,
        "at 0.7 strangers get names: that is why it is not the default",
      );
      const flow = JSON.parse(readFileSync(join(demo.folder, "node-red-original/flows.json"), "utf8")) as Record<
        string,
        unknown
      >[];
      const fields = (type: string, names: string[]): unknown[] =>
        names.map((name) => flow.find((node) => node["type"] === type)?.[name]);
      assert.deepEqual(
        fields("haar-detect", [
          "cascade",
          "scaleFactor",
          "minNeighbors",
          "minSize",
          "maxSize",
          "workingWidthType",
          "tracking",
        ]),
        ["frontalface_default", "1.3", "5", "", "", "whole", false],
      );
      assert.deepEqual(fields("facenet-embed", ["model", "minSize", "minSharpness", "reembedAfter"]), [
        "dlib-resnet-v1-box50",
        "0",
        "",
        "0",
      ]);
      assert.deepEqual(fields("face-match", ["distance", "threshold", "margin"]), ["euclidean", "0.7", "0"]);
      assert.deepEqual(fields("face-gallery", ["model"]), ["dlib-resnet-v1-box50"]);
    },
  );

  it("-- --once ends with 1 when nobody was recognized", async () => {
    const room = ["-f", "lavfi", "-i", "color=gray:s=640x480:r=15:d=1", "-pix_fmt", "yuv420p"];
    const demo = start(["--once", "--port", "0"], await folderWith(room));
    assert.equal(await demo.exited, 1);
    assert.match(demo.output(), /nobody was recognized/);
  });

  it(
    "shows the flow at the address it prints, offers the examples for import, and ends at Ctrl-C with nothing " +
      "left behind",
    async () => {
      const demo = start(["--port", "0"], await folderWith());
      const url = await eventually("an address", () => /open (http:\S+)/.exec(demo.output())?.[1]);
      const { flows } = (await (await fetch(`${url}flows`, { headers: { "Node-RED-API-Version": "v2" } })).json()) as {
        flows: { type: string }[];
      };
      assert.deepEqual(
        [
          "facewire-camera",
          "haar-detect",
          "facenet-embed",
          "face-match",
          "tts-greet",
          "face-annotate",
          "face-gallery",
        ].filter((type) => !flows.some((node) => node.type === type)),
        [],
      );
      const examples = await (
        await fetch(`${url}library/examples/flows/`, { headers: { Accept: "application/json" } })
      ).text();
      assert.match(examples, /node-red-facenet/);
      await eventually("a match", () => (/ match +Robin/.test(demo.output()) ? true : undefined));
      demo.child.kill("SIGINT");
      assert.equal(await demo.exited, 0);
      assert.deepEqual(processesWith(demo.folder), [], "no ffmpeg of this demo is left");
    },
  );

  it("takes a free port when 1880 is taken, and says it when the user's own is", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const demo = start(["--once"], await folderWith(), { PORT: String(port) });
    assert.equal(await demo.exited, 1);
    assert.match(demo.output(), new RegExp(`port ${port} cannot be used \\(EADDRINUSE\\)`));
    server.close();
  });
});
