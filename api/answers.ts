/**
 * What the API answers, as schemas: for the description of the API, and for the tests that hold the answers against
 * it.
 */
import { z } from "zod";
import type { WantedThreshold } from "../lib/calibrate/wanted";
import type { Calibration } from "../lib/calibrate/calibration";
import type { ConfusedPeople, GalleryWorks, Proposal, Works } from "../lib/calibrate/keep";
import type { PeoplePage } from "../lib/search/directory";
import type { PersonDetails, PhotoEntry } from "../lib/gallery/entries";
import type { GallerySummary } from "../lib/gallery/summary";
import type { UnknownEntry } from "../lib/unknowns/review";
import type { Finding } from "../lib/enrol/judge";
import type { LeftBehind, NetworkChange, NetworkEstimate, NetworkState } from "../lib/gallery/network-state";
import type { CorrectionEntry, Person, Photo, Receipt } from "../lib/people/people";
import type { DownloadState } from "../lib/models/downloads";
import { DOWNLOAD_PROBLEMS, PACK_PROBLEMS } from "../lib/models/errors";
import type { ListedModel, MeasuredFigures, Need } from "../lib/models/list";
import type { SeenEvent } from "../lib/observe/journal";
import type { EngineState, ModelState, Versions } from "../lib/observe/diagnosis";
import type { Failure } from "../lib/observe/failures";
import type { SourceStats } from "../lib/observe/metrics";
import type { CameraState, GalleryState } from "./diagnosis";
import type { Face, Identity } from "../lib/message";
import type { Told } from "./http/answer-error";

/** Every field of `T`, and what may stand in it. */
type FieldsOf<T> = { [K in keyof T]-?: z.ZodType };

/** @param fields all of `T`'s, which the compiler checks; their kinds are checked against answers by the tests */
function objectOf<T>() {
  return <F extends FieldsOf<T> & Record<Exclude<keyof F, keyof T>, never>>(fields: F) => z.strictObject(fields);
}

const count = z.int().min(0);
const time = z.int().describe("Milliseconds since the epoch");
const distance = z.number().min(0).describe("Euclidean distance of two embeddings");
const compared = z
  .number()
  .describe("What τ is compared with: the cohort-normalised distance, which may be below 0, or the Euclidean one");
const kind = z.enum(["cohort", "euclidean"]);
const id = z.string().describe("12 hex digits");
const photoId = z.string().describe("16 hex digits");

export const progressAnswer = z.strictObject({
  what: z
    .literal("people")
    .optional()
    .describe(
      "Instead of photos that are read, people of a large gallery who can be compared; at its start nobody is " +
        "recognized until all can",
    ),
  done: count,
  total: count,
});

const problem = z.strictObject({
  file: z.string().describe("In the photo folder; empty when it is not about one photo"),
  code: z.string(),
  message: z.string(),
});

const networkKey = z.string().describe("A built-in id, a pack's, or the path of a descriptor");

const leftBehind = objectOf<LeftBehind>()({
  photos: count.describe("Of which no picture is kept, or none that shows a usable face"),
  people: z
    .array(z.strictObject({ id, name: z.string() }))
    .describe("Of whom nothing else is known: the new network would not know them"),
  strangers: count,
  corrections: count.describe("Negative anchors: they are embeddings alone"),
}).meta({ id: "LeftBehind" });

const networkChange = objectOf<NetworkChange>()({
  key: networkKey,
  model: z.string(),
  stage: z
    .enum(["embedding", "paused", "disk", "failed", "asking"])
    .describe(
      "disk: the disk refuses, it goes on by itself; failed: the new network cannot be used, it is tried " +
        "again; asking: people would stay behind, and somebody has to accept that",
    ),
  done: count,
  total: count.describe("Photos"),
  remainingMs: count.nullable().describe("At the pace so far"),
  leftBehind,
  error: z.string().nullable().describe("Why it does not go on"),
}).meta({ id: "NetworkChange" });

