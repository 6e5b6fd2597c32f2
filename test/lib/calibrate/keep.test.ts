import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type KeepInput, tryGallery } from "../../../lib/calibrate/keep";
import { seeded } from "../../../lib/calibrate/statistics";
import { toUnitLength } from "../../../lib/embed/distance";
import type { KnownEmbedding } from "../../../lib/search/known";
import { Roster } from "../../../lib/search/roster";
import { decideBy } from "../../../lib/match/match";
import { IDENTIFY } from "../../../lib/match/policy";
import { matchOptionsSchema } from "../../../lib/match/options";

const DIMENSIONS = 24;

/** Faces of nobody, people and strangers, always the same. */
function world(seed: number) {
  const random = seeded(seed);
  const direction = (): Float32Array => toUnitLength(Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5));
  const near = (centre: Float32Array, spread: number): Float32Array => {
    const step = direction();
    return toUnitLength(centre.map((value, axis) => value + spread * (step[axis] as number)));
  };
  const rows = Float32Array.from(Array.from({ length: 60 }, direction).flatMap((row) => [...row]));
  const normalisation = { rows, dimensions: DIMENSIONS, mean: 1, threshold: 0.75 };
  return { direction, near, normalisation };
}

const person = (id: string, vectors: readonly Float32Array[]): KnownEmbedding[] =>
  vectors.map((vector, index) => ({ personId: id, photoId: `${id}-${index}`, vector, sure: false }));

function input(embeddings: KnownEmbedding[], comparison: KeepInput["comparison"], fields: Partial<KeepInput> = {}) {
  const names = new Map(embeddings.map(({ personId }) => [personId, personId.toUpperCase()]));
  return { embeddings, names, comparison, threshold: 0.75, margin: 0.02, nearDuplicate: 0.1, ...fields };
}

