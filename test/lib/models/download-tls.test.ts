import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { which } from "../../../lib/speech/command";

const openssl = which("openssl");

describe("a download by TLS", { skip: openssl === undefined && "needs openssl, to make a certificate" }, () => {
  /** @param trusted whether the process knows the certificate */
  const run = (trusted: boolean): { whole?: boolean; ranges?: number; reached?: string[]; error?: string } => {
    const folder = mkdtempSync(join(tmpdir(), "certificate-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=models.invalid", "-addext", "subjectAltName=DNS:models.invalid"];
    const files = ["-keyout", key, "-out", cert, "-days", "2"];
    execFileSync(openssl as string, ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, ...subject], {
      stdio: "ignore",
    });
    const env = { ...process.env, ...(trusted ? { NODE_EXTRA_CA_CERTS: cert } : {}) };
    const program = ["--import", "tsx", join(__dirname, "tls-child.ts"), key, cert];
    return JSON.parse(execFileSync(process.execPath, program, { env, encoding: "utf8" })) as ReturnType<typeof run>;
  };

  it("goes through the proxy of HTTPS_PROXY, follows redirects and goes on where it broke", () => {
    assert.deepEqual(run(true), { whole: true, ranges: 2, reached: ["models.invalid:443"] });
  });

  it("is refused where the certificate is nobody's", () => {
    assert.match(
      run(false).error ?? "",
      /could not be downloaded: models\.invalid cannot be reached \(DEPTH_ZERO_SELF/,
    );
  });
});
