/**
 * Are people who are followed named by their track better than frame by frame? Films made of photos (bench/films)
 * through the product's own
 * tracker, networks and decision, each frame decided alone and with the vote of its track, at the model's own τ. In
 * each draw so many people
 * are enrolled by so many of their photos; the films are of their other photos (known), and of everybody else
 * (strangers).
 *   npm run bench:tracks -- --data DIR [--data DIR]... [--model ID]... [--photos 1,3] [--people 5,20] [--draws 20]
 * [--kept DIR]
 * Each DIR has a folder for each person (LFW's layout). --kept keeps what the networks made of the films in that
 * folder, and takes it from there.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { deserialize, serialize } from "node:v8";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { FaceFollower } from "../lib/detect/follower";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { trackingOptionsSchema } from "../lib/detect/tracker";
import { findModel } from "../lib/models/find-model";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import { createEncoder } from "../lib/enrol/encoder";
import { normalisationOf } from "../lib/embed/normalise";
import { Roster } from "../lib/search/roster";
import { shuffled } from "../lib/calibrate/statistics";
import { decide } from "../lib/match/match";
import { matchOptionsSchema } from "../lib/match/options";
import { TrackVote } from "../lib/match/track-vote";
import { film, FILM } from "./films";
import { encodePhoto, readFolders } from "./photos";
import { mean, seeded } from "./statistics";
import { shoot, type Shot } from "./shoot";
import { remembering, tell } from "./told";

/** Photos used of a person, and how many of these are filmed. */
const PHOTOS = 6;
const FILMED = 2;

interface Item {
  person: string;
  name: string;
  /** By model: of the photo itself. */
  photo: (Float32Array | undefined)[];
  /** By model: frame by frame; undefined where it was not filmed. */
  shots: Shot[][] | undefined;
}

async function filmAll(root: string, models: readonly string[]): Promise<Item[]> {
  const detector = new FaceDetector(haar, haarOptionsSchema.parse({ minSize: 40, minNeighbors: 3 }));
  const encoders = await Promise.all(models.map((model) => createEncoder({ model })));
  const embedders = await Promise.all(
    models.map(async (model) => new FaceEmbedder(await findModel(model), embedderOptionsSchema.parse({}))),
  );
  const seen = new Map<string, number>();
  const items: Item[] = [];
  let films = 0;
  for (const { person, path, name } of readFolders(root)) {
    const count = (seen.get(person) ?? 0) + 1;
    seen.set(person, count);
    if (count > PHOTOS) continue;
    const bytes = readFileSync(path);
    const photo: Item["photo"] = [];
    for (const encoder of encoders) photo.push((await encodePhoto(encoder, bytes).catch(() => undefined))?.embedding);
    if (count <= FILMED) films += 1;
    const frames = count <= FILMED ? await film(bytes, name, seeded(1000 + films)) : undefined;
    items.push({
      person,
      name,
      photo,
      shots:
        frames === undefined
          ? undefined
          : await shoot(frames, new FaceFollower(detector, trackingOptionsSchema.parse({})), embedders),
    });
  }
  await Promise.all([
    detector.close(),
    ...embedders.map((each) => each.close()),
    ...encoders.map((each) => each.close()),
  ]);
  return items;
}

async function itemsOf(root: string, models: readonly string[], kept: string | undefined): Promise<Item[]> {
  const file = kept === undefined ? undefined : join(kept, `tracks-${basename(root)}.v8`);
  if (file !== undefined && existsSync(file)) return deserialize(readFileSync(file)) as Item[];
  const items = await filmAll(root, models);
  if (file !== undefined) writeFileSync(file, serialize(items), { mode: 0o600 });
  return items;
}

interface Tally {
  /** Shares of one draw. */
  strangersByPhoto: number[];
  strangersByTrack: number[];
  strangersByFrame: number[];
  knownByPhoto: number[];
  knownAtAll: number[];
  knownInFirst: number[];
  wrong: number[];
  delays: number[];
  changes: number[];
  strangers: number;
  known: number;
}

const empty = (): Tally => ({
  strangersByPhoto: [],
  strangersByTrack: [],
  strangersByFrame: [],
  knownByPhoto: [],
  knownAtAll: [],
  knownInFirst: [],
  wrong: [],
  delays: [],
  changes: [],
  strangers: 0,
  known: 0,
});