export const networkAnswer = objectOf<NetworkState>()({
  key: networkKey.describe("What decides who somebody is"),
  model: z.string().describe("Its id"),
  asInForm: z.boolean().describe("Whether it is the one in the gallery's form"),
  change: networkChange.nullable().describe("Under way: until it is done the old network decides"),
  previous: z
    .strictObject({ key: networkKey, model: z.string(), until: time.describe("So long its embeddings are kept") })
    .nullable()
    .describe("What decided before, and can again at once"),
  offer: networkKey.nullable().describe("A surer network that this gallery could change to"),
}).meta({ id: "Network" });

export const estimateAnswer = objectOf<NetworkEstimate>()({
  key: networkKey,
  model: z.string(),
  photos: count.describe("That would be embedded anew"),
  seconds: z.number().min(0).nullable().describe("As measured on a few of them just now; null where there are none"),
  bytes: count.describe("On the disk, without backups"),
  leftBehind,
  threshold: distance.describe("τ of the new network"),
  cohortThreshold: z.number().nullable(),
}).meta({ id: "NetworkEstimate" });

const wantedThreshold = objectOf<WantedThreshold>()({
  wanted: z.number().describe("The share of strangers who may get a name"),
  threshold: z
    .number()
    .describe(
      "τ of d' that came out: the largest at which the upper 95 % bound of strangers with a name is what is wanted",
    ),
  people: count.describe("With whom a stranger is compared; in verification it is one"),
  photos: z.strictObject({ least: count, most: count }).describe("Of a person"),
  strangers: z
    .strictObject({ share: z.number(), high: z.number().describe("Upper 95 % bound") })
    .describe("Of strangers who get a name at this τ, in the population where most do"),
  tail: z
    .enum(["model", "gallery"])
    .describe("Which tail of d' decides, the heavier of both: the model's, or that of this gallery's own people"),
  comparisons: count.describe("Pairs of different people whom that tail was measured on"),
  own: z
    .strictObject({
      nearer: z
        .number()
        .describe("How much nearer strangers come here than the model's tail says; above 0 τ is as much less"),
      people: count,
      strangers: count.describe("Who are kept"),
      comparisons: count.describe("Pairs of different people"),
    })
    .nullable()
    .describe("What the gallery's people, and the strangers kept, say; null where they are too few"),
  supported: z.boolean().describe("false: so small a rate takes more comparisons; it is extrapolated"),
}).meta({ id: "WantedThreshold" });

/** How τ of a question came out. */
const decidedBy = {
  threshold: z.number().describe("τ that decides now"),
  why: z.string().describe("A sentence"),
  wanted: wantedThreshold.nullable().describe("What it follows from; null where τ is fixed"),
};

export const thresholdAnswer = z.strictObject(decidedBy).meta({ id: "Threshold" });

export const galleryAnswer = objectOf<GallerySummary & { id: string; name: string; error?: string }>()({
  id: z.string().describe("Of the node"),
  name: z.string(),
  people: count,
  photos: count,
  embeddings: count.describe("Of the present model"),
  unknowns: count,
  anchors: count,
  model: z.string().nullable(),
  threshold: distance.nullable().describe("τ of the model's Euclidean distance"),
  cohortThreshold: z
    .number()
    .nullable()
    .describe("τ of its cohort-normalised distance; null where the model has no cohort"),
  wanted: wantedThreshold
    .nullable()
    .describe(
      "τ with one stranger of a hundred named, with the people who are here now; null where it cannot be said",
    ),
  keepPhotos: z.boolean(),
  encrypted: z.boolean(),
  paused: z.boolean(),
  progress: progressAnswer.nullable(),
  network: networkAnswer.nullable().describe("null where the gallery does not work"),
  problems: z.array(problem),
  error: z.string().optional().describe("Why it does not work at all"),
}).meta({ id: "Gallery" });

export const cameraAnswer = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    running: z.boolean(),
    width: count.nullable().describe("Pixels of the newest frame; null while none comes"),
    height: count.nullable(),
  })
  .meta({ id: "Camera" });

