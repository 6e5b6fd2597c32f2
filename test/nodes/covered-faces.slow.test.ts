/** Faces behind dark glasses, in facenet-embed as its form says. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Face } from "../../lib/message";
import faceDetect from "../../nodes/face-detect/face-detect";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import { darkGlasses, drawnOn } from "../support/covered";
import { helper, nextMessage, send, startServer, stopServer } from "../support/flow";
import { portrait } from "../support/photos";

describe("facenet-embed", () => {
  before(startServer);
  after(() => stopServer());
  afterEach(() => helper.unload());

  const load = (fields: object): Promise<void> =>
    helper.load(
      [faceDetect, facenetEmbed],
      [
        { id: "d", type: "face-detect", name: "", version: 1, wires: [["e"]] },
        {
          id: "e",
          type: "facenet-embed",
          name: "",
          version: 1,
          model: "mobilefacenet-192",
          ...fields,
          wires: [["out"]],
        },
        { id: "out", type: "helper" },
      ],
    );
  const embedded = async (payload: Buffer): Promise<Face[]> => {
    const answer = nextMessage("out");
    send("d", { payload });
    return (await answer).faces ?? [];
  };

  it("leaves covered faces out, unless its form lets them through", async () => {
    await load({});
    const bare = await portrait("green");
    const landmarks = (await embedded(bare)).find(({ embedding }) => embedding !== undefined)?.landmarks;
    const covered = await drawnOn(bare, darkGlasses(landmarks ?? assert.fail("no face")));
    const told = async (): Promise<unknown[]> =>
      (await embedded(covered)).map(({ embedding, rejected }) => [embedding?.length, rejected]);
    assert.deepEqual(await told(), [[undefined, "occluded"]]);
    for (const [given, expected] of [
      [true, [[192, undefined]]],
      ["true", [[192, undefined]]],
      [false, [[undefined, "occluded"]]],
      ["", [[undefined, "occluded"]]],
    ] as const) {
      await helper.unload();
      await load({ covered: given });
      assert.deepEqual(await told(), expected, JSON.stringify(given));
    }
  });
});
