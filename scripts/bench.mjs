// `npm run bench`: every figure, one table after the other, in one run. Run it where nothing else runs; it says what it leaves out.
//   npm run bench -- [--data DIR]      DIR: a folder of photos for each person, for the accuracy
// The peers: npm install --prefix bench/peers --ignore-scripts
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { progress, run, setUp } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { data: { type: "string" } } });

const say = progress("bench");
const bench = (name, ...args) => ({ name, args });
const peers = existsSync(join(root, "bench/peers/node_modules"));

async function main() {
  await setUp(say);
  const all = [
    ...(values.data === undefined ? [] : [bench("accuracy", "--data", values.data)]),
    bench("working-width", ...(values.data === undefined ? [] : ["--data", values.data])),
    bench("engines"),
    ...(peers ? [bench("peers", "--frames", "120")] : []),
    bench("pipeline", "--frames", "600", "--preset", "tracking"),
    bench("pipeline", "--frames", "300", "--sizes", "640x480", "--preset", "original"),
    bench("cost"),
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
