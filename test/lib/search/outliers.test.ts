import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { toUnitLength } from "../../../lib/embed/distance";
import { loadCohort } from "../../../lib/embed/cohort";
import { type Normalisation, normalisationOf } from "../../../lib/embed/normalise";
import { Gallery } from "../../../lib/gallery/gallery";
import type { GalleryOptions } from "../../../lib/gallery/options";
import { meanOf, setAside } from "../../../lib/search/outliers";
import { Roster } from "../../../lib/search/roster";
import { openStore } from "../../../lib/people/lmdb/store";
import { seeded } from "../../../bench/statistics";
import { FakeEncoder } from "../../support/fake-encoder";

const random = seeded(11);
const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());
const around = (centre: Float32Array, spread: number): Float32Array =>
  toUnitLength(centre.map((value) => value + spread * normal()));
const anybody = (): Float32Array => around(new Float32Array(128), 1);
const unsure = (embeddings: readonly Float32Array[]): { embedding: Float32Array; sure: boolean }[] =>
  embeddings.map((embedding) => ({ embedding, sure: false }));

async function dlibs(): Promise<Normalisation> {
  const found = await normalisationOf({ id: "dlib-resnet-v1", dimensions: 128 });
  assert.ok(found);
  return found;
}

/** People as the built-in cohort has them, and photos of theirs as far from each other as photos are. */
async function personAt(row: number): Promise<Float32Array> {
  const cohort = await loadCohort("dlib-resnet-v1");
  assert.ok(cohort);
  return cohort.rows.slice(row * 128, (row + 1) * 128);
}
const NEAR = 0.015;

describe("setAside", () => {
  it("sets aside the photo that shows somebody else, of three and of many, wherever it stands", async () => {
    const normalisation = await dlibs();
    for (const count of [3, 4, 5, 9])
      for (let at = 0; at < count; at += 1) {
        const own = await personAt(40 + count);
        const photos = Array.from({ length: count }, (_, index) => (index === at ? anybody() : around(own, NEAR)));
        assert.deepEqual([...setAside(unsure(photos), normalisation).keys()], [at], `${at} of ${count}`);
      }
  });

  it("sets aside two that show the same other person among five, and two that show two others", async () => {
    const normalisation = await dlibs();
    const [own, other] = [await personAt(3), await personAt(300)];
    const good = Array.from({ length: 3 }, () => around(own, NEAR));
    assert.deepEqual(
      new Set(setAside(unsure([around(other, NEAR), ...good, around(other, NEAR)]), normalisation).keys()),
      new Set([0, 4]),
    );
    assert.deepEqual(
      new Set(setAside(unsure([anybody(), ...good, anybody()]), normalisation).keys()),
      new Set([0, 4]),
    );
  });

  it("leaves photos of one person alone, and two that differ, and whatever is half of all or more", async () => {
    const normalisation = await dlibs();
    const [own, other] = [await personAt(9), await personAt(200)];
    assert.equal(setAside(unsure(Array.from({ length: 8 }, () => around(own, NEAR))), normalisation).size, 0);
    assert.equal(setAside(unsure([anybody(), anybody()]), normalisation).size, 0);
    for (let draw = 0; draw < 20; draw += 1)
      for (const count of [3, 4, 5, 6, 7]) {
        assert.ok(2 * setAside(unsure(Array.from({ length: count }, anybody)), normalisation).size < count);
      }
    assert.ok(
      setAside(unsure([around(own, NEAR), around(own, NEAR), around(other, NEAR), around(other, NEAR)]), normalisation)
        .size < 2,
    );
  });

  it("never sets aside what somebody is sure of, and tells how far the others are from the mean left", async () => {
    const normalisation = await dlibs();
    const own = await personAt(77);
    const photos = unsure([anybody(), around(own, NEAR), around(own, NEAR), around(own, NEAR)]);
    const [[index, distance] = []] = setAside(photos, normalisation);
    assert.equal(index, 0);
    assert.ok((distance ?? 0) > normalisation.threshold);
    // By the gallery's own search: the others alone, and the photo as a probe.
    const roster = new Roster("m", { threshold: 0.5, normalisation });
    roster.putPerson({ id: "a", name: "a", groups: [], validFrom: null, validUntil: null });
    for (const [at, { embedding }] of photos.slice(1).entries()) roster.putPhoto(`p${at}`, "a", embedding);
    const [alone] = await roster.nearest(photos[0]?.embedding as Float32Array, 1, "cohort");
    await roster.close();
    assert.ok(Math.abs((alone?.distance ?? NaN) - (distance ?? NaN)) < 1e-5);
    assert.equal(
      setAside(
        photos.map((photo, at) => (at === 0 ? { ...photo, sure: true } : photo)),
        normalisation,
      ).has(0),
      false,
    );
  });
});

const open: Gallery[] = [];

