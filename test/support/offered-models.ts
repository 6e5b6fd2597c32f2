/** A Node-RED whose catalogue of models is the test's, on a server of the test's own. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Offer } from "../../lib/models/catalogue";
import { type StandIn, standIn } from "./stand-in-server";
import { TINY_DIMENSIONS, tinyOnnxModel } from "./tiny-models";

const ROOT = join(__dirname, "../..");

export interface OfferedModels {
  /** For the environment of the Node-RED. */
  env: NodeJS.ProcessEnv;
  /** Its one file is the network "tiny". */
  server: StandIn;
  close(): Promise<void>;
}

/** "tiny", an ONNX model made on the spot; "forged", of which the server has another file; "spotter", a detector. */
export async function offeredModels(): Promise<OfferedModels> {
  const path = tinyOnnxModel();
  const bytes = readFileSync(join(dirname(path), "tiny.onnx"));
  const { inputSize } = JSON.parse(readFileSync(path, "utf8")) as { inputSize: number };
  const server = await standIn(bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const base = {
    licence: "CC0-1.0",
    notice: "Made for a test.",
    licenceText: join(ROOT, "LICENSE"),
    file: "tiny.onnx",
    size: bytes.length,
    addresses: [server.url],
    origin: "https://example.com/tiny",
    sha256,
  };
  const descriptor = {
    inputSize,
    channelOrder: "rgb",
    layout: "nchw",
    mean: 0,
    scale: 1,
    normalization: "fixed",
    alignment: "box",
    padding: 0,
    dimensions: TINY_DIMENSIONS,
    l2Normalize: true,
    distance: "euclidean",
    threshold: 1,
    nearDuplicate: 0.32,
  } as const;
  const catalogue: Offer[] = [
    { ...base, kind: "embedder", id: "tiny", name: "Tiny network", descriptor },
    { ...base, kind: "embedder", id: "forged", name: "Forged network", descriptor, sha256: "0".repeat(64) },
    { ...base, kind: "detector", id: "spotter", name: "Tiny detector" },
  ];
  const preload = join(mkdtempSync(join(tmpdir(), "offers-")), "offers.cjs");
  const options = { catalogue, plainOrigins: [server.origin], limits: { idleMs: 60_000, retryMs: 50 } };
  const downloads = JSON.stringify(join(ROOT, "dist/lib/models/downloads.js"));
  writeFileSync(preload, `require(${downloads}).downloadInstead(${JSON.stringify(options)});\n`);
  return { env: { NODE_OPTIONS: `--require ${JSON.stringify(preload)}` }, server, close: () => server.close() };
}
