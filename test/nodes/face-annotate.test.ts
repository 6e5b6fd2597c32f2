import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import faceAnnotate from "../../nodes/face-annotate/face-annotate";
import { Preview, servePreview } from "../../nodes/common/preview";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";

const grey = (): Promise<Buffer> => sharp({ create: { width: 320, height: 240, channels: 3, background: "#808080" } }).jpeg().toBuffer();
const FACE = { box: { x: 60, y: 60, width: 80, height: 80 }, score: 3 };

describe("face-annotate", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  const load = (fields: object = {}): Promise<void> =>
    helper.load([faceAnnotate], [
      { id: "a", type: "face-annotate", name: "", quality: "85", preview: true, wires: [["out"]], ...fields },
      { id: "out", type: "helper" },
    ]);

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
    send("a", { payload: Buffer.alloc(320 * 240 * 3), faces: [FACE], frame: { source: "c", sequence: 1, capturedAt: 1, width: 320, height: 240, encoding: "rgb" } });
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
  type Handler = (request: { params: { id: string } }, response: { sendStatus(code: number): void }) => void;

  /** As much of Node-RED as a preview sees. */
  function stage(): { preview: Preview; published: Published[]; renew: (id: string) => number; permission: string } {
    const published: Published[] = [];
    const node = { id: "n1", type: "face-annotate" };
    let handler: Handler | undefined;
    let permission = "";
    const RED = {
      comms: { publish: (topic: string, _data: unknown, retain: boolean) => published.push({ topic, retain }) },
      auth: { needsPermission: (name: string) => { permission = name; } },
      httpAdmin: { post: (_path: string, _guard: unknown, route: Handler) => { handler = route; } },
      nodes: { getNode: (id: string) => (id === node.id ? node : null) },
    } as never;
    servePreview(RED, "face-annotate");
    const renew = (id: string): number => {
      let code = 0;
      handler?.({ params: { id } }, { sendStatus: (given) => { code = given; } });
      return code;
    };
    return { preview: new Preview(RED, node), published, renew, permission };
  }

  const picture = (): Promise<Buffer> => Promise.resolve(Buffer.from("jpeg"));

  it("is not even made while nobody looks", async () => {
    const { preview, published } = stage();
    await preview.offer(() => assert.fail("made for nobody"));
    assert.deepEqual(published, []);
  });

  it("is sent to who looks, not retained, and at most ten times a second", async () => {
    const { preview, published, renew } = stage();
    assert.equal(renew("n1"), 204);
    for (let index = 0; index < 20; index += 1) await preview.offer(picture);
    assert.deepEqual(published, [{ topic: "facenet/preview/n1", retain: false }]);
  });

  it("asks for a permission, and knows no node that is not deployed", () => {
    const { renew, permission } = stage();
    assert.equal(permission, "face-annotate.read");
    assert.equal(renew("gone"), 404);
  });
});