async function galleryIn(
  root: string,
  options: Partial<GalleryOptions> & { passphrase?: string } = {},
): Promise<Gallery> {
  const encoder = Object.assign(new FakeEncoder(), { dimensions: 128, normalisation: await dlibs() });
  const store = await openStore({
    folder: join(root, "people"),
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
  });
  const gallery = new Gallery({
    folder: join(root, "photos"),
    encoder,
    keepPhotos: false,
    interval: 1e6,
    ...options,
    store,
  });
  open.push(gallery);
  await gallery.start();
  return gallery;
}

const rootOf = (): string => mkdtempSync(join(tmpdir(), "outliers-"));
const textOf = (embedding: Float32Array): Buffer => Buffer.from([...embedding].join(" "));
const ALL = ["unlike", "resembles"];

/**
 * Alice by three photos of their own and one of somebody else, added by whoever accepts nothing but that it is unlike.
 */
async function enrolAlice(
  gallery: Gallery,
): Promise<{ id: string; own: Float32Array; wrong: string; alien: Float32Array }> {
  const own = await personAt(120);
  const alien = anybody();
  let [id, wrong] = ["", ""];
  for (const [index, embedding] of [alien, around(own, NEAR), around(own, NEAR), around(own, NEAR)].entries()) {
    const { person, photo } = await gallery.addPhoto({ name: "Alice" }, textOf(embedding), {
      origin: "upload",
      accept: ALL,
    });
    id = person.id;
    if (index === 0) wrong = photo.id;
    // What somebody was sure of when it came is not to count here.
    else await gallery.usePhoto(id, photo.id, false);
  }
  return { id, own, wrong, alien };
}

const asideIn = (gallery: Gallery, id: string): string[] =>
  gallery
    .details(id)
    .photos.filter(({ aside }) => aside !== null)
    .map((photo) => photo.id);
const distanceTo = async (gallery: Gallery, probe: Float32Array): Promise<number> =>
  (await gallery.roster.nearest(probe, 1, "cohort"))[0]?.distance ?? NaN;