async function drawOnce(
  items: readonly Item[],
  at: number,
  model: string,
  {
    people,
    photos,
    random,
    tallies,
  }: { people: number; photos: number; random: () => number; tallies: [Tally, Tally] },
): Promise<void> {
  const { threshold } = await findModel(model);
  const roster = new Roster(model, { threshold, normalisation: await normalisationOf(await findModel(model)) });
  const of = (person: string): Item[] =>
    items.filter((item) => item.person === person && item.photo[at] !== undefined);
  const names = shuffled([...new Set(items.map(({ person }) => person))], random).filter(
    (person) => of(person).length > 0,
  );
  const spare = (person: string): boolean => of(person).length > photos;
  const enrolled = new Set(
    [...names.filter(spare), ...names.filter((person) => !spare(person) && of(person).length === photos)].slice(
      0,
      people,
    ),
  );
  const films: Item[] = [];
  for (const person of names) {
    // Those that are filmed stand first.
    const own = enrolled.has(person)
      ? of(person).toReversed()
      : shuffled(
          of(person).filter(({ shots }) => shots !== undefined),
          random,
        ).slice(0, 1);
    if (enrolled.has(person))
      roster.putPerson({ id: person, name: person, groups: [], validFrom: null, validUntil: null });
    if (enrolled.has(person))
      for (const { name, photo } of own.slice(0, photos)) roster.putPhoto(name, person, photo[at] as Float32Array);
    films.push(
      ...(enrolled.has(person) ? own.slice(photos) : own).filter(({ shots }) =>
        shots?.[at]?.some(({ face }) => face !== undefined),
      ),
    );
  }
  await roster.refreshed();
  const gallery = remembering(roster);
  for (const [index, tally] of tallies.entries()) {
    const here = empty();
    const options = matchOptionsSchema.parse({});
    for (const { person, photo, shots } of films) {
      const told = await tell(shots?.[at] ?? [], gallery, index === 0 ? undefined : new TrackVote());
      const { name } = await decide(
        { box: { x: 0, y: 0, width: 1, height: 1 }, score: 1, embedding: photo[at], model },
        { gallery, options, claim: undefined, age: undefined },
      );
      if (enrolled.has(person)) {
        here.knownByPhoto.push(Number(name === person));
        here.knownAtAll.push(Number(told.names.has(person)));
        here.knownInFirst.push(Number(told.first.get(person) === 0));
        here.wrong.push(Number([...told.names].some((each) => each !== person)));
        if (told.first.has(person)) here.delays.push(((told.first.get(person) ?? 0) * 1000) / FILM.fps);
        here.changes.push(told.changes);
      } else {
        here.strangersByPhoto.push(Number(name !== null));
        here.strangersByTrack.push(Number(told.names.size > 0));
        here.strangersByFrame.push(told.named / told.frames);
      }
    }
    for (const key of [
      "strangersByPhoto",
      "strangersByTrack",
      "strangersByFrame",
      "knownByPhoto",
      "knownAtAll",
      "knownInFirst",
      "wrong",
      "changes",
    ] as const)
      if (here[key].length > 0) tally[key].push(mean(here[key]));
    tally.delays.push(...here.delays);
    tally.strangers += here.strangersByTrack.length;
    tally.known += here.knownAtAll.length;
  }
  await roster.close();
}

const percent = (values: readonly number[]): string =>
  (values.length === 0 ? "–" : (100 * mean(values)).toFixed(2)).padStart(7);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      model: { type: "string", multiple: true, default: ["dlib-resnet-v1", "mobilefacenet-192"] },
      photos: { type: "string", default: "1,3" },
      people: { type: "string", default: "5,20" },
      draws: { type: "string", default: "20" },
      kept: { type: "string" },
    },
  });
  if (values.data.length === 0)
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person; more than once for several " +
        "populations.",
    );
  console.log(
    `films of ${FILM.seconds} s, ${FILM.fps} frames a second, H.264; means of ${values.draws} draws in %; ` +
      "alone → by the vote of the track",
  );
  for (const root of values.data) {
    const items = await itemsOf(root, values.model, values.kept);
    const filmed = items.filter(({ shots }) => shots !== undefined).length;
    for (const [at, model] of values.model.entries()) {
      console.log(
        `\n${basename(root)}, ${model}: ${filmed} films, ` +
          `${items.filter(({ shots }) => shots?.[at]?.some(({ face }) => face !== undefined)).length} with a ` +
          "face that can be judged",
      );
      console.log(
        "people × photos    strangers named: by photo | a frame alone → vote | ever in a track alone → vote " +
          "|| known named: by photo | ever alone → vote | in the 1st frame alone → vote | ms later than its " +
          "first frame, mean and 95th of 100, alone → vote | another's name alone → vote | changes a track " +
          "alone → vote",
      );
      for (const people of values.people.split(",").map(Number)) {
        for (const photos of values.photos.split(",").map(Number)) {
          const random = seeded(people);
          const tallies: [Tally, Tally] = [empty(), empty()];
          for (let draw = 0; draw < Number(values.draws); draw += 1)
            await drawOnce(items, at, model, { people, photos, random, tallies });
          const [alone, voted] = tallies;
          const late = ({ delays }: Tally): string =>
            (delays.length === 0
              ? "–"
              : `${mean(delays).toFixed(0)}, ` +
                `${delays.toSorted((a, b) => a - b)[Math.floor(0.95 * delays.length)]?.toFixed(0)}`
            ).padStart(9);
          const both = (
            key: "strangersByTrack" | "strangersByFrame" | "knownAtAll" | "knownInFirst" | "wrong",
          ): string => `${percent(alone[key])} → ${percent(voted[key])}`;
          const changes = tallies
            .map((tally) => (tally.changes.length === 0 ? "–" : mean(tally.changes).toFixed(3)))
            .join(" → ");
          console.log(
            `${`${people} × ${photos}`.padEnd(8)} ${percent(alone.strangersByPhoto)} | ` +
              `${both("strangersByFrame")} | ${both("strangersByTrack")} || ${percent(alone.knownByPhoto)} | ` +
              `${both("knownAtAll")} | ${both("knownInFirst")} | ${late(alone)} → ${late(voted)} | ` +
              `${both("wrong")} | ${changes}   (${alone.strangers} and ${alone.known} tracks)`,
          );
        }
      }
    }
  }
}

void main();
