import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Fault, UserError } from "../../../lib/errors";
import { StagePool } from "../../../lib/workers/pool";
import { eventually } from "../../support/node-red";

type What = "die" | "hang" | "throw" | "refuse" | "answer";

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

  it("tells a sentence for people, which stays one on its way from the worker, from a mistake", () => withPool(async (pool) => {
    await assert.rejects(pool.run("refuse"), (error) => error instanceof UserError && error.message === "send another picture.");
    await assert.rejects(pool.run("throw"), (error) => error instanceof Error && !(error instanceof UserError));
    await assert.rejects(pool.run("hang", { timeoutMs: 1500 }), Fault);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("answers with an error when the worker dies, and starts another", () => withPool(async (pool) => {
    await assert.rejects(pool.run("die"), /worker/i);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("says why a worker cannot be started, and lives on until one can", async () => {
    // A worker with nothing to do keeps no process alive.
    const alive = setInterval(() => undefined, 1000);
    const broken = (is: boolean): void => {
      if (is) process.env["FAULTY_WORKER"] = "broken";
      else delete process.env["FAULTY_WORKER"];
    };
    try {
      await withPool(async (pool) => {
        broken(true);
        // Whether it had the task already decides who tells the reason: the loader says that of a module that throws.
        for (let attempt = 0; attempt < 3; attempt += 1) await assert.rejects(pool.run("answer"), /Unknown file extension/);
        broken(false);
        // A worker that was begun before may still fail.
        await eventually("an answer", () => pool.run("answer").catch(() => undefined));
        broken(true);
        // Others start in its place, and fail without a task.
        await assert.rejects(pool.run("die"), /worker/i);
        await eventually("no worker", () => pool.threads === 0 || undefined);
        broken(false);
        assert.equal(await eventually("an answer", () => pool.run("answer").catch(() => undefined)), "done");
      });
    } finally {
      clearInterval(alive);
      broken(false);
    }
  });

  it("ends a worker that hangs, and starts another", () => withPool(async (pool) => {
    await assert.rejects(pool.run("hang", { timeoutMs: 1500 }), /did not answer within 1500 ms/);
    assert.equal(await pool.run("answer"), "done");
  }));

  it("begins tasks in the order in which they came, so that none of several cameras starves", () => withPool(async (pool) => {
    const answered = Array.from({ length: 5 }, () => 0);
    await Promise.all(answered.map(async (_, camera) => {
      // Each asks again as soon as it was answered, until one was answered ten times.
      while (Math.max(...answered) < 10) {
        await pool.run("answer");
        answered[camera] = (answered[camera] ?? 0) + 1;
      }
    }));
    assert.ok(Math.min(...answered) >= 9, answered.join(", "));
  }));

  it("answers with an error what waits when its last user goes", async () => {
    const pool = new StagePool<What, string>(join(__dirname, "../../support"), "faulty-worker", 1);
    pool.acquire();
    await pool.run("answer");
    const waiting = ["hang", "answer", "answer"].map((what) => assert.rejects(pool.run(what as What)));
    await pool.release();
    await Promise.all(waiting);
    assert.equal(pool.threads, 0);
  });

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
