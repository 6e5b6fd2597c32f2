// `npm run bench`: every figure, one table after the other, in one run. Run it where nothing else runs; it says what
// it leaves out.
//   npm run bench -- [--data DIR] [--out DIR]      --data: a folder of photos for each person, for the accuracy;
// --out: for the curves of accuracy and the plots of cost, as SVG
// The peers: npm install --prefix bench/peers --ignore-scripts
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { progress, run, setUp } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { data: { type: "string" }, out: { type: "string" } } });

const say = progress("bench");
const bench = (name, ...args) => ({ name, args });
const peers = existsSync(join(root, "bench/peers/node_modules"));

async function main() {
  await setUp(say);
  const out = values.out === undefined ? [] : ["--out", values.out];
  const photos = values.data === undefined ? [] : ["--data", values.data];
  const pipeline = (...args) => bench("pipeline", "--sizes", "640x480", ...args);
  const all = [
    ...(values.data === undefined
      ? []
      : [bench("accuracy", ...photos, ...out), bench("accuracy", ...photos, "--ablate")]),
    bench("fusing", ...photos),
    bench("working-width", ...photos),
    bench("engines"),
    ...(peers ? [bench("peers", "--frames", "120")] : []),
    bench("pipeline", "--frames", "600"),
    pipeline("--frames", "600", "--faces", "4"),
    pipeline("--frames", "600", "--cameras", "2"),
    pipeline("--frames", "300", "--preset", "accurate"),
    pipeline("--frames", "300", "--preset", "original"),
    bench("cost", ...out),
    ...(process.platform === "linux" ? [bench("cost", "empty", "motion", "people", "cameras")] : []),
    bench("search", "--sizes", peers ? "50000x10000,1000000" : "50000x10000,100000,1000000"),
    bench("people", "--people", "10000"),
  ];
  if (values.data === undefined) say("no --data DIR: accuracy is left out");
  if (!peers) say("bench/peers is not installed: face-api, human, usearch and onnxruntime-node are left out");
  for (const { name, args } of all) {
    say(`${name} ${args.join(" ")}`);
    await run(process.execPath, ["--import", "tsx", join("bench", `${name}.ts`), ...args]);
  }
}

await main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
