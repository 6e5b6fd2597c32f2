/**
 * Who is called by a name when they walk up to a camera: films made of photos (./films) through the product's own
 * tracker and networks, decided by the default (τ follows from how many strangers may get a name), each frame alone
 * and by the vote of the track.
 * One photo of a person becomes a film, the others can be enrolled. In each draw so many people are, by so many of
 * their other photos: their films are the known, those of everybody else the strangers.
 */
import { readFileSync } from "node:fs";
import { shuffled } from "../lib/calibrate/statistics";
import { FaceFollower } from "../lib/detect/follower";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { trackingOptionsSchema } from "../lib/detect/tracker";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import type { FaceEncoder } from "../lib/enrol/encoder";
import { decideBy } from "../lib/match/match";
import { IDENTIFY } from "../lib/match/policy";
import { matchOptionsSchema } from "../lib/match/options";
import { TrackVote } from "../lib/match/track-vote";
import { findModel } from "../lib/models/find-model";
import { film } from "./films";
import { encodePhoto, type PhotoFile } from "./photos";
import { count, type Model, rate, rosterOf, type Tallies } from "./population";
import { shoot, type Shot } from "./shoot";
import { seeded } from "./statistics";
import { remembering, tell, type Told } from "./told";

/** Somebody with one film. */
export interface Filmed {
  person: string;
  /** Of the photo that became the film. */
  photo: Float32Array;
  others: Float32Array[];
  shots: Shot[];
}

/** As the camera of the other benchmarks of films. */
const DETECTION = { minSize: 40, minNeighbors: 3 };

/** @param most so many people, those of several photos first @param files of one population */
export async function filmPeople(encoder: FaceEncoder, files: readonly PhotoFile[], most: number): Promise<Filmed[]> {
  const byPerson = new Map<string, string[]>();
  for (const { person, path } of files) byPerson.set(person, [...(byPerson.get(person) ?? []), path]);
  const order = shuffled([...byPerson.keys()], seeded(1)).sort(
    (a, b) => Number((byPerson.get(b)?.length ?? 0) > 1) - Number((byPerson.get(a)?.length ?? 0) > 1),
  );
  const detector = new FaceDetector(haar, haarOptionsSchema.parse(DETECTION));
  const embedder = new FaceEmbedder(await findModel(encoder.model), embedderOptionsSchema.parse({}));
  const filmed: Filmed[] = [];
  for (const person of order) {
    if (filmed.length === most) break;
    const usable: { bytes: Buffer; vector: Float32Array }[] = [];
    for (const path of byPerson.get(person) ?? []) {
      const bytes = readFileSync(path);
      const vector = (await encodePhoto(encoder, bytes).catch(() => undefined))?.embedding;
      if (vector !== undefined) usable.push({ bytes, vector });
    }
    const [first, ...rest] = usable;
    if (first === undefined) continue;
    const frames = await film(first.bytes, person, seeded(1000 + filmed.length));
    const follower = new FaceFollower(detector, trackingOptionsSchema.parse({}));
    const [shots = []] = await shoot(frames, follower, [embedder]);
    filmed.push({ person, photo: first.vector, others: rest.map(({ vector }) => vector), shots });
  }
  await Promise.all([detector.close(), embedder.close()]);
  return filmed;
}

/** What was decided of one film. */
export interface Decided {
  person: string;
  enrolled: boolean;
  /** Of the photo that became it. */
  photo: string | null;
  alone: Told;
  voted: Told;
}

/** Shares of faces, of frames or of tracks that are named, by person. */
export interface TrackRates {
  strangers: Record<"photo" | "frame" | "everAlone" | "everVoted", Tallies>;
  /** By the right name. `voted`: at the end of the track. `wrong`: by another's, ever, by the vote. */
  known: Record<"photo" | "frame" | "voted" | "wrong", Tallies>;
}

export const noRates = (): TrackRates => ({
  strangers: { photo: new Map(), frame: new Map(), everAlone: new Map(), everVoted: new Map() },
  known: { photo: new Map(), frame: new Map(), voted: new Map(), wrong: new Map() },
});

