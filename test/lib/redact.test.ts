import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sentenceOf } from "../../lib/errors";
import { readFrame } from "../../lib/message";
import { redact, redactWords } from "../../lib/redact";
import { processorTime } from "../support/processor-time";

describe("keeping secrets out of what people read", () => {
  it("hides the login of an address, whatever letters are in it", () => {
    for (const [text, shown] of [
      ["rtsp://me:secret@camera:554/x failed", "rtsp://camera:554/x failed"],
      ["rtsp://me:se@cret@camera/x", "rtsp://camera/x"],
      ["rtsp://me:sec#ret@camera/x: no", "rtsp://camera/x: no"],
      ["rtsp://me:12#34@camera/x", "rtsp://camera/x"],
      ["http://me:sec/ret@camera/x", "http://camera/x"],
      ["http://me:sec?ret@camera/x", "http://camera/x"],
      ["http://me@camera/x", "http://camera/x"],
      ["rtsp://me:12/34@192.168.1.20:554/x: no", "rtsp://192.168.1.20:554/x: no"],
      ["rtsp://me:12?34@192.168.1.20", "rtsp://192.168.1.20"],
      ["rtsp://10.0.0.1/0/admin:SECRET/main failed", "rtsp://10.0.0.1/0/…/main failed"],
      [
        "(rtsp://10.0.0.1/admin:SECRET), http://10.0.0.1/x/admin:SECRET: no",
        "(rtsp://10.0.0.1/…), http://10.0.0.1/x/…: no",
      ],
      ["http://10.0.0.1:81/a/12:30/b/c:d", "http://10.0.0.1:81/a/…/b/…"],
      ["http://me:p@[fe80::1]:80/x", "http://[fe80::1]:80/x"],
      ["rtsp://admin:it's@10.0.0.5/ch1 failed", "rtsp://10.0.0.5/ch1 failed"],
      ['it gave up "http://me:a"b<c>`d\'@camera/x": no', 'it gave up "http://camera/x": no'],
      ["http://camera/a@b: no", "http://camera/a@b: no"],
      ["http://camera:8080/a@b", "http://camera:8080/a@b"],
      ["http://[fe80::1]:8080/a@b", "http://[fe80::1]:8080/a@b"],
    ] as const)
      assert.equal(redact(text), shown);
  });

  it("hides the query of an address", () => {
    assert.equal(
      redact("http://camera/snap.cgi?user=me&pwd=secret answers 401"),
      "http://camera/snap.cgi?… answers 401",
    );
    assert.equal(redact("(http://camera/x?1), http://other/y?2."), "(http://camera/x?…), http://other/y?….");
  });

  it("hides pairs that look like secrets in a path, in ffmpeg's words and in headers", () => {
    for (const text of [
      "rtsp://camera/user=admin&password=SECRET&channel=1&stream=0.sdp failed",
      "rtsp://camera/user=admin_password=SECRET_channel=1_stream=0.sdp?real_stream failed",
      "rtsp://camera:554/live/ch0;passwd=SECRET/1",
      "http://camera/token=SECRET/snapshot.jpg",
      "http://camera/a/apikey=SECRET",
      "http://camera/API_KEY=SECRET",
      "[rtsp @ 0x55] method DESCRIBE failed: 404 for /user=admin&password=SECRET&channel=1",
      "GET /cgi?loginuse=me&loginpas=SECRET",
      "GET /snap?usr=me&pwd=SECRET HTTP/1.1",
      "access_token=SECRET",
      "?sig=SECRET&x=1",
      "?X-Amz-Signature=SECRET",
      "key=SECRET",
      "auth=SECRET",
      "?authSig=SECRET",
      "session_id=SECRET",
      "Authorization: Basic U0VDUkVU",
      'Authorization: Digest username="me", response="SECRET"',
      '{"authorization":"Bearer SECRET"}',
      '{"user":"admin","password":"SECRET"}',
      "password='SECRET'",
      "password%3DSECRET",
      "PASSWORD=SECRET",
      "http://camera/psk=SECRET/x",
      "appkey=SECRET",
      "cred=SECRET",
      "jwt=SECRET",
      "Set-Cookie=SECRET",
      "it answers Basic YWRtaW46U0VDUkVU to that",
      "Bearer eyJhbGciOi.SECRET.x9",
    ]) {
      assert.doesNotMatch(redact(text), /SECRET|U0VDUkVU|admin/, text);
      assert.match(redact(text), /…/, text);
    }
  });

  it("leaves alone what is no secret, and what was hidden before", () => {
    for (const text of [
      "the picture bypass.jpg (monkey=3, design=4) cannot be read",
      "http://camera/keyframe/1",
      "3 faces, τ=0.58",
      "rtsp://camera/user=… failed",
      "allow Basic or Digest, Basic authentication",
      "http://camera/x at 12:30:15: no",
      "http://[fe80::1]:8080/x",
    ])
      assert.equal(redact(redact(text)), text);
    const once = redact("the stream rtsp://camera/x?pwd=SECRET was lost: http://a:b@c/d/password=x.");
    assert.equal(redact(once), once);
  });

  it("holds for whatever is said of an error, and for what a flow calls a camera", () => {
    assert.equal(
      sentenceOf(new Error("http://me:secret@camera/x?pwd=secret answers 401")),
      "http://camera/x?… answers 401",
    );
    const frame = {
      source: "rtsp://me:secret@camera/user=me&password=secret",
      sequence: 0,
      capturedAt: 0,
      width: 9,
      height: 9,
    };
    assert.equal(readFrame({ frame })?.source, "rtsp://camera/user=…");
  });

  it("hides a secret that is known, in whatever way it is written", () => {
    assert.equal(
      redactWords("no: p@ss word, p%40ss%20word, cEBzcyB3b3Jk; x?y", ["p@ss word", "x"]),
      "no: …, …, …; x?y",
    );
  });

  it("takes a moment for a long line made to be slow", () => {
    for (const part of [
      "a",
      "a://",
      "a.",
      "password",
      "pass-",
      "user=",
      "@",
      "authorization:",
      'key="',
      "x?",
      ".:",
      "a://b/c:d/",
      "a://b@1.2.3.4/",
      "Basic A1",
    ]) {
      const spent = processorTime();
      redact(part.repeat(100_000 / part.length));
      assert.ok(spent() < 1000, part);
    }
  });
});
