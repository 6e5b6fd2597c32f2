import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Face, FaceMessage, Outcome } from "../../lib/message";
import { wavDuration } from "../../lib/speech/wav";
import ttsGreet from "../../nodes/tts-greet/tts-greet";
import { admin, helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";

const face = (name: string | null, outcome: Outcome = "match"): Face => ({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 9, identity: { outcome, name, distance: 0.3, threshold: 0.58, margin: null, candidates: [], reason: "below_threshold" } });

async function load(fields: object): Promise<void> {
  await helper.load([ttsGreet], [
    { id: "t", type: "tts-greet", name: "", play: false, wires: [["out"]], ...fields },
    { id: "out", type: "helper" },
  ]);
}

describe("tts-greet node", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("speaks a match and keeps what was on the message", async () => {
    await load({});
    const got = nextMessage("out");
    send("t", { faces: [face("Alice"), face(null, "unknown")], topic: "kept" });
    const { payload, text, lang, names, topic } = (await got) as FaceMessage & Record<string, unknown>;
    assert.deepEqual([text, lang, names, topic], ["Welcome Alice, have a nice day!", "en", ["Alice"], "kept"]);
    assert.ok(wavDuration(payload as Buffer) > 1000);
  });

  it("gives a greeting for each language", async () => {
    await load({ engine: "none" });
    const texts: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      helper.getNode("out").on("input", (message) => {
        if (texts.push((message as FaceMessage)["text"]) === 2) resolve();
      });
    });
    send("t", { names: ["小明", "Alice"] });
    await both;
    assert.deepEqual(texts, ["歡迎小明，祝您有美好的一天！", "Welcome Alice, have a nice day!"]);
  });

  it("says nothing again to somebody who stands there, and nothing to strangers", async () => {
    await load({ engine: "none" });
    const texts: unknown[] = [];
    helper.getNode("out").on("input", (message) => texts.push((message as FaceMessage)["text"]));
    send("t", { faces: [face("Alice")] });
    send("t", { faces: [face("Alice")] });
    send("t", { faces: [face(null, "unknown"), face(null, "ambiguous")] });
    const bob = nextMessage("out");
    send("t", { faces: [face("Alice"), face("Bob")] });
    await bob;
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.equal(texts[0], "Welcome Alice, have a nice day!");
    assert.equal(texts.filter((text) => String(text).includes("Alice")).length, 1);
  });

  it("does not understand a message without faces or names", async () => {
    await load({});
    const error = nextError("t");
    send("t", { payload: "hello" });
    assert.match(await error, /tts-greet: there is nobody to greet in this message: wire the first output of face-match here/);
  });

  it("lists the voices", async () => {
    await load({});
    const { body, status } = await admin().get("/facenet/voices");
    assert.equal(status, 200);
    assert.ok((body as unknown as unknown[]).length > 100);
  });
});