export const matcherAnswer = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    gallery: z.string(),
    distance: kind.describe("What its τ is compared with"),
    threshold: distance.nullable().describe("A fixed τ as the node sets it; null where it sets none"),
    wanted: z
      .number()
      .nullable()
      .describe("The share of strangers who may get a name, from which its τ follows; null is a fixed τ"),
    decides: thresholdAnswer.nullable().describe("τ as it is now, and why; null while its gallery is not open"),
  })
  .meta({ id: "Matcher" });

export const statsAnswer = objectOf<SourceStats>()({
  source: z.string(),
  frames: count,
  dropped: count,
  fps: z.number().min(0),
  outcomes: z.record(z.string(), count),
  timing: z.record(z.string(), z.number()).describe("Milliseconds by stage"),
}).meta({ id: "Stats" });

export const enrolmentAnswer = z.strictObject({ paused: z.boolean(), progress: progressAnswer.nullable() });

const personFields = {
  id,
  name: z.string(),
  groups: z.array(z.string()),
  consentOn: z.iso.date().nullable(),
  validFrom: time.nullable(),
  validUntil: time.nullable(),
  createdAt: time,
  lastSeenAt: time.nullable(),
};

export const personAnswer = objectOf<Person>()({ ...personFields, notes: z.string() }).meta({ id: "Person" });

export const peopleAnswer = objectOf<PeoplePage>()({
  total: count.describe("On all pages"),
  groups: z.array(z.strictObject({ name: z.string(), count })).describe("Of the whole gallery"),
  people: z.array(
    z.strictObject({
      ...personFields,
      photos: count,
      thumbnail: photoId.nullable().describe("A photo with a thumbnail"),
      out: z.boolean().describe("Never recognized: all photos that could be compared are left out"),
    }),
  ),
}).meta({ id: "PeoplePage" });

const photoFields = {
  id: photoId,
  personId: id,
  origin: z.union([
    z.strictObject({ by: z.literal("folder"), file: z.string() }),
    z.strictObject({ by: z.enum(["message", "upload", "capture", "unknown", "event", "import"]) }),
  ]),
  addedAt: time,
  size: count.describe("Bytes of the kept picture; 0 when none is kept here"),
  quality: z
    .strictObject({
      size: z.number(),
      blur: z.number(),
      exposure: z.number(),
      yaw: z.number(),
      pitch: z.number(),
      roll: z.number(),
    })
    .nullable(),
  accepted: z
    .array(z.string())
    .describe("Codes of findings that somebody accepted, and left_out of a photo that is left out"),
};

export const photoAnswer = objectOf<Photo>()(photoFields).meta({ id: "Photo" });

export const entryAnswer = objectOf<PhotoEntry>()({
  ...photoFields,
  thumbnail: z.boolean(),
  usable: z.boolean().describe("Whether it has an embedding of the present model"),
  aside: z
    .strictObject({
      distance: z.number().describe("Cohort-normalised, to the mean of the person's other photos"),
      threshold: z.number().describe("τ of that distance"),
      reason: z.string(),
    })
    .nullable()
    .describe("Why nobody is compared with it; null where it is compared"),
  sure: z.boolean().describe("Whether somebody said that it is this person, however far from their other photos"),
  out: z.boolean().describe("Whether somebody left it out of recognition: it is kept, and nobody is compared with it"),
}).meta({ id: "PhotoEntry" });

export const detailsAnswer = objectOf<PersonDetails>()({
  ...personFields,
  notes: z.string(),
  photos: z.array(entryAnswer),
}).meta({ id: "PersonDetails" });

const findingCode = z.enum([
  "no_face",
  "several_faces",
  "too_small",
  "blurry",
  "turned_away",
  "too_dark",
  "too_bright",
  "near_duplicate",
  "near_left_out",
  "resembles",
  "unlike",
]);

export const judgementAnswer = objectOf<Told>()({
  findings: z.array(
    objectOf<Omit<Finding, "unnamed">>()({
      code: findingCode,
      message: z.string(),
      severity: z.enum(["refuse", "ask"]),
    }),
  ),
  accepted: z.array(findingCode),
  verdict: z.enum(["keep", "refuse", "ask"]),
}).meta({ id: "Judgement" });

