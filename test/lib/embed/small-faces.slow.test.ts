import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { type Conditions, type Filmed, filmSmall } from "../../../bench/small-frames";
import { seeded } from "../../../bench/statistics";
import { findFfmpeg } from "../../../lib/capture/ffmpeg";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { createEncoder, type FaceEncoder } from "../../../lib/enrol/encoder";
import { Roster } from "../../../lib/search/roster";
import { decide } from "../../../lib/match/match";
import { matchOptionsSchema } from "../../../lib/match/options";
import type { Face } from "../../../lib/message";
import { findModel } from "../../../lib/models/find-model";
import { cutOut, portrait, PORTRAITS } from "../../support/photos";

/** A lit room. */
const LIT: Conditions = { noise: [3, 3], light: [1.3, 1.3], defocus: [0.4, 0.4], moved: 0.02 };

for (const id of ["mobilefacenet-192", "dlib-resnet-v1"])
  describe(`a small face in a camera's video, by ${id}`, () => {
    let encoder: FaceEncoder;
    let embedder: FaceEmbedder;
    let roster: Roster;
    let filmed: Filmed;
    let skip = false;

    before(async () => {
      skip = await findFfmpeg().then(
        () => false,
        () => true,
      );
      encoder = await createEncoder({ model: id });
      embedder = new FaceEmbedder(await findModel(id), embedderOptionsSchema.parse({}));
      const { threshold, normalisation } = encoder;
      roster = new Roster(id, { threshold, normalisation });
      const enrol = async (name: string, photo: Buffer): Promise<void> => {
        roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
        roster.putPhoto(`${name} 0`, name, (await largest(photo)).embedding as Float32Array);
      };
      await enrol("Robin", await cutOut(3, 921, 116, 500, 500));
      for (const name of Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]) await enrol(name, await portrait(name));
      // Robin in another photo, with the head upright.
      const bytes = await sharp(await cutOut(1, 1220, 0, 700, 690))
        .rotate(-28, { background: "#556070" })
        .png()
        .toBuffer();
      const { width, height } = await sharp(bytes).metadata();
      filmed = { bytes, width, height, face: (await largest(bytes)).box };
    });
    after(() => Promise.all([encoder.close(), embedder.close(), roster.close()]));

    async function largest(photo: Buffer): Promise<Face> {
      return (await encoder.encode(photo))
        .filter(({ embedding }) => embedding !== undefined)
        .toSorted((a, b) => b.box.width - a.box.width)[0] as Face;
    }

    /** Robin in frames of a video, each face alone. */
    async function seen(size: number): Promise<Face[]> {
      const faces: Face[] = [];
      for (const { pixels, shots } of await filmSmall([filmed], {
        size,
        crf: 24,
        random: seeded(1),
        conditions: LIT,
      })) {
        const frame = {
          source: "garden",
          sequence: 0,
          capturedAt: 1,
          width: pixels.width,
          height: pixels.height,
          encoding: "rgb" as const,
        };
        faces.push(
          ...(
            await embedder.embed(
              { bytes: Buffer.from(pixels.data), frame },
              shots.map(({ face }) => ({ box: face, score: 5 })),
            )
          ).faces,
        );
      }
      return faces;
    }

    const identityOf = (face: Face) =>
      decide(face, { gallery: roster, options: matchOptionsSchema.parse({}), claim: undefined, age: undefined });

    it("is known at a width of 36 px from another photo, and counts less than a large one", async (test) => {
      if (skip) return test.skip("there is no ffmpeg");
      const [small, large] = [await seen(36), await seen(110)];
      assert.ok(
        small.length === 2 && small.every(({ quality }) => (quality?.size ?? 0) > 9 && (quality?.size ?? 99) < 15),
      );
      for (const face of small) {
        const { outcome, name } = await identityOf(face);
        assert.deepEqual([face.rejected, outcome, name], [undefined, "match", "Robin"]);
      }
      const weights = [large, small].map((faces) => faces.map(({ quality }) => quality?.weight ?? 0));
      assert.ok(Math.min(...(weights[0] ?? [])) > 1.2 * Math.max(...(weights[1] ?? [])), JSON.stringify(weights));
      assert.ok(weights.flat().every((weight) => weight > 0 && weight <= 1));
    });

    it("of less than 8 px between the eyes gets no embedding, and it is said why", async (test) => {
      if (skip) return test.skip("there is no ffmpeg");
      const tooSmall = (await seen(20)).filter(({ rejected }) => rejected !== "bad_alignment");
      assert.ok(tooSmall.length > 0, "the landmarks fit in some frame");
      for (const face of tooSmall) {
        const { outcome, reason } = await identityOf(face);
        assert.ok((face.quality?.size ?? 99) < 8);
        assert.deepEqual([face.embedding, outcome, reason], [undefined, "unknown", "too_small"]);
      }
    });
  });
