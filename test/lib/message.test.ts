import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FaceMessage, readPicture } from "../../lib/message";
import { groupPhoto } from "../support/photos";

describe("readPicture", () => {
  it("takes a picture as base64, in lines or for addresses, as a data URI, and as JSON made of a Buffer", () => {
    const jpeg = groupPhoto(1);
    const base64 = jpeg.toString("base64");
    const texts: Record<string, unknown> = {
      base64,
      "in lines of 76": base64.replace(/.{76}/g, "$&\r\n"),
      base64url: jpeg.toString("base64url"),
      "data URI": `data:image/jpeg;base64,${base64}`,
      "data URI with a charset": ` data:image/jpeg;charset=utf-8;base64,${base64}\n`,
      "data URI of no type": `data:;base64,${base64}`,
      JSON: JSON.parse(JSON.stringify(jpeg)),
      "a Uint8Array": new Uint8Array(jpeg),
      "an ArrayBuffer": Uint8Array.from(jpeg).buffer,
    };
    for (const [what, payload] of Object.entries(texts)) {
      const message: FaceMessage = { payload, topic: "door" };
      assert.ok(readPicture(message).bytes.equals(jpeg), what);
      assert.ok(
        Buffer.isBuffer(message.payload) && message.payload.equals(jpeg),
        `${what}: later stages find the Buffer`,
      );
      assert.equal(message["topic"], "door");
    }
  });

  it("leaves a Buffer alone", () => {
    const payload = groupPhoto(1);
    const message: FaceMessage = { payload };
    assert.equal(readPicture(message).bytes, payload);
    assert.equal(message.payload, payload);
  });

  it("says what a payload is that is no picture, and the mend", () => {
    const cases: [unknown, RegExp][] = [
      [undefined, /^msg\.payload is nothing, not a picture: send a Buffer with a JPEG.* or such a file as base64\.$/],
      [null, /is null/],
      [["a"], /is an array/],
      [7, /is a value of type number/],
      ["", /is empty text/],
      ["hello", /is text that is no base64 of a picture/],
      [Buffer.from("a text that is long enough").toString("base64"), /is text that is no base64 of a picture/],
      ["https://camera/snap.jpg", /is an address \(an "http request" node fetches/],
      ["/home/alice/photo.jpg", /is the name of a file \(a "read file" node reads it\)/],
      ['{"image":"…"}', /is JSON text/],
      ["data:image/jpeg,%ff%d8", /is a data URI without base64/],
      ["data:image/jpeg;base64,", /a data URI whose base64 is empty/],
      ["data:image/jpeg;base64,/9j/4AA…", /has other characters in it: it was cut or changed/],
      [Buffer.alloc(0), /is an empty Buffer/],
      ["A".repeat(80 * 1024 * 1024), /text of more than 50 MB/],
      [{ type: "Buffer", data: "no list" }, /is a value of type object/],
    ];
    for (const [payload, sentence] of cases) {
      const message: FaceMessage = { payload };
      assert.throws(
        () => readPicture(message),
        ({ message: said }: Error) => sentence.test(said),
        String(payload).slice(0, 60),
      );
      assert.equal(message.payload, payload, "what is refused stays as it was");
    }
  });

  it("reads 60 MB of text without holding up the event loop for long", () => {
    const payload = `${"/9j/".repeat(15 * 1024 * 1024)}!`;
    const start = performance.now();
    assert.throws(() => readPicture({ payload }), /no base64/);
    // Linear: about 0.1 s here; a pattern that goes back would take hours.
    assert.ok(performance.now() - start < 5000);
  });
});