export const addedAnswer = z.strictObject({ photo: photoAnswer, judgement: judgementAnswer });

export const captureAnswer = z.strictObject({
  taken: z.array(z.strictObject({ photo: photoAnswer.optional(), judgement: judgementAnswer })),
  missed: z.string().nullable().describe("Why there are fewer than were asked for"),
});

export const movedAnswer = z.strictObject({ person: personAnswer, photos: z.array(photoAnswer) });

export const receiptAnswer = objectOf<Receipt>()({
  what: z.enum(["person", "photo", "unknown", "anchor"]),
  id: z.string(),
  name: z.string().nullable(),
  at: time,
  photos: count,
  embeddings: count,
  thumbnails: count,
  backups: count.describe("Backups that were deleted or written anew because they held it"),
}).meta({ id: "Receipt" });

const candidate = z.strictObject({
  name: z.string(),
  distance: compared,
  euclidean: distance.describe("Euclidean distance to the nearest of their photos"),
  photo: photoId.describe("That photo"),
  ruledOut: z.boolean().optional().describe("A negative anchor lay nearer"),
});
const outcome = z.enum(["match", "ambiguous", "unknown", "noface", "denied"]);

const identityFields = {
  outcome,
  name: z.string().nullable().describe("null is nobody"),
  person: id.nullable(),
  distance: compared.nullable(),
  threshold: z.number().describe("τ"),
  margin: z.number().nullable().describe("Distance of the runner-up minus that of the nearest person"),
  candidates: z.array(candidate).describe("Who was considered, nearest first"),
  reason: z.string(),
  sure: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Of a track that votes: how sure it is that more frames would not change what is said"),
  frames: z.number().int().min(1).optional().describe("… in how many of its frames the face was embedded anew"),
};

const identity = objectOf<Identity>()({ ...identityFields, groups: z.array(z.string()) }).meta({ id: "Identity" });

export const facesAnswer = z.strictObject({
  faces: z.array(
    objectOf<Pick<Face, "box" | "score" | "quality" | "rejected" | "identity">>()({
      box: z
        .strictObject({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })
        .describe("Pixels of the picture as shown"),
      score: z.number(),
      quality: z
        .strictObject({
          size: z.number(),
          blur: z.number(),
          exposure: z.number(),
          pose: z.strictObject({ yaw: z.number(), pitch: z.number(), roll: z.number() }),
          weight: z.number(),
        })
        .optional(),
      rejected: z.enum(["too_small", "blurry", "bad_alignment"]).optional(),
      identity,
    }),
  ),
});

export const eventAnswer = objectOf<SeenEvent>()({
  ...identityFields,
  id,
  at: time,
  source: z.string().describe("Names the camera"),
  picture: z.boolean().describe("Whether one is kept"),
  weight: z
    .number()
    .nullable()
    .describe("How much the face counts beside a clear one, over 0 to 1: small and blurred ones less"),
}).meta({ id: "SeenEvent" });

export const correctionAnswer = objectOf<CorrectionEntry>()({
  id: z.string().describe("Of the negative anchor, or of the photo"),
  at: time,
  what: z
    .enum(["not", "ignored", "is"])
    .describe("not: this face is not that person; ignored: it is nobody; is: somebody said who it was"),
  person: id.nullable(),
  name: z.string().nullable(),
  note: z.string(),
}).meta({ id: "Correction" });

export const anchorAnswer = z
  .strictObject({
    id,
    against: id.nullable().describe("The person it speaks against; null is everybody"),
    againstName: z.string().nullable(),
    note: z.string(),
    createdAt: time,
    model: z.string(),
  })
  .meta({ id: "Anchor" });

export const unknownAnswer = objectOf<UnknownEntry>()({
  id,
  firstSeenAt: time,
  lastSeenAt: time,
  visits: count,
  model: z.string(),
  pictures: count,
  nearest: z.strictObject({ name: z.string(), distance: compared }).nullable(),
}).meta({ id: "Unknown" });

