import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import sharp from "sharp";
import { Camera } from "../../../lib/capture/camera";
import { cameraOptionsSchema } from "../../../lib/capture/options";
import { snapshots } from "../../../lib/capture/snapshots";

const still = (): Promise<Buffer> =>
  sharp({ create: { width: 64, height: 48, channels: 3, background: "#369" } })
    .jpeg()
    .toBuffer();

describe("snapshots", () => {
  const open: Camera[] = [];
  afterEach(async () => {
    for (const camera of open.splice(0)) await camera.stop();
  });

  /** A camera to which the test gives each frame. */
  const pushed = (): Camera => {
    const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "browser" }));
    open.push(camera);
    camera.start();
    return camera;
  };
  const never = new AbortController().signal;

  it("takes frames that come after each was asked for, none twice", async () => {
    const camera = pushed();
    const picture = await still();
    camera.push(picture);
    const feed = setInterval(() => camera.push(picture), 50);
    const sequences: number[] = [];
    for await (const { bytes, frame } of snapshots(camera, 3, never)) {
      assert.equal(bytes, picture);
      sequences.push(frame?.sequence ?? -1);
    }
    clearInterval(feed);
    assert.equal(sequences[0], 1, "not the frame that was there before");
    assert.deepEqual([sequences.length, new Set(sequences).size], [3, 3]);
  });

  it("says that the camera does not run, or stops meanwhile", async () => {
    const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "browser" }));
    await assert.rejects(snapshots(camera, 1, never).next(), { message: "the camera door does not run: start it." });
    const running = pushed();
    const first = snapshots(running, 1, never).next();
    await running.stop();
    await assert.rejects(first, { message: "the camera door has stopped: start it." });
  });

  it("keeps what it took when the camera ends before the next", async () => {
    const folder = mkdtempSync(join(tmpdir(), "snapshots-"));
    writeFileSync(join(folder, "0.jpg"), await still());
    const camera = new Camera(cameraOptionsSchema.parse({ name: "photos", source: "folder", path: folder }));
    open.push(camera);
    camera.start();
    const taken = snapshots(camera, 2, never);
    assert.equal((await taken.next()).value?.frame?.width, 64);
    await assert.rejects(taken.next(), { message: "the camera photos has stopped: start it." });
  });

  it("ends without a word when nobody waits any more", async () => {
    const camera = pushed();
    const gone = new AbortController();
    const first = snapshots(camera, 1, gone.signal).next();
    gone.abort();
    assert.deepEqual(await first, { done: true, value: undefined });
    assert.equal(camera.listenerCount("frame"), 0);
  });

  it("goes by what the camera says of itself: stopped, and the newest frame's size", async () => {
    const camera = pushed();
    const stopped = camera.stopped;
    const sizeNow = (): (number | undefined)[] => [camera.latest?.width, camera.latest?.height];
    assert.deepEqual(sizeNow(), [undefined, undefined]);
    const frame = once(camera, "frame");
    camera.push(await still());
    await frame;
    assert.deepEqual([...sizeNow(), stopped?.aborted], [64, 48, false]);
    await camera.stop();
    assert.deepEqual([...sizeNow(), camera.stopped, stopped?.aborted], [undefined, undefined, undefined, true]);
  });
});
