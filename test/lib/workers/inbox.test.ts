import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Inbox } from "../../../lib/workers/inbox";

/** A job that ends when told to. */
function job(log: string[], name: string): { run: () => Promise<void>; drop: () => void; end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    run: async () => {
      log.push(name);
      await ended;
    },
    drop: () => log.push(`drop ${name}`),
    end: () => end(),
  };
}

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("Inbox", () => {
  it("keeps only the newest waiting frame of a source, and counts the others", async () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "latest", bound: 10 });
    const [first, second, third] = ["a1", "a2", "a3"].map((name) => job(log, name)) as [
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
    ];
    for (const each of [first, second, third]) inbox.offer("a", each);
    assert.deepEqual(log, ["a1", "drop a2"]);
    assert.equal(inbox.dropped("a"), 1);
    first.end();
    await settle();
    assert.deepEqual(log, ["a1", "drop a2", "a3"]);
    assert.equal(inbox.waiting, 0);
  });

  it("lets sources take turns, whichever sends more", async () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "latest", bound: 10 });
    const jobs = ["a1", "b1", "a2"].map((name) => job(log, name));
    inbox.offer("a", jobs[0]!);
    inbox.offer("b", jobs[1]!);
    inbox.offer("a", jobs[2]!);
    jobs[0]!.end();
    await settle();
    assert.deepEqual(log, ["a1", "b1"]);
    jobs[1]!.end();
    await settle();
    assert.deepEqual(log, ["a1", "b1", "a2"]);
  });

  it("never drops a message without a source, and refuses one more than its bound", async () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "latest", bound: 2 });
    const jobs = ["1", "2", "3", "4"].map((name) => job(log, name));
    for (const each of jobs.slice(0, 3)) inbox.offer(undefined, each);
    assert.throws(() => inbox.offer(undefined, jobs[3]!), /too many pictures are waiting \(2\)/);
    for (const each of jobs) {
      each.end();
      await settle();
    }
    assert.deepEqual(log, ["1", "2", "3"]);
  });

  it("queues frames too when asked to", async () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "queue", bound: 5 });
    const jobs = ["a1", "a2", "a3"].map((name) => job(log, name));
    for (const each of jobs) inbox.offer("a", each);
    for (const each of jobs) {
      each.end();
      await settle();
    }
    assert.deepEqual(log, ["a1", "a2", "a3"]);
  });

  it("refuses the 65th source: a source names a camera, not a frame", () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "latest", bound: 5 });
    for (let index = 0; index < 65; index += 1) inbox.offer(`camera ${index}`, job(log, `${index}`));
    assert.throws(() => inbox.offer("one more", job(log, "x")), /too many sources send frames at once \(64\)/);
  });

  it("drops all that waits when closed, and all that comes later", () => {
    const log: string[] = [];
    const inbox = new Inbox({ policy: "latest", bound: 5 });
    for (const name of ["a1", "a2"]) inbox.offer("a", job(log, name));
    inbox.close();
    inbox.offer("a", job(log, "a3"));
    assert.deepEqual(log, ["a1", "drop a2", "drop a3"]);
  });
});
