/** People before a browser's camera of a real Node-RED. */
import assert from "node:assert/strict";
import sharp from "sharp";
import { eventually, type NodeRed } from "./node-red";
import { portrait, type PORTRAITS } from "./photos";

/** What makes a camera node a browser's. */
export const browserCamera = { source: "browser", device: "", width: "", height: "" };

/** Somebody stands before the camera until something is true. */
export async function until<T>(
  what: string,
  { red, camera, who }: { red: NodeRed; camera: string; who: keyof typeof PORTRAITS },
  get: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const picture = await portrait(who);
  let frame = 0;
  return eventually(what, async () => {
    // A face that is seen is never quite the same twice; the picture of a camera is not either.
    const body = await sharp(picture)
      .resize(400)
      .modulate({ brightness: 0.85 + 0.02 * (frame % 5) })
      .jpeg({ quality: 85 })
      .toBuffer();
    frame += 1;
    const answer = await fetch(`${red.url}/facenet/camera/${camera}/frame`, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: new Uint8Array(body),
    });
    assert.ok(answer.ok, `the frame was refused with ${answer.status}`);
    return get();
  });
}
