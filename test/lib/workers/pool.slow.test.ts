import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Fault, UserError } from "../../../lib/errors";
import { StagePool } from "../../../lib/workers/pool";
import { REST_MS, type What } from "../../support/faulty-worker";
import { eventually } from "../../support/node-red";

const IDLE_MS = 200;

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
  it("gives back what the worker answers", () =>
    withPool(async (pool) => {
      assert.equal(await pool.run("answer"), "done");
    }));

  it("passes on what a task throws, and works on", () =>
    withPool(async (pool) => {
      await assert.rejects(pool.run("throw"), /as asked/);
      assert.equal(await pool.run("answer"), "done");
    }));

  it("tells a sentence for people, which stays one on its way from the worker, from a mistake", () =>
    withPool(async (pool) => {
      await assert.rejects(
        pool.run("refuse"),
        (error) => error instanceof UserError && error.message === "send another picture.",
      );
      await assert.rejects(pool.run("throw"), (error) => error instanceof Error && !(error instanceof UserError));
      await assert.rejects(pool.run("hang", { timeoutMs: 1500 }), Fault);
      assert.equal(await pool.run("answer"), "done");
    }));

  it("answers with an error when the worker dies, and starts another", () =>
    withPool(async (pool) => {
      await assert.rejects(pool.run("die"), /worker/i);
      assert.equal(await pool.run("answer"), "done");
    }));

  for (const [what, kind, sentence] of [
    ["throw a number", Fault, "an engine broke (1865568) and was restarted: send the picture again, or another one."],
    ["throw nothing", Fault, "an engine broke (undefined) and was restarted: send the picture again, or another one."],
    [
      "trap",
      Fault,
      "an engine broke (RuntimeError: unreachable) and was restarted: send the picture again, or another one.",
    ],
    ["refuse for a trap", UserError, "send a smaller picture."],
    [
      "die",
      Fault,
      "the worker ended in the midst of its work (worker exited with code: 3) and was restarted: send the " +
        "picture again, or another one.",
    ],
  ] as const) {
    it(`replaces a worker told to ${what}, for its engine is broken, and says a sentence`, () =>
      withPool(async (pool) => {
        assert.equal(await pool.run("count"), "1");
        assert.equal(await pool.run("count"), "2");
        // What waits is done by the new worker.
        const [broken, next] = await Promise.allSettled([pool.run(what), pool.run("count")]);
        assert.ok(broken.status === "rejected" && broken.reason instanceof kind);
        assert.equal(broken.reason.message, sentence);
        assert.deepEqual(next, { status: "fulfilled", value: "1" });
      }));
  }

  it("keeps a worker whose task threw an Error, and its engine with it", () =>
    withPool(async (pool) => {
      await assert.rejects(pool.run("throw"), /^Error: as asked$/);
      await assert.rejects(pool.run("refuse"), UserError);
      assert.equal(await pool.run("count"), "3");
    }));

  it("gives a task whose worker died of it to another once, made anew, and no third", () =>
    withPool(async (pool) => {
      const asked: What[] = [];
      const tasks =
        (...whats: What[]) =>
        () => {
          asked.push(whats[0] as What);
          return Promise.resolve({ task: whats.shift() as What, transfer: [] });
        };
      assert.equal(await pool.runAgain(tasks("trap", "answer")), "done");
      await assert.rejects(
        pool.runAgain(tasks("throw a number", "refuse for a trap", "answer")),
        /send a smaller picture/,
      );
      await assert.rejects(pool.runAgain(tasks("throw", "answer")), /as asked/);
      assert.deepEqual(asked, ["trap", "answer", "throw a number", "refuse for a trap", "throw"]);
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
        for (let attempt = 0; attempt < 3; attempt += 1)
          await assert.rejects(pool.run("answer"), /Unknown file extension/);
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

  it("ends a worker that hangs, and starts another", () =>
    withPool(async (pool) => {
      await assert.rejects(pool.run("hang", { timeoutMs: 1500 }), /did not answer within 1500 ms/);
      assert.equal(await pool.run("answer"), "done");
    }));

  it("does not say that a task hangs which only waited behind others", () =>
    withPool(async (pool) => {
      await pool.run("answer");
      // The last begins after more than the time that it may take.
      const tasks = Array.from({ length: 4 }, () => pool.run("rest", { timeoutMs: 2 * REST_MS + 400 }));
      assert.deepEqual(await Promise.all(tasks), ["done", "done", "done", "done"]);
    }));

  it("begins tasks in the order in which they came, so that none of several cameras starves", () =>
    withPool(async (pool) => {
      const answered = Array.from({ length: 5 }, () => 0);
      await Promise.all(
        answered.map(async (_, camera) => {
          // Each asks again as soon as it was answered, until one was answered ten times.
          while (Math.max(...answered) < 10) {
            await pool.run("answer");
            answered[camera] = (answered[camera] ?? 0) + 1;
          }
        }),
      );
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

  it("has no workers left when there was nothing to do for long, and starts one with the next task", async () => {
    const pool = new StagePool<What, string>(join(__dirname, "../../support"), "faulty-worker", 1, undefined, IDLE_MS);
    pool.acquire();
    for (let round = 0; round < 2; round += 1) {
      assert.equal(await pool.run("answer"), "done");
      assert.equal(pool.threads, 1);
      await eventually("the worker's end", () => (pool.threads === 0 ? true : undefined));
    }
    await pool.release();
  });
});
