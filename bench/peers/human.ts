/**
 * @vladmandic/human on WASM with what recognition needs: face detector and description; all else is off.
 * Argument "every": each frame is looked at; else its own defaults, which detect and describe anew every few seconds
 * only.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { basename, dirname, join, sep } from "node:path";
import type * as Core from "@tensorflow/tfjs-core";
import { measure } from "./measure";

interface Human {
  version: string;
  tf: typeof Core;
  init(): Promise<void>;
  load(): Promise<void>;
  detect(input: Core.Tensor3D): Promise<{ face: { embedding?: number[] }[] }>;
}

const here = createRequire(__filename);
/** Its exports name the build for tfjs-node only. */
const ROOT = join(__dirname, "node_modules", "@vladmandic", "human");
const EVERY = process.argv[3] === "every";

async function main(): Promise<void> {
  const wasmPath = dirname(here.resolve("@tensorflow/tfjs-backend-wasm")) + sep;
  here("@tensorflow/tfjs-backend-wasm");
  const { Human: Constructor } = here(join(ROOT, "dist", "human.node-wasm.js")) as {
    Human: new (config: object) => Human;
  };
  // On WASM it loads models by HTTP only.
  const server = createServer((request, response) => {
    readFile(join(ROOT, "models", basename(request.url ?? ""))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const skipping = EVERY ? { skipFrames: 0, skipTime: 0 } : {};
  const off = { enabled: false };
  const human = new Constructor({
    backend: "wasm",
    wasmPath,
    modelBasePath: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    debug: false,
    // 0 looks at every frame, however alike the last one was.
    ...(EVERY ? { cacheSensitivity: 0 } : {}),
    filter: off,
    face: {
      enabled: true,
      detector: { maxDetected: 20, ...skipping },
      mesh: off,
      iris: off,
      emotion: off,
      description: { enabled: true, ...skipping },
    },
    body: off,
    hand: off,
    object: off,
    gesture: off,
    segmentation: off,
  });
  await human.init();
  await human.load();
  server.close();
  server.closeAllConnections();
  await measure(
    `human ${human.version}, ${EVERY ? "every frame" : "its defaults, which skip"}`,
    async (rgb, width, height) => {
      const tensor = human.tf.tensor3d(rgb, [height, width, 3], "int32");
      const { face } = await human.detect(tensor);
      human.tf.dispose(tensor);
      return face.filter(({ embedding }) => (embedding?.length ?? 0) > 0).length;
    },
  );
}

void main();
