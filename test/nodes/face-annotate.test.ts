import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { NodeAPI } from "node-red";
import sharp from "sharp";
import type { Identity, Outcome } from "../../lib/message";
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

  it("gives a data URL where it is asked for, which every node reads as the picture", async () => {
    await load({ version: 2, output: "dataUrl" });
    const first = nextMessage("out");
    send("a", { payload: await grey(), faces: [FACE] });
    const { payload } = await first;
    const [, base64 = ""] = /^data:image\/jpeg;base64,([A-Za-z0-9+/]+=*)$/.exec(String(payload)) ?? [];
    const { format, width } = await sharp(Buffer.from(base64, "base64")).metadata();
    assert.deepEqual([format, width], ["jpeg", 320]);
    const second = nextMessage("out");
    send("a", { payload, faces: [] });
    assert.match(String((await second).payload), /^data:image\/jpeg;base64,/);
  });

  it("blurs whom it is told to, takes their chips off, and leaves their faces on the message", async () => {
    const identity = (outcome: Outcome, name: string | null): Identity => ({
      outcome,
      name,
      person: null,
      groups: [],
      distance: 0.5,
      threshold: 0.58,
      margin: null,
      candidates: [],
      reason: "below_threshold",
    });
    const chip = Buffer.from("chip");
    const stripes = await sharp(Buffer.from(Array.from({ length: 320 * 240 * 3 }, (_, at) => (at % 2) * 255)), {
      raw: { width: 320, height: 240, channels: 3 },
    })
      .png()
      .toBuffer();
    const faces = [
      { ...FACE, box: { x: 20, y: 80, width: 60, height: 60 }, chip, identity: identity("match", "Ada") },
      { ...FACE, box: { x: 130, y: 80, width: 60, height: 60 }, chip, identity: identity("match", "Bob") },
      { ...FACE, box: { x: 240, y: 80, width: 60, height: 60 }, chip, carriedAgeMs: 40 },
    ];
    /** Whether the middle of a face is one colour. */
    const flat = async (payload: unknown, { box }: (typeof faces)[number]): Promise<boolean> => {
      const values = await sharp(payload as Buffer)
        .extract({ left: box.x + 26, top: box.y + 26, width: 3, height: 3 })
        .raw()
        .toBuffer();
      return Math.max(...values) - Math.min(...values) < 30;
    };
    for (const [fields, expected] of [
      [{}, [false, false, false]],
      [{ blur: "unknown" }, [false, false, true]],
      [{ blur: "others", keep: "Bob, Carol" }, [true, false, true]],
      [{ blur: "others", keep: "卡蘿，Bob" }, [true, false, true]],
      [{ blur: "others", keep: "" }, [true, true, true]],
    ] as const) {
      await load({ version: 2, quality: "100", ...fields });
      const got = nextMessage("out");
      send("a", { payload: stripes, faces });
      const message = await got;
      const hidden = await Promise.all(faces.map((face) => flat(message.payload, face)));
      assert.deepEqual(hidden, expected, JSON.stringify(fields));
      assert.deepEqual(
        message.faces?.map((face) => face.chip === undefined),
        expected,
      );
      assert.deepEqual(
        message.faces?.map(({ box }) => box),
        faces.map(({ box }) => box),
      );
      await helper.unload();
    }
  });

  it("says at deploy that there is no such way to blur", async () => {
    await load({ blur: "${NOBODY}" });
    const told = nextError("a");
    send("a", { payload: await grey(), faces: [] });
    assert.match(await told, /NOBODY/);
    await helper.unload();
    await load({ blur: "some" });
    const other = nextError("a");
    send("a", { payload: await grey(), faces: [] });
    assert.match(await other, /blur/);
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

  it("goes on when the computer's clock is put back", async (t) => {
    const { preview, published } = stage();
    assert.equal(await renew("n1"), 204);
    await preview.offer(picture);
    t.mock.method(Date, "now", () => 0);
    for (const deadline = performance.now() + 10_000; published.length < 2 && performance.now() < deadline;) {
      await preview.offer(picture);
      await new Promise(setImmediate);
    }
    assert.equal(published.length, 2);
  });

  it("asks for a permission, and knows no node that is not deployed", async () => {
    assert.deepEqual(
      adminRoutes([register]).map(({ permission }) => permission),
      ["face-annotate.read"],
    );
    assert.equal(await renew("gone"), 404);
  });
});
