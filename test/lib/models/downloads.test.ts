import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { CATALOGUE } from "../../../lib/models/catalogue";
import { Downloads, TooManyDownloads } from "../../../lib/models/downloads";
import { findModel } from "../../../lib/models/find-model";
import { findPacks, lookForPacksIn } from "../../../lib/models/packs";
import { contentOf, type StandIn, standIn } from "../../support/stand-in-server";

const CONTENT = contentOf(300_000);

describe("the catalogue", () => {
  it("has addresses that are https, hashes, sizes, licences and pages, of distinct networks", () => {
    assert.deepEqual([...new Set(CATALOGUE.map(({ id }) => id))], ["sface-2021dec", "auraface-v1", "yunet-2023mar"]);
    for (const { id, addresses, sha256, size, licence, licenceText, notice, origin } of CATALOGUE) {
      assert.ok(addresses.length > 0 && addresses.every((address) => new URL(address).protocol === "https:"), id);
      assert.match(sha256, /^[0-9a-f]{64}$/);
      assert.ok(size > 100_000 && notice !== "" && origin.startsWith("https://"), id);
      const text = readFileSync(licenceText, "utf8");
      assert.match(text, licence === "Apache-2.0" ? /Apache License\s+Version 2\.0/ : /^MIT License/, id);
    }
  });
});

describe("downloads", () => {
  let server: StandIn;
  let downloads: Downloads;
  let models: string;

  before(async () => {
    server = await standIn(CONTENT);
  });
  after(() => server.close());
  beforeEach(() => {
    const userDir = mkdtempSync(join(tmpdir(), "downloads-"));
    models = join(userDir, "facenet", "models");
    lookForPacksIn(userDir);
    server.manners = {};
    server.ranges.length = 0;
    const sha256 = createHash("sha256").update(CONTENT).digest("hex");
    // The catalogue as it is, but for the files themselves.
    const catalogue = CATALOGUE.map((offer) => ({ ...offer, size: CONTENT.length, sha256, addresses: [server.url] }));
    downloads = new Downloads({ catalogue, plainOrigins: [server.origin], limits: { idleMs: 5000, retryMs: 5 } });
  });

  const here = async (): Promise<unknown[]> =>
    (await findPacks()).filter(({ path }) => path.startsWith(models)).map(({ pack, problem }) => pack?.id ?? problem);

  it("make packs of what comes, which are found and described as their makers say", async () => {
    for (const { id } of CATALOGUE) {
      assert.equal(downloads.start(id)?.state, "running");
      await downloads.ended(id);
      assert.deepEqual(downloads.stateOf(id), {
        state: "done",
        received: CONTENT.length,
        size: CONTENT.length,
        error: null,
        code: null,
      });
    }
    assert.deepEqual(await here(), ["auraface-v1", "sface-2021dec", "yunet-2023mar"]);
    const sface = await findModel("sface-2021dec");
    assert.deepEqual(
      [sface.dimensions, sface.threshold, sface.alignment, sface.layout, sface.mean, sface.scale, sface.l2Normalize],
      [128, 1.128, "arcface", "nchw", 0, 1, true],
    );
    const auraface = await findModel("auraface-v1");
    assert.deepEqual([auraface.dimensions, auraface.mean, auraface.scale], [512, 127.5, 1 / 127.5]);
    await assert.rejects(findModel("yunet-2023mar"), /the model "yunet-2023mar" is a detector/);
    assert.match(
      readFileSync(join(models, "yunet-2023mar", "LICENSE"), "utf8"),
      /^YuNet.*\nFrom https:.*\n\nMIT License/,
    );
  });

  it("are one at a time of each network, and two in all", async () => {
    server.manners = { stallAt: 1000 };
    const first = downloads.start("sface-2021dec");
    assert.equal(downloads.start("sface-2021dec"), first);
    downloads.start("auraface-v1");
    assert.throws(() => downloads.start("yunet-2023mar"), TooManyDownloads);
    assert.equal((await downloads.cancel("sface-2021dec"))?.state, "cancelled");
    assert.equal(downloads.start("yunet-2023mar")?.state, "running");
    await Promise.all(["auraface-v1", "yunet-2023mar"].map((id) => downloads.cancel(id)));
    assert.deepEqual(readdirSync(models), [], "nothing of them is left");
    assert.equal(await downloads.cancel("sface-2021dec"), undefined);
    assert.equal(downloads.start("facenet9000"), undefined);
  });

  it("that failed say why, are no pack, and go on when they are started again", async () => {
    server.manners = { status: { code: 503, times: 99 } };
    downloads.start("sface-2021dec");
    await downloads.ended("sface-2021dec");
    assert.match(
      downloads.stateOf("sface-2021dec")?.error ?? "",
      /SFace \(OpenCV Zoo\) could not be downloaded: 127\.0\.0\.1:\d+ answers 503/,
    );
    server.manners = { stallAt: 100_000 };
    const again = downloads.start("sface-2021dec");
    while ((again?.received ?? 0) < 100_000)
      await new Promise((done) => {
        setTimeout(done, 5);
      });
    assert.deepEqual(await here(), [], "half a network is none");
    server.manners = {};
    server.server.closeAllConnections();
    await downloads.ended("sface-2021dec");
    assert.equal(again?.state, "done");
    assert.equal(server.ranges.at(-1), "bytes=100000-");
    assert.deepEqual(await here(), ["sface-2021dec"]);
  });
});
