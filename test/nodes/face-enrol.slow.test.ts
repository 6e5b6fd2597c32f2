import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { FaceMessage } from "../../lib/message";
import faceEnrol from "../../nodes/face-enrol/face-enrol";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { keepLoaded } from "../support/keep-loaded";
import { groupPhoto, portrait } from "../support/photos";

async function load(fields: object): Promise<void> {
  helper.settings({ userDir: mkdtempSync(join(tmpdir(), "user-")) });
  await helper.load(
    [faceGallery, faceEnrol],
    [
      { id: "g", type: "face-gallery", name: "" },
      { id: "e", type: "face-enrol", name: "", gallery: "g", wires: [["out"]], ...fields },
      { id: "out", type: "helper" },
    ],
  );
}

/** What comes out, or what is said. */
async function answer(message: FaceMessage): Promise<FaceMessage | string> {
  const [out, error] = [nextMessage("out"), nextError("e")];
  send("e", message);
  return Promise.race([out, error]);
}

/** What is said of a message that cannot be done. */
async function refusal(message: FaceMessage): Promise<string> {
  const said = await answer(message);
  return typeof said === "string" ? said : assert.fail("it was done");
}

const byMessage = { person: "enrol", personType: "msg" };

describe("face-enrol", () => {
  keepLoaded();
  before(startServer);
  after(stopServer);
  afterEach(() => helper.unload());

  it("keeps a photo of whom the message names, says what it kept, and forgets them for good", async () => {
    await load(byMessage);
    const payload = await portrait("green");
    const kept = (await answer({ payload, enrol: { name: "Alice" }, topic: "door" })) as FaceMessage;
    const { name, photos } = kept["enrolled"] as { name: string; photos: number };
    assert.deepEqual([name, photos, kept["topic"], kept.payload], ["Alice", 1, "door", payload]);
    const gone = (await answer({ forget: "Alice" })) as FaceMessage;
    const receipt = gone["forgotten"] as { name: string; photos: number };
    assert.deepEqual([receipt.name, receipt.photos], ["Alice", 1]);
    assert.match(await refusal({ forget: "Alice" }), /^face-enrol: there is nobody of that name in this gallery/);
  });

  it("takes whom the node names where the message names nobody, and the message's word where it does", async () => {
    await load({ person: "Alice", personType: "str" });
    const named = async (message: FaceMessage): Promise<string> =>
      ((await answer(message)) as { enrolled: { name: string } }).enrolled.name;
    assert.equal(await named({ payload: await portrait("green") }), "Alice");
    assert.equal(await named({ payload: await portrait("blonde"), enrol: "Bob" }), "Bob");
  });

  it("says what is missing or wrong, and works on", async () => {
    await load(byMessage);
    const payload = await portrait("green");
    assert.match(await refusal({ payload }), /^face-enrol: the name is missing: set msg\.enrol = /);
    assert.match(await refusal({ payload, enrol: "A", forget: "A" }), /are both set: send one message for each/);
    assert.match(await refusal({ enrol: "Alice" }), /msg\.payload is nothing, not a picture/);
    assert.match(await refusal({ payload: groupPhoto(6), enrol: "All" }), /faces/);
    assert.ok(typeof (await answer({ payload, enrol: "Alice" })) === "object");
  });

  it("never drops a photo for a newer frame of the same camera", async () => {
    await load(byMessage);
    const names = ["green", "blonde", "stripes"] as const;
    const enrolled: string[] = [];
    helper
      .getNode("out")
      .on("input", (message) => void enrolled.push(((message as FaceMessage)["enrolled"] as { name: string }).name));
    for (const [sequence, name] of names.entries()) {
      const frame = { source: "door", sequence, capturedAt: Date.now(), width: 480, height: 480 };
      send("e", { payload: await portrait(name), enrol: name, frame });
    }
    await eventually("all three", () => (enrolled.length === names.length ? true : undefined));
    assert.deepEqual(enrolled, [...names]);
  });
});