describe("a gallery with a wrong photo", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
  });

  it("compares with the others, says why, keeps the photo and may name it the nearest, in any order", async () => {
    const gallery = await galleryIn(rootOf());
    const { id, own, wrong, alien } = await enrolAlice(gallery);
    assert.deepEqual(asideIn(gallery, id), [wrong]);
    const { aside } = gallery.details(id).photos.find((photo) => photo.id === wrong) ?? {};
    assert.match(aside?.reason ?? "", /^set aside: farther from their other photos than τ \(\d\.\d\d, τ 0\.355\)/);
    const probe = around(own, NEAR);
    const before = await distanceTo(gallery, probe);
    // Without the photo it is the same: it moved nothing.
    const [near] = await gallery.roster.nearest(alien, 1, "cohort");
    assert.deepEqual([near?.photo, gallery.details(id).photos.length], [wrong, 4]);
    await gallery.removePhoto(id, wrong);
    assert.equal(await distanceTo(gallery, probe), before);
    assert.deepEqual(asideIn(gallery, id), []);
  });

  it(
    "uses it all the same once somebody is sure, which a restart, an encryption, an export and an import keep, " +
      "and can be taken back",
    async () => {
      const root = rootOf();
      const first = await galleryIn(root, { passphrase: "correct horse" });
      const { id, own, wrong } = await enrolAlice(first);
      const probe = around(own, NEAR);
      const apart = await distanceTo(first, probe);
      const used = await first.usePhoto(id, wrong, true);
      assert.deepEqual([used.aside, used.sure], [null, true]);
      const together = await distanceTo(first, probe);
      assert.ok(together > apart + 0.01, "it pulls the mean away");
      await first.close();
      const again = await galleryIn(root, { passphrase: "correct horse" });
      assert.deepEqual([asideIn(again, id), await distanceTo(again, probe)], [[], together]);
      const chunks: Uint8Array[] = [];
      await again.exportTo(async (chunk) => {
        chunks.push(chunk);
      });
      const other = await galleryIn(rootOf());
      await other.importFrom(
        (async function* (): AsyncGenerator<Uint8Array> {
          yield* chunks;
        })(),
      );
      assert.deepEqual([asideIn(other, id), await distanceTo(other, probe)], [[], together]);
      assert.deepEqual((await other.usePhoto(id, wrong, false)).sure, false);
      assert.deepEqual([asideIn(other, id), await distanceTo(other, probe)], [[wrong], apart]);
      await assert.rejects(other.usePhoto(id, "0123456789abcdef", true), /there is no photo/);
    },
  );

  it(
    "leaves a photo out of the mean and of the nearest, which a restart, an encryption, an export and an import " +
      "keep, and uses it again",
    async () => {
      const root = rootOf();
      const first = await galleryIn(root, { passphrase: "correct horse" });
      const { id, own, wrong, alien } = await enrolAlice(first);
      await first.usePhoto(id, wrong, true);
      const probe = around(own, NEAR);
      const nearest = async (gallery: Gallery): Promise<number> =>
        (await gallery.roster.nearest(alien, 1, "euclidean"))[0]?.distance ?? NaN;
      const together = await distanceTo(first, probe);
      assert.ok((await nearest(first)) < 1e-6);
      const left = await first.leaveOut(id, wrong, true);
      assert.deepEqual([left.out, left.usable, left.aside], [true, true, null]);
      const apart = await distanceTo(first, probe);
      assert.ok(apart < together - 0.01, "it pulls the mean no more");
      assert.ok((await nearest(first)) > 0.5, "nor is it the nearest");
      assert.deepEqual(
        [[...first.embeddings()].some(({ photoId }) => photoId === wrong), first.details(id).photos.length],
        [false, 4],
        "kept, and not tried",
      );
      await first.close();
      const again = await galleryIn(root, { passphrase: "correct horse" });
      assert.ok(Math.abs((await distanceTo(again, probe)) - apart) < 1e-5);
      const chunks: Uint8Array[] = [];
      await again.exportTo(async (chunk) => {
        chunks.push(chunk);
      });
      const other = await galleryIn(rootOf());
      await other.importFrom(
        (async function* (): AsyncGenerator<Uint8Array> {
          yield* chunks;
        })(),
      );
      assert.deepEqual(
        other
          .details(id)
          .photos.filter(({ out }) => out)
          .map((photo) => photo.id),
        [wrong],
      );
      assert.ok(Math.abs((await distanceTo(other, probe)) - apart) < 1e-5);
      const used = await other.leaveOut(id, wrong, false);
      assert.deepEqual([used.out, used.sure], [false, true], "what was said of it is not forgotten");
      assert.ok(Math.abs((await distanceTo(other, probe)) - together) < 1e-5, "the same mean");
      assert.ok((await nearest(other)) < 1e-6);
      await other.leaveOut(id, wrong, true);
      await other.removePhoto(id, wrong);
      assert.deepEqual([other.details(id).photos.length, other.roster.size], [3, 3]);
      for (const photo of other.details(id).photos.slice(1)) await other.leaveOut(id, photo.id, true);
      await assert.rejects(
        other.leaveOut(id, String(other.details(id).photos[0]?.id), true),
        /the only photo by which Alice is recognized cannot be left out/,
      );
      const receipt = await other.forget({ id });
      assert.deepEqual([receipt.photos, other.roster.size], [3, 0]);
      await assert.rejects(other.leaveOut(id, wrong, true), /there is no/);
    },
  );

  it("forgets who was sure when the photo becomes somebody else's", async () => {
    const gallery = await galleryIn(rootOf());
    const { id, wrong } = await enrolAlice(gallery);
    await gallery.usePhoto(id, wrong, true);
    const {
      photos: [moved],
    } = await gallery.movePhotos(id, [wrong], { name: "Bob" });
    assert.deepEqual(moved?.accepted, []);
  });

  it("knows what was said of a photo of the folder also after its network changed", async () => {
    const root = rootOf();
    mkdirSync(join(root, "photos", "Alice"), { recursive: true });
    const own = await personAt(50);
    for (const [index, embedding] of [anybody(), around(own, NEAR), around(own, NEAR)].entries())
      writeFileSync(join(root, "photos", "Alice", `${index}.jpg`), textOf(embedding));
    const first = await galleryIn(root);
    const id = first.listPeople({}).people[0]?.id ?? "";
    const [wrong = ""] = asideIn(first, id);
    await first.usePhoto(id, wrong, true);
    await first.leaveOut(id, wrong, true);
    await first.close();
    const encoder = Object.assign(new FakeEncoder("fake", "another"), {
      dimensions: 128,
      normalisation: await dlibs(),
    });
    const again = await galleryIn(root, { encoder });
    assert.deepEqual(
      [
        asideIn(again, id),
        again
          .details(id)
          .photos.filter(({ sure }) => sure)
          .map((photo) => photo.id),
      ],
      [[], [wrong]],
    );
    assert.deepEqual(
      again
        .details(id)
        .photos.filter(({ out, usable }) => out && usable)
        .map((photo) => photo.id),
      [wrong],
    );
    assert.equal(again.roster.size, 2, "left out by the other network too");
  });

  it("makes the same mean in whatever order the photos came", async () => {
    const own = await personAt(220);
    const photos = [anybody(), anybody(), ...Array.from({ length: 5 }, () => around(own, NEAR))];
    const normalisation = await dlibs();
    const probe = around(own, NEAR);
    const distances: number[] = [];
    for (let turn = 0; turn < photos.length; turn += 1) {
      const roster = new Roster("m", { threshold: 0.5, normalisation });
      roster.putPerson({ id: "a", name: "a", groups: [], validFrom: null, validUntil: null });
      for (let step = 0; step < photos.length; step += 1) {
        const at = (turn + step * 3) % photos.length;
        roster.putPhoto(`photo ${at}`, "a", photos[at] as Float32Array);
      }
      assert.deepEqual([...roster.asideOf("a").keys()].sort(), ["photo 0", "photo 1"]);
      distances.push((await roster.nearest(probe, 1, "cohort"))[0]?.distance ?? NaN);
      await roster.close();
    }
    assert.equal(new Set(distances).size, 1);
    assert.equal(meanOf([toUnitLength(own)]).length, 128);
  });
});
