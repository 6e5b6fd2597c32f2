/** `${NAME}` in the fields of nodes, in a real Node-RED. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fetchApi } from "../support/api";
import { portrait } from "../support/photos";
import { eventually, example, nodeOf, startNodeRed } from "../support/node-red";

interface Recognized {
  outcome: string;
  name: string | null;
  distance: number | null;
  threshold: number;
}

describe("a variable in a field", () => {
  it("decides: what is a match at one τ is unknown at a lower one", async () => {
    const people = mkdtempSync(join(tmpdir(), "people-"));
    const photo = await portrait("green");
    writeFileSync(join(people, "Alice.jpg"), photo);
    const flow = example("recognize a photo over HTTP");
    Object.assign(nodeOf(flow, "ph_match"), { wanted: "fixed", threshold: "${TAU}", margin: "${MARGIN}" });
    Object.assign(nodeOf(flow, "facewire_gallery"), { folder: people, keepUnknowns: "${STRANGERS}" });
    // Another picture of the same face: not at distance 0.
    const { default: sharp } = await import("sharp");
    const probe = await sharp(photo).modulate({ brightness: 1.25 }).rotate(8).jpeg().toBuffer();
    const decide = async (tau: string): Promise<Recognized | undefined> => {
      const red = await startNodeRed(flow, { env: { TAU: tau, MARGIN: "0", STRANGERS: "false" } });
      try {
        const answer = await fetch(`${red.url}/recognize`, {
          method: "POST",
          headers: { "Content-Type": "image/jpeg" },
          body: new Uint8Array(probe),
        });
        assert.equal(answer.status, 200, await answer.clone().text());
        // Who asks the API is told the value too, not the variable.
        const matchers = (await (await fetchApi(`${red.url}/facenet/api/matchers`)).json()) as {
          threshold: number | null;
        }[];
        assert.deepEqual(
          matchers.map(({ threshold }) => threshold),
          [Number(tau)],
        );
        return ((await answer.json()) as { faces: Recognized[] }).faces[0];
      } finally {
        await red.stop();
      }
    };
    const [strict, usual] = [await decide("0.01"), await decide("0.58")];
    assert.equal(strict?.outcome, "unknown");
    assert.equal(usual?.outcome, "match");
    assert.equal(usual.name, "Alice");
  });

  it("that is not set is named, with the field, and nothing is run with its text", async () => {
    const flow = example("recognize a photo over HTTP");
    Object.assign(nodeOf(flow, "ph_match"), { wanted: "fixed", threshold: "${TAU_OF_THE_DOOR}" });
    Object.assign(nodeOf(flow, "facewire_gallery"), { folder: mkdtempSync(join(tmpdir(), "people-")) });
    const red = await startNodeRed(flow, { env: { TAU_OF_THE_DOOR: undefined } });
    try {
      await eventually("the sentence", () =>
        red.log().includes("threshold: the variable TAU_OF_THE_DOOR is not set") ? true : undefined,
      );
    } finally {
      await red.stop();
    }
  });
});
