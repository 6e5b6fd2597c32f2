import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { StagePool } from "../../../lib/workers/pool";

type What = "die" | "hang" | "throw" | "answer";

async function withPool(work: (pool: StagePool<What, string>) => Promise<void>): Promise<void> {
  const pool = new StagePool<What, string>(join(__dirname, "../../support"), "faulty-worker", 1);
  pool.acquire();
  try {
    await work(pool);
  } finally {
    await pool.release();
    assert.equal(pool.threads, 0);
  }
}

describe("StagePool", () => {
  it("gives back what the worker answers", () => withPool(async (pool) => {
    assert.equal(await pool.run("answer"), "done");
  }));

  it("passes on what a task throws, and works on", () => withPool(async (pool) => {
    await assert.rejects(pool.run("throw"), /as asked/);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("answers with an error when the worker dies, and starts another", () => withPool(async (pool) => {
    await assert.rejects(pool.run("die"), /worker/i);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("ends a worker that hangs, and starts another", () => withPool(async (pool) => {
    await assert.rejects(pool.run("hang", { timeoutMs: 1500 }), /did not answer within 1500 ms/);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("has no workers left when its last user is gone", async () => {
    const pool = new StagePool<What, string>(join(__dirname, "../../support"), "faulty-worker", 1);
    pool.acquire();
    pool.acquire();
    await pool.run("answer");
    await pool.release();
    assert.equal(pool.threads, 1);
    await pool.release();
    assert.equal(pool.threads, 0);
    await assert.rejects(pool.run("answer"), /closed/);
  });
});
