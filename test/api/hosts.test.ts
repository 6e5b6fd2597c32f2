/** Names by which other sites lead a browser here (DNS rebinding), at every admin route of the package. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { hostname } from "node:os";
import { describe, it } from "node:test";
import { API_ROOT } from "../../api/routes";
import { serveApi } from "../../nodes/common/serve-api";
import { adminRoutes, allNodes, serveAdmin } from "../support/admin";

/** Ask as a browser does on which another name leads here. */
async function askAs(
  port: number,
  headers: Record<string, string>,
  { method = "get", path = `${API_ROOT}/galleries` } = {},
): Promise<string> {
  const asked = request({ host: "127.0.0.1", port, method: method.toUpperCase(), path, headers }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += String(chunk);
  return `${answer.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ""}`.trim();
}

describe("admin routes", () => {
  it("all refuse a request by a name that is not this computer's, where nobody logs in", async () => {
    const nodes = allNodes();
    const served = await serveAdmin((RED) => {
      for (const register of nodes) void register(RED);
    }, new Map());
    const rebound = {
      Host: `evil.com:${served.port}`,
      Origin: `http://evil.com:${served.port}`,
      "Sec-Fetch-Site": "same-origin",
      "X-Forwarded-Host": "localhost",
    };
    try {
      const all = adminRoutes(nodes);
      assert.ok(all.length > 35, String(all.length));
      for (const { method, path } of all)
        assert.equal(
          await askAs(served.port, rebound, { method, path: path.replace(/:\w+/g, "x") }),
          "403 other_host",
          `${method} ${path}`,
        );
      for (const host of ["localhost.evil.com", "127.0.0.1.evil.com", "evil.com.", "[2001:db8::1]:1880", "8.8.8.8"])
        assert.equal(await askAs(served.port, { Host: host }), "403 other_host", host);
      for (const host of [
        "localhost",
        `LOCALHOST.:${served.port}`,
        "127.0.0.1",
        "[::1]:1880",
        hostname(),
        `${hostname().split(".")[0] ?? ""}.local`,
      ])
        assert.equal(await askAs(served.port, { Host: host }), "200", host);
    } finally {
      await served.close();
    }
  });

  it("answer by other names where settings.js lists them, or where everybody needs a login", async () => {
    const asked = async (settings: object, host: string): Promise<string> => {
      const served = await serveAdmin(serveApi, new Map(), settings);
      try {
        return await askAs(served.port, { Host: host });
      } finally {
        await served.close();
      }
    };
    assert.equal(
      await asked({ facenetAllowedHosts: ["nodered.example.com", "*.home.arpa"] }, "nodered.example.com:443"),
      "200",
    );
    assert.equal(await asked({ facenetAllowedHosts: "nodered.example.com" }, "nodered.example.com"), "200");
    assert.equal(await asked({ facenetAllowedHosts: ["nodered.example.com", 7, null] }, "evil.com"), "403 other_host");
    assert.equal(await asked({ uiHost: "faces.lan" }, "faces.lan"), "200");
    assert.equal(
      await asked({ adminAuth: { type: "credentials", users: [] } }, "evil.com"),
      "200",
      "Node-RED itself asks for the token",
    );
    assert.equal(
      await asked({ adminAuth: { type: "credentials", users: [], default: { permissions: "read" } } }, "evil.com"),
      "403 other_host",
      "a user without a token",
    );
  });
});
