import assert from "node:assert/strict";
import { hostname, networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import { isOwnHost } from "../../lib/hosts";

const own = hostname();
const short = own.split(".")[0] ?? own;

describe("the hosts of this computer", () => {
  const is = (header: string | undefined, allowed: string[] = [], localAddress = "::ffff:203.0.113.7"): boolean =>
    isOwnHost(header, { localAddress, allowed });

  it(
    "are loopback, private and own addresses, localhost, its name, and that with .local; with a port or a dot " +
      "at the end too",
    () => {
      const addresses = Object.values(networkInterfaces()).flatMap(
        (each) => each?.map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address)) ?? [],
      );
      const hosts = [
        "localhost",
        "LocalHost",
        "a.localhost",
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "192.168.1.20",
        "10.0.0.5",
        "172.31.0.1",
        "169.254.3.4",
        "[fd00::1]",
        "[fe80::1]",
        "203.0.113.7",
        own,
        own.toUpperCase(),
        short,
        `${short}.local`,
        ...addresses,
      ];
      for (const host of hosts) for (const header of [host, `${host}:1880`]) assert.equal(is(header), true, header);
      for (const host of ["localhost.", "localhost.:1880", `${short}.local.`]) assert.equal(is(host), true, host);
    },
  );

  it("are no others, however much they look like them, and not none", () => {
    const hosts = [
      "evil.com",
      "evil.com:1880",
      "localhost.evil.com",
      "evil.com.",
      "127.0.0.1.evil.com",
      "127.0.0.1.nip.io",
      "localhostevil.com",
      "notlocalhost",
      `${short}.evil.com`,
      `${short}.local.evil.com`,
      `evil-${short}.local`,
      "local",
      ".local",
      "localhost..",
      "203.0.113.8",
      "8.8.8.8",
      "172.32.0.1",
      "[2001:db8::1]",
      "[::ffff:8.8.8.8]",
      "2130706433",
      "0x7f.1",
      "[evil.com]",
      "[::1",
      "::1",
      "localhost@evil.com",
      "evil.com@localhost",
      "localhost/evil.com",
      "evil.com#localhost",
      "localhost:evil",
      "localhost:80:80",
      "localhost, evil.com",
      "localhost evil.com",
      "",
      ":1880",
      ".",
      undefined,
    ];
    for (const host of hosts) assert.equal(is(host), false, String(host));
  });

  it("are those that somebody allows, besides", () => {
    const allowed = ["nodered.example.com", "*.home.arpa", "8.8.8.8", "Faces.Example.org:8443"];
    for (const host of [
      "nodered.example.com",
      "NodeRED.example.com:443",
      "a.home.arpa",
      "a.b.home.arpa.",
      "8.8.8.8:1880",
      "faces.example.org",
    ])
      assert.equal(is(host, allowed), true, host);
    for (const host of [
      "evil.com",
      "xnodered.example.com",
      "example.com",
      "home.arpa",
      "evilhome.arpa",
      "8.8.8.9",
      "nodered.example.com.evil.com",
    ])
      assert.equal(is(host, allowed), false, host);
    assert.deepEqual(
      [is("evil.com", ["*"]), is(undefined, ["*"]), is("evil.com", ["*."]), is("evil.com", [""])],
      [true, false, false, false],
    );
  });
});
