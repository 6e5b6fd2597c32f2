import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { authorization } from "../../../lib/capture/http-login";
import { pattern } from "../../support/pattern";
import { processorTime } from "../../support/processor-time";

/** The example of RFC 7616, 3.9.1. */
const LOGIN = { user: "Mufasa", password: "Circle of Life" };
const CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const challenge = (algorithm: string): string =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
const answer = (header: string): string =>
  authorization(header, LOGIN, "GET", "/dir/index.html", 1, CNONCE) ?? "unknown";
const responseOf = (header: string): string | undefined => /response="(\w+)"/.exec(answer(header))?.[1];

describe("the login of an HTTP camera", () => {
  it("answers as the RFC's example does, with the better of what is offered", () => {
    const [md5, sha256] = [
      "8ca523f5e9506fed4657c9700eebdbec",
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    ];
    assert.equal(responseOf(challenge("MD5")), md5);
    assert.equal(responseOf(challenge("SHA-256")), sha256);
    assert.equal(responseOf(`Basic realm="a, Digest b", ${challenge("MD5")}, ${challenge("SHA-256")}`), sha256);
    assert.match(
      answer(challenge("MD5")),
      pattern(
        /^Digest username="Mufasa", realm="http-auth@example\.org", nonce=".*", /,
        /uri="\/dir\/index\.html", response="\w+", algorithm=MD5, qop=auth, nc=00000001, cnonce=".*", /,
        /opaque="FQhe/,
      ),
    );
  });

  it("answers an old camera without qop as RFC 2069 has it", () => {
    const old = authorization(
      'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
      { user: "Mufasa", password: "CircleOfLife" },
      "GET",
      "/dir/index.html",
      1,
    );
    assert.match(old ?? "", /response="1949323746fe6a43ef61f9606e7febea"/);
    assert.doesNotMatch(old ?? "", /qop|cnonce/);
  });

  it("tells the password only where nothing else is understood", () => {
    const basic = `Basic ${Buffer.from("Mufasa:Circle of Life").toString("base64")}`;
    assert.deepEqual(
      [answer('Basic realm="x"'), answer(`NTLM, Basic realm="x"`), answer("Basic"), answer("")],
      [basic, basic, basic, basic],
    );
    for (const unknown of [challenge("TIGER"), "NTLM", "Negotiate", 'Bearer realm="Basic"'])
      assert.equal(authorization(unknown, LOGIN, "GET", "/", 1), undefined, unknown);
  });

  it("answers what few cameras ask for", () => {
    const whole = challenge("MD5").replace('qop="auth, auth-int"', 'qop="auth-int"');
    const md5 = (...parts: string[]): string => createHash("md5").update(parts.join(":")).digest("hex");
    const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    assert.equal(
      responseOf(whole),
      md5(
        md5("Mufasa", "http-auth@example.org", "Circle of Life"),
        nonce,
        "00000001",
        CNONCE,
        "auth-int",
        md5("GET", "/dir/index.html", md5("")),
      ),
    );
    assert.match(answer(whole), /qop=auth-int/);
    assert.match(answer(challenge("SHA-512-256")), /response="[\da-f]{64}", algorithm=SHA-512-256/);
    assert.match(answer(challenge("md5-sess").replace('qop="auth, auth-int", ', "")), /algorithm=md5-sess, cnonce="/);
    // Some know no algorithm by name.
    assert.doesNotMatch(answer('Digest realm="r", nonce="n"'), /algorithm/);
    assert.match(answer('DIGEST  realm = "r" , nonce = "n" , qop = "auth"'), /realm="r", nonce="n".*qop=auth/);
  });

  it("reads a challenge made to be slow in a moment", () => {
    for (const part of ["a", 'a="', ", ", "Digest ", ",Digest a", 'a=\\"', " "]) {
      const spent = processorTime();
      answer(`Digest ${part.repeat(160_000 / part.length)}`);
      assert.ok(spent() < 5000, `${part}: ${Math.round(spent())} ms`);
    }
  });
});
