/**
 * A process of its own tries an engine, because a damaged native library or a processor without the instructions that
 * it needs ends
 * whatever process loads it. As at a redeploy the engine is loaded by a worker, that one ended, and loaded by a second
 * one.
 * Writes its answer to the standard output, as its last line.
 */
import { heard } from "../observe/heard";
import { StagePool } from "../workers/pool";
import type { Answer, NativeEngine } from "./engines";
import { errorMessage, UserError } from "../errors";

const WORKERS = 2;

async function answer(engine: NativeEngine): Promise<Answer> {
  const pool = new StagePool<NativeEngine, void>(__dirname, "probe-worker", 1);
  try {
    for (let count = 0; count < WORKERS; count += 1) {
      pool.acquire();
      await pool.run(engine);
      await pool.release();
    }
    return {};
  } catch (error) {
    await pool.release();
    // All lines of a native library's words: the last tell of which Node.js it was built for.
    return { reason: error instanceof UserError ? error.sentence : errorMessage(error) };
  }
}

heard(
  "probe",
  answer(process.argv[2] as NativeEngine).then((said) => process.stdout.write(`\n${JSON.stringify(said)}\n`)),
);
