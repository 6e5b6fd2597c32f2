import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { NodeAPI } from "node-red";
import sharp from "sharp";
import faceAnnotate from "../../nodes/face-annotate/face-annotate";
import { Preview, servePreview } from "../../nodes/common/preview";
import { adminRoutes, type Served, serveAdmin } from "../support/admin";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";

const grey = (): Promise<Buffer> =>
  sharp({ create: { width: 320, height: 240, channels: 3, background: "#808080" } })
    .jpeg()
    .toBuffer();
const FACE = { box: { x: 60, y: 60, width: 80, height: 80 }, score: 3 };

describe("face-annotate", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  const load = (fields: object = {}): Promise<void> =>
    helper.load(
      [faceAnnotate],
      [
        { id: "a", type: "face-annotate", name: "", quality: "85", preview: true, wires: [["out"]], ...fields },
        { id: "out", type: "helper" },
      ],
    );

  it("turns the payload into a JPEG with the drawing and keeps all else", async () => {
    await load();
    const got = nextMessage("out");
    const payload = await grey();
    send("a", { payload, faces: [FACE], topic: "kept" });
    const message = await got;
    assert.equal(message["topic"], "kept");
    assert.equal((await sharp(message.payload as Buffer).metadata()).width, 320);
    assert.notDeepEqual(message.payload, payload);
    assert.deepEqual(message.faces?.[0]?.box, FACE.box);
  });

  it("marks the frame as JPEG after it drew on a raw one", async () => {
    await load();
    const got = nextMessage("out");
    send("a", {
      payload: Buffer.alloc(320 * 240 * 3),
      faces: [FACE],
      frame: { source: "c", sequence: 1, capturedAt: 1, width: 320, height: 240, encoding: "rgb" },
    });
    assert.equal((await got).frame?.encoding, "jpeg");
  });

  it("answers text, a NaN box and missing faces with an error each, and draws the next good picture", async () => {
    await load();
    for (const [bad, sentence] of [
      [{ payload: "hello", faces: [] }, /msg\.payload is text/],
      [{ payload: Buffer.from("hello"), faces: [] }, /not a JPEG/],
      [{ payload: await grey() }, /msg\.faces is missing/],
      [{ payload: await grey(), faces: [{ box: { ...FACE.box, x: NaN }, score: 1 }] }, /NaN/],
    ] as const) {
      const told = nextError("a");
      send("a", bad as never);
      assert.match(await told, sentence);
    }
    const got = nextMessage("out");
    send("a", { payload: await grey(), faces: [FACE] });
    assert.ok(Buffer.isBuffer((await got).payload));
  });

  it("says at deploy that its quality is wrong", async () => {
    await load({ quality: "900" });
    const told = nextError("a");
    send("a", { payload: await grey(), faces: [] });
    assert.match(await told, /quality/);
  });
});

describe("the preview", () => {
  interface Published {
    topic: string;
    retain: boolean;
  }
  const node = { id: "n1", type: "face-annotate" };
  const register = (RED: NodeAPI): void => servePreview(RED, node.type);
  let served: Served;
  before(async () => {
    served = await serveAdmin(register, new Map([[node.id, node]]));
  });
  after(() => served.close());

  /** A preview, and what it tells the editors. */
  function stage(): { preview: Preview; published: Published[] } {
    const published: Published[] = [];
    const RED = {
      comms: { publish: (topic: string, _data: unknown, retain: boolean) => published.push({ topic, retain }) },
    } as unknown as NodeAPI;
    return { preview: new Preview(RED, node), published };
  }
  const renew = async (id: string): Promise<number> =>
    (await fetch(`${served.url}/facenet/preview/${node.type}/${id}`, { method: "POST" })).status;

  const picture = (): Promise<Buffer> => Promise.resolve(Buffer.from("jpeg"));

  it("is not even made while nobody looks", async () => {
    const { preview, published } = stage();
    await preview.offer(() => assert.fail("made for nobody"));
    assert.deepEqual(published, []);
  });

  it("is sent to who looks, not retained, and at most ten times a second", async () => {
    const { preview, published } = stage();
    assert.equal(await renew("n1"), 204);
    for (let index = 0; index < 20; index += 1) await preview.offer(picture);
    assert.deepEqual(published, [{ topic: "facenet/preview/n1", retain: false }]);
  });

  it("asks for a permission, and knows no node that is not deployed", async () => {
    assert.deepEqual(
      adminRoutes([register]).map(({ permission }) => permission),
      ["face-annotate.read"],
    );
    assert.equal(await renew("gone"), 404);
  });
});