/** Adds what became of one film; one without a face that could be judged counts as a track that is not named. */
export function countFilm({ strangers, known }: TrackRates, { person, enrolled, photo, alone, voted }: Decided): void {
  if (!enrolled) {
    count(strangers.photo, person, Number(photo !== null));
    if (alone.frames > 0) count(strangers.frame, person, alone.named, alone.frames);
    count(strangers.everAlone, person, Number(alone.names.size > 0));
    count(strangers.everVoted, person, Number(voted.names.size > 0));
    return;
  }
  count(known.photo, person, Number(photo === person));
  if (alone.frames > 0) count(known.frame, person, alone.counts.get(person) ?? 0, alone.frames);
  count(known.voted, person, Number(voted.last === person));
  count(known.wrong, person, Number([...voted.names].some((name) => name !== person)));
}

/**
 * Who is enrolled: whoever has so many photos beside the film first, as the others cannot be known again.
 * @returns by which embeddings, and the films of everybody whom no photo of theirs enrolled that the film is made of
 */
export function enrolOf(
  filmed: readonly Filmed[],
  { people, photos }: { people: number; photos: number },
  random: () => number,
): { enrolled: Map<string, Float32Array[]>; films: Filmed[] } {
  const drawn = shuffled(filmed, random);
  const spare = drawn.filter(({ others }) => others.length >= photos);
  const exact = drawn.filter(({ others }) => others.length === photos - 1);
  const chosen = [...spare, ...exact].slice(0, people);
  const ownFilm = new Set(chosen.filter((each) => exact.includes(each)));
  return {
    enrolled: new Map(
      chosen.map(({ person, photo, others }) => [
        person,
        others.length >= photos ? others.slice(0, photos) : [photo, ...others],
      ]),
    ),
    films: drawn.filter((each) => !ownFilm.has(each)),
  };
}

export interface TrackGalleries {
  people: readonly number[];
  photos: readonly number[];
  draws: number;
  /** Of all strangers so many may get a name. */
  strangers: number;
}

/** Prints a row for each gallery. */
export async function printTracks(
  encoder: Model,
  filmed: readonly Filmed[],
  { people: sizes, photos: counts, draws, strangers }: TrackGalleries,
): Promise<void> {
  const usable = filmed.filter(({ shots }) => shots.some(({ face }) => face !== undefined)).length;
  console.log(`${filmed.length} films, ${usable} with a face that can be judged; ${draws} draws; % [95 % by people]`);
  console.log(
    "people × photos | strangers named: by their photo | a frame alone | ever, each frame alone | ever, by the vote " +
      "|| known: by their photo | a frame alone | at the end, by the vote | ever by another's name, by the vote",
  );
  for (const photos of counts)
    for (const people of sizes) {
      if (filmed.filter(({ others }) => others.length >= photos - 1).length < people) {
        console.log(`${people} × ${photos} not measured: too few people have ${photos} usable photos`);
        continue;
      }
      const random = seeded(people);
      const rates = noRates();
      for (let draw = 0; draw < draws; draw += 1) {
        const { enrolled, films } = enrolOf(filmed, { people, photos }, random);
        const roster = await rosterOf(encoder, enrolled);
        const gallery = remembering(roster);
        const options = matchOptionsSchema.parse({ wanted: strangers });
        for (const { person, photo, shots } of films)
          countFilm(rates, {
            person,
            enrolled: enrolled.has(person),
            photo: (await decideBy(IDENTIFY, photo, roster, options)).name,
            alone: await tell(shots, gallery, undefined, options),
            voted: await tell(shots, gallery, new TrackVote(), options),
          });
        await roster.close();
      }
      const { strangers: s, known: k } = rates;
      console.log(
        `${people} × ${photos} | ` +
          `${[s.photo, s.frame, s.everAlone, s.everVoted].map((each) => rate(each)).join(" | ")} ` +
          `|| ${[k.photo, k.frame, k.voted, k.wrong].map((each) => rate(each)).join(" | ")} ` +
          `(${s.everVoted.size} people strange, ${k.voted.size} known)`,
      );
    }
}