export const importAnswer = z.strictObject({
  people: count,
  photos: count,
  skipped: count.describe("Photos that were here already"),
});

const counted = z.strictObject({ counted: count, of: count });
const share = z
  .strictObject({
    hits: count,
    total: count,
    share: z.number(),
    low: z.number().describe("95 % interval"),
    high: z.number(),
  })
  .meta({ id: "Share" });
const point = z
  .strictObject({
    threshold: compared,
    fmr: share.nullable(),
    fnmr: share.nullable(),
    fpir: z.strictObject({ share: z.number(), high: z.number() }).nullable(),
  })
  .meta({ id: "CurvePoint" });
const histogram = z.array(count).describe("Distances in bins of 0.01, the first of which begins at `from`");
const photoOf = z.strictObject({ personId: id, name: z.string(), photoId }).meta({ id: "PhotoOf" });
const distances = {
  from: z.number(),
  genuine: histogram,
  impostor: histogram,
  genuinePairs: count,
  impostorPairs: count,
  curve: z.array(point),
  supportedFmr: z.number().nullable(),
};

export const downloadAnswer = objectOf<DownloadState>()({
  state: z.enum(["running", "failed", "cancelled", "done"]),
  received: count.describe("Bytes that are here"),
  size: count.describe("Bytes of the whole"),
  error: z.string().nullable().describe("Why it failed"),
  code: z.enum(DOWNLOAD_PROBLEMS).nullable().describe("The same for programs"),
}).meta({ id: "Download" });

export const modelAnswer = objectOf<ListedModel>()({
  id: z.string().nullable().describe("null of a pack that cannot be read"),
  kind: z.enum(["embedder", "detector"]).nullable(),
  name: z.string().nullable().describe("null of those that come with this package"),
  from: z.enum(["built-in", "folder", "package", "offered"]).describe("offered: not here, but can be downloaded"),
  path: z.string().nullable().describe("Of its facenet-pack.json"),
  licence: z.string().nullable().describe("Of the weights"),
  origin: z.string().nullable().describe("A page about it"),
  size: count.nullable().describe("Bytes"),
  dimensions: count.nullable().describe("Numbers a face"),
  threshold: distance.nullable().describe("τ of the Euclidean distance"),
  cohortThreshold: z
    .number()
    .nullable()
    .describe("τ of the cohort-normalised distance; null where the model has no cohort"),
  measured: objectOf<MeasuredFigures>()({
    source: z.string().describe("On what, when, by which command"),
    people: count,
    photos: count,
    threshold: distance.describe("τ of these rates"),
    fmr: share.nullable(),
    fnmr: share.nullable(),
  }).nullable(),
  problem: z.string().nullable().describe("Why it cannot be used"),
  problemCode: z.enum(PACK_PROBLEMS).nullable().describe("The same for programs"),
  needs: objectOf<Need>()({ code: z.enum(["onnx-runtime", "tfjs-converter"]), message: z.string() })
    .nullable()
    .describe("What must be installed first"),
  download: downloadAnswer.nullable().describe("How far it is, or how the last one ended"),
}).meta({ id: "Model" });

export const calibrationAnswer = objectOf<Calibration>()({
  distance: kind.describe("What was measured"),
  threshold: compared,
  wantedFmr: z.number(),
  pairsForWantedFmr: count,
  people: counted,
  photos: counted,
  comparablePhotos: count,
  impostorPairs: counted,
  seed: z.number().nullable(),
  own: z.strictObject(distances),
  now: point,
  model: z
    .strictObject({ ...distances, model: z.string(), source: z.string(), people: count, photos: count })
    .nullable(),
  suggestion: z
    .strictObject({
      threshold: compared,
      from: z.enum(["own", "model"]),
      supported: z.boolean(),
      fmr: share,
      fnmr: share.nullable(),
    })
    .nullable(),
  nearest: z.array(z.strictObject({ distance: compared, a: photoOf, b: photoOf })),
  outliers: z.array(
    z.strictObject({
      photo: photoOf,
      codes: z.array(z.enum(["nearer_to_other", "far_from_own"])),
      own: compared,
      other: z.strictObject({ photo: photoOf, distance: compared }).nullable(),
    }),
  ),
  outlierCount: count,
}).meta({ id: "Calibration" });