describe("does a gallery work?", () => {
  it("says of each photo what face-match says in a gallery without it, and of strangers who are kept", async () => {
    const { direction, near, normalisation } = world(3);
    const crowd = direction();
    const centres = [near(crowd, 0.5), near(crowd, 0.5), direction(), direction()];
    const embeddings = centres.flatMap((centre, index) =>
      person(
        `p${index}`,
        Array.from({ length: 3 }, () => near(centre, index === 2 ? 1.3 : 0.6)),
      ),
    );
    const alone = person("alone", [direction()]);
    const strangers = [near(centres[0] as Float32Array, 0.5), direction(), direction()];
    const all = [...embeddings, ...alone];
    const galleryOf = async (photos: readonly KnownEmbedding[], others: readonly Float32Array[]): Promise<Roster> => {
      const roster = new Roster("test", { threshold: 1, normalisation, strangers: () => others });
      for (const { personId, photoId, vector } of photos) {
        roster.putPerson({ id: personId, name: personId, groups: [], validFrom: null, validUntil: null });
        roster.putPhoto(photoId, personId, vector);
      }
      await roster.refreshed();
      return roster;
    };
    const options = matchOptionsSchema.parse({ threshold: 0.75, margin: 0.02 });
    const [said, named]: [string[], boolean[]] = [[], []];
    for (const { photoId, personId, vector } of embeddings) {
      const roster = await galleryOf(
        all.filter((photo) => photo.photoId !== photoId),
        strangers,
      );
      const { person: who } = await decideBy(IDENTIFY, vector, roster, options);
      said.push(who === null ? "nobody" : who === personId ? "right" : "wrong");
      await roster.close();
    }
    for (const stranger of strangers) {
      const roster = await galleryOf(
        all,
        strangers.filter((each) => each !== stranger),
      );
      named.push((await decideBy(IDENTIFY, stranger, roster, options)).person !== null);
      await roster.close();
    }
    const { now, untested } = await tryGallery(input(all, { normalisation, strangers }));
    const count = (outcome: string): number => said.filter((each) => each === outcome).length;
    assert.deepEqual(
      [now.right?.hits, now.wrong?.hits, now.nobody?.hits, now.right?.total, untested],
      [count("right"), count("wrong"), count("nobody"), 12, 1],
    );
    assert.deepEqual([now.strangersNamed?.hits, now.strangersNamed?.total], [named.filter(Boolean).length, 3]);
    // Else it proves nothing.
    assert.ok(
      count("right") > 0 && count("nobody") > 0 && named.includes(true) && named.includes(false),
      `${said.join()} ${named.join()}`,
    );
    assert.ok((now.right?.low ?? 1) < (now.right?.share ?? 0) && (now.right?.high ?? 0) >= (now.right?.share ?? 1));
  });

  it("proposes a wrong face, with what gets better, and a photo twice, without which nothing changes", async () => {
    const { direction, near, normalisation } = world(5);
    const [a, b, c] = [direction(), direction(), direction()];
    const twice = near(c, 0.3);
    const embeddings = [
      // Of two photos nobody can say which is the wrong one, so that the gallery sets none aside.
      ...person("a", [near(a, 0.3), near(a, 0.3), near(b, 0.2), near(b, 0.2)]),
      ...person("b", [near(b, 0.4), near(b, 0.4), near(b, 0.4)]),
      ...person("c", [twice, near(twice, 0.02), near(c, 0.3), near(c, 0.3)]),
    ];
    const { proposals, now, together } = await tryGallery(input(embeddings, { normalisation, strangers: [] }));
    const confusing = proposals.filter(({ why }) => why === "confusing");
    assert.deepEqual(
      confusing.map(({ photo }) => photo.photoId.slice(0, 1)),
      confusing.map(() => "a"),
    );
    assert.ok(
      confusing.some(({ photo, beside }) => ["a-2", "a-3"].includes(photo.photoId) && beside?.name === "B"),
      JSON.stringify(proposals),
    );
    for (const { before, after } of confusing) {
      assert.equal(before.right?.total, after.right?.total, "before and after are on the same probes");
      assert.ok(
        (after.right?.hits ?? 0) >= (before.right?.hits ?? 1) && (after.wrong?.hits ?? 1) <= (before.wrong?.hits ?? 0),
      );
    }
    assert.ok(confusing.some(({ before, after }) => (after.right?.hits ?? 0) > (before.right?.hits ?? 0)));
    const redundant = proposals.filter(({ why }) => why === "redundant");
    assert.deepEqual(
      redundant.map(({ photo, beside }) => [photo.photoId, beside?.photoId]),
      [["c-1", "c-0"]],
    );
    for (const { before, after } of redundant)
      assert.deepEqual([after.right, after.wrong], [before.right, before.wrong]);
    assert.ok((together?.after.right?.share ?? 0) >= (now.right?.share ?? 1));
    // What somebody is sure of is not proposed.
    const sure = embeddings.map((photo) => ({ ...photo, sure: photo.personId === "a" }));
    const again = await tryGallery(input(sure, { normalisation, strangers: [] }));
    assert.ok(again.proposals.every(({ photo, why }) => why === "redundant" || photo.personId !== "a"));
  });

  it("names people who can hardly be told apart, and what to do", async () => {
    const { direction, near, normalisation } = world(7);
    const centre = direction();
    const embeddings = [
      ...person("twin", [near(centre, 0.3), near(centre, 0.3)]),
      ...person("other", [near(centre, 0.3), near(centre, 0.3), near(centre, 0.3)]),
      ...person("apart", [direction()]),
    ];
    const { pairs } = await tryGallery(input(embeddings, { normalisation, strangers: [] }));
    assert.deepEqual(
      pairs.map(({ a, b }) => [a.name, b.name].sort()),
      [["OTHER", "TWIN"]],
    );
    assert.ok((pairs[0]?.distance ?? 1) <= 0.75);
    assert.deepEqual(pairs[0]?.advice, ["more_photos", "verify", "second_factor"]);
  });

  it("says nothing of nobody, and travels as JSON", async () => {
    const { normalisation, direction } = world(9);
    for (const embeddings of [[], person("a", [direction()])]) {
      const told = await tryGallery(input(embeddings, { normalisation, strangers: [] }));
      assert.deepEqual(JSON.parse(JSON.stringify(told)), told);
      assert.deepEqual([told.now.right, told.proposals, told.together, told.pairs], [null, [], null, []]);
    }
  });
});
