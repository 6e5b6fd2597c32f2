/**
 * Native OpenCV in a process of its own. It is asked over IPC. It ends when its parent does: the parent holds the
 * other end of
 * standard input, and a thread watches that, since the main thread may hang in native code.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { NativeAnswer, NativeGreeting, NativeQuestion } from "./native";
import { BoundedMap } from "../../bounded-map";
import type { Box } from "../../message";
import { errorMessage } from "../../errors";

interface NativeMat {
  resize(rows: number, cols: number, fx: number, fy: number, interpolation: number): NativeMat;
  release(): void;
}

interface NativeCascade {
  detectMultiScale(grey: NativeMat, options: object): { objects: Box[]; numDetections: number[] };
}

interface NativeCv {
  CV_8UC1: number;
  INTER_AREA: number;
  Mat: new (data: Buffer, rows: number, cols: number, type: number) => NativeMat;
  Size: new (width: number, height: number) => unknown;
  CascadeClassifier: new (path: string) => NativeCascade;
}

const WATCH = `
  const parent = new (require("node:net").Socket)({ fd: 0, readable: true, writable: false });
  parent.on("error", () => undefined).on("close", () => process.kill(process.pid, "SIGKILL")).resume();
`;

/** Cascades kept; flows use one or two. */
const MOST_CASCADES = 8;

const cascades = new BoundedMap<string, NativeCascade>(MOST_CASCADES);

function load(path: string): NativeCv {
  const cv = createRequire(__filename)(path) as { default?: NativeCv } & NativeCv;
  return cv.default ?? cv;
}

function answer(cv: NativeCv, question: NativeQuestion): NativeAnswer {
  if ("cascade" in question) {
    cascades.set(question.cascade, new cv.CascadeClassifier(question.cascade));
    return {};
  }
  const { grey, width, height, working, search } = question;
  const cascade = cascades.get(search.cascade);
  if (cascade === undefined) return { forgotten: true };
  const mats = [new cv.Mat(Buffer.from(grey.buffer, grey.byteOffset, grey.byteLength), height, width, cv.CV_8UC1)];
  try {
    if (working.width !== width || working.height !== height)
      mats.push((mats[0] as NativeMat).resize(working.height, working.width, 0, 0, cv.INTER_AREA));
    const { objects, numDetections } = cascade.detectMultiScale(mats.at(-1) as NativeMat, {
      scaleFactor: search.scaleFactor,
      minNeighbors: search.minNeighbors,
      minSize: new cv.Size(search.minSize, search.minSize),
      ...(search.maxSize > 0 ? { maxSize: new cv.Size(search.maxSize, search.maxSize) } : {}),
    });
    return {
      found: objects.map(({ x, y, width: wide, height: high }, index) => ({
        box: { x, y, width: wide, height: high },
        score: numDetections[index] ?? 0,
      })),
    };
  } finally {
    for (const mat of mats) mat.release();
  }
}

function main(path: string): void {
  // Without this process's loaders, which may need the main thread.
  new Worker(WATCH, { eval: true, execArgv: [] }).unref();
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const greet = (greeting: NativeGreeting): void => {
    process.send?.(greeting);
  };
  let cv: NativeCv;
  try {
    cv = load(path);
  } catch (error) {
    greet({ failed: errorMessage(error) });
    return;
  }
  process.on("message", (question: NativeQuestion) => {
    let answered: NativeAnswer;
    try {
      answered = answer(cv, question);
    } catch (error) {
      answered = { error: errorMessage(error) };
    }
    process.send?.(answered);
  });
  greet({ ready: true });
}

main(process.argv[2] as string);