const tried = share.nullable().describe("null where there was none to try");
const works = objectOf<Works>()({ right: tried, wrong: tried, nobody: tried, strangersNamed: tried }).meta({
  id: "Works",
});

export const trialAnswer = objectOf<GalleryWorks>()({
  threshold: compared,
  margin: z.number(),
  people: counted,
  photos: counted,
  untested: count.describe("People of one photo, who cannot be tested"),
  now: works,
  proposals: z.array(
    objectOf<Proposal>()({
      photo: photoOf,
      why: z.enum(["confusing", "redundant"]),
      beside: photoOf
        .nullable()
        .describe("To whom it is nearer than to its own person, or which photo it nearly repeats"),
      before: works.describe("On the photos that would be left, and the strangers"),
      after: works,
    }),
  ),
  together: z.strictObject({ before: works, after: works }).nullable().describe("All proposals carried out"),
  pairs: z.array(
    objectOf<ConfusedPeople>()({
      a: photoOf,
      b: photoOf,
      distance: compared,
      confused: count.describe("Photos of either that are not named rightly since the other is as near"),
      advice: z.array(z.enum(["more_photos", "verify", "second_factor"])),
    }),
  ),
}).meta({ id: "Trial" });

const orNull = { count: count.nullable(), text: z.string().nullable() };

/** For a report about this package: it names nobody, and nothing of this computer's network and disk. */
export const diagnosisAnswer = z
  .strictObject({
    at: time,
    versions: objectOf<Versions & { nodeRed: string }>()({
      package: z.string(),
      node: z.string(),
      nodeRed: z.string(),
      platform: z.string(),
      arch: z.string(),
      cores: count,
      memoryMB: count,
      ffmpeg: orNull.text.describe("Null where none was found"),
      modules: z.record(z.string(), orNull.text).describe("Null where it is not installed"),
    }),
    engines: z.array(
      objectOf<EngineState>()({
        engine: z.string(),
        usable: z.boolean(),
        installed: z.boolean(),
        reason: orNull.text.describe("Why it cannot be used, without paths"),
      }),
    ),
    models: z.array(
      objectOf<ModelState>()({
        id: orNull.text,
        kind: orNull.text,
        from: z.string(),
        usable: z.boolean(),
        needs: orNull.text,
      }),
    ),
    galleries: z.array(
      objectOf<GalleryState>()({
        id: z.string(),
        open: z.boolean(),
        people: orNull.count,
        photos: orNull.count,
        unknowns: orNull.count,
        model: orNull.text,
        encrypted: z.boolean().nullable(),
        problems: z.record(z.string(), count).describe("How often each code is among its problems"),
      }),
    ),
    cameras: z.array(
      objectOf<CameraState>()({
        id: z.string(),
        source: orNull.text.describe("Null where it could not start"),
        scheme: orNull.text,
        running: z.boolean(),
        width: orNull.count,
        height: orNull.count,
        fps: z.number().nullable(),
      }),
    ),
    failures: z
      .array(
        objectOf<Failure>()({
          where: z.string().describe('A node\'s type, or "api"'),
          kind: z.string(),
          code: orNull.text,
          told: z.boolean().describe("Whether it was a sentence for people; else it is a fault of the program"),
          places: z.array(z.string()).describe("Where it was thrown, the innermost first"),
          count,
          first: time,
          last: time,
        }),
      )
      .describe("The newest first"),
  })
  .meta({ id: "Diagnosis" });

/** Every answer that is not the one asked for. */
export const errorAnswer = z
  .strictObject({
    error: z.string().describe("A sentence: what is wrong, and the mend"),
    code: z.string(),
    judgement: judgementAnswer.optional().describe("Of a photo that is refused, or asks first"),
  })
  .meta({ id: "Error" });
