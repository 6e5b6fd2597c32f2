import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Letter, Outbox } from "../../../lib/notify/outbox";

/** Takes all that is due, each with its text, and has the broker answer. */
function drain(outbox: Outbox, answer: "sent" | "returned" = "sent"): string[] {
  const letters: Letter[] = [];
  for (let letter = outbox.next(); letter !== undefined; letter = outbox.next()) letters.push(letter);
  for (const letter of letters) outbox[answer](letter);
  return letters.map(({ topic, payload, retain }) => `${topic}=${String(payload)}${retain ? "" : "!"}`);
}

describe("the outbox", () => {
  it("keeps of a state the latest alone, and sends none that is as it was", () => {
    const outbox = new Outbox({ patienceMs: 1000 });
    for (const payload of ["ON", "OFF", "ON"]) outbox.put("a", payload);
    outbox.put("p", Buffer.from("x"), { picture: true });
    assert.deepEqual(drain(outbox), ["a=ON", "p=x"]);
    outbox.put("a", "ON");
    outbox.put("p", Buffer.from("x"), { picture: true });
    assert.deepEqual(drain(outbox), []);
    outbox.put("a", "OFF");
    assert.deepEqual(drain(outbox), ["a=OFF"]);
  });

  it("tells all again in the order in which it was first put, pictures where they are asked for", () => {
    const outbox = new Outbox({ patienceMs: 1000 });
    outbox.put("config", "c1");
    outbox.put("p", Buffer.from("x"), { picture: true });
    outbox.put("a", "ON");
    drain(outbox);
    outbox.put("a", "OFF");
    outbox.put("config", "c2", { before: "c2 without b" });
    outbox.again({ pictures: false });
    assert.deepEqual(drain(outbox), ["config=c2 without b", "config=c2", "a=OFF"]);
    outbox.again({ pictures: true });
    assert.deepEqual(drain(outbox), ["config=c2 without b", "config=c2", "p=x", "a=OFF"]);
  });

  it("tells again what did not arrive: events in their order, and of a state what it is by then", () => {
    const outbox = new Outbox({ patienceMs: 1000 });
    outbox.put("a", "ON");
    outbox.add("e", "1");
    outbox.add("e", "2");
    assert.deepEqual(drain(outbox, "returned"), ["a=ON", "e=1!", "e=2!"]);
    outbox.put("a", "OFF");
    outbox.add("e", "3");
    assert.deepEqual(drain(outbox), ["a=OFF", "e=1!", "e=2!", "e=3!"]);
    assert.deepEqual(drain(outbox), []);
  });

  it("drops events that are no news any more, and the oldest of too many, and says how many", () => {
    let now = 0;
    const outbox = new Outbox({ patienceMs: 1000, now: () => now });
    outbox.add("e", "old");
    now = 500;
    outbox.add("e", "new");
    now = 1001;
    assert.equal(outbox.takeDropped(), 1);
    assert.equal(outbox.takeDropped(), 0);
    assert.deepEqual(drain(outbox), ["e=new!"]);
    for (let index = 0; index < 1000; index += 1) outbox.add("e", String(index));
    assert.equal(outbox.takeDropped(), 800);
    const kept = drain(outbox);
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [200, "e=800!", "e=999!"]);
  });

  it("takes a topic away from the broker once, and forgets it then", () => {
    const outbox = new Outbox({ patienceMs: 1000 });
    outbox.put("a", "ON");
    drain(outbox);
    outbox.put("a", "");
    assert.deepEqual(drain(outbox, "returned"), ["a="]);
    assert.deepEqual(drain(outbox), ["a="]);
    outbox.again({ pictures: true });
    assert.deepEqual(drain(outbox), []);
  });

  it("keeps a topic that is given a state again while it is taken away", () => {
    const outbox = new Outbox({ patienceMs: 1000 });
    outbox.put("a", "");
    const away = outbox.next() as Letter;
    outbox.put("a", "ON");
    outbox.sent(away);
    assert.deepEqual(drain(outbox), ["a=ON"]);
  });
});
