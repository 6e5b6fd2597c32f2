import type { EventEmitter } from "node:events";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { distanceText } from "../../lib/format";
import { UserError } from "../../lib/errors";
import { changeGallery, changesGallery } from "../../lib/gallery/by-message";
import type { Gallery } from "../../lib/gallery/gallery";
import { annotate, wordsBy } from "../../lib/image/annotate";
import { thumbnail } from "../../lib/image/thumbnail";
import { LONGEST_DISTANCE } from "../../lib/embed/descriptor";
import { Changes } from "../../lib/match/changes";
import { decide } from "../../lib/match/match";
import { type MatchOptions, matchOptionsSchema, thresholdSchema } from "../../lib/match/options";
import { type Ruled, ruleOf } from "../../lib/match/threshold";
import {
  addTiming,
  type Face,
  type FaceMessage,
  type Outcome,
  type Picture,
  readFaces,
  readFrame,
  readOverride,
  readPicture,
} from "../../lib/message";
import { TrackVote } from "../../lib/match/track-vote";
import { Observer } from "../../lib/observe/observer";
import { parseOptions } from "../../lib/validate";
import type { MatchRule } from "../../api/host";
import { evaluate } from "../common/evaluate";
import { nameError, onInput, type Send } from "../common/on-input";
import { migrated } from "../common/migrate";
import { MIGRATIONS } from "./migrations/index";
import { optionalFlag, optionalNumber, requireVariables, wordsOf } from "../common/options";
import { failToStart, liveStatus, shortName, type Status } from "../common/status";
import { galleryNodeOf, whenOpen } from "../face-gallery/face-gallery";
import { Preview, servePreview } from "../common/preview";
import { speakAs, say } from "../common/language";
import { phrase } from "../../lib/words/sentence";

export interface FaceMatchDef extends NodeDef {
  gallery: string;
  mode: "identify" | "verify";
  claim: string;
  claimType: string;
  /** "cohort" or "euclidean"; a node of the time before there was a choice has none and decides as it did then. */
  distance?: string;
  threshold: string | number;
  /**
   * Share of strangers who may get a name, "0.01", or "fixed": then `threshold` counts. A node of the time before has
   * none and keeps its τ.
   */
  wanted?: string | number;
  margin: string | number;
  topK: string | number;
  maxAge: string | number;
  /** Whether the frames of a track vote; a node of the time before there was the choice decides each frame alone. */
  tracks?: boolean | string;
  /** Whether only what changes is sent; a node of the time before there was the choice sends every frame. */
  changes?: boolean | string;
  /** "family, staff": who may pass; empty is everybody. */
  groups?: string;
  /** When people may pass; empty is always. */
  schedule?: unknown[];
}

/** Which output tells of which outcome. */
const OUTPUT: Record<Outcome, number> = { match: 0, unknown: 1, ambiguous: 1, denied: 1, noface: 2 };
const OUTPUTS = 5;
const GALLERY_OUTPUT = 3;
const ALARM_OUTPUT = 4;
/** Of the live picture in the editor. */
const PREVIEW_WIDTH = 480;
const PREVIEW_QUALITY = 60;

/** In place of a share of strangers: τ is what the node says. */
const FIXED = "fixed";

/** The node as the API sees it. */
interface FaceMatchNode extends Node {
  /** In an instance of a subflow: the id in the editor. */
  _alias?: string;
  decidesBy?: MatchRule;
}

type Show = (status: Status) => void;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceMatch(this: FaceMatchNode, saved: FaceMatchDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    const setUp = () => ({
      people: galleryNodeOf(RED, def.gallery),
      options: parseOptions(
        matchOptionsSchema,
        {
          distance: distanceOf(def),
          ...thresholdOf(def),
          margin: optionalNumber(def.margin),
          topK: optionalNumber(def.topK),
          maxAge: optionalNumber(def.maxAge),
          groups: wordsOf(def.groups),
          schedule: def.schedule,
        },
        "face-match",
      ),
      vote: optionalFlag(def.tracks) === true ? new TrackVote() : undefined,
      changes: optionalFlag(def.changes) === true ? new Changes() : undefined,
    });
    let started: ReturnType<typeof setUp>;
    try {
      requireVariables({ ...def });
      started = setUp();
      const { people, options } = started;
      const { threshold = 0 } = options;
      if (people.builtIn && threshold > LONGEST_DISTANCE)
        throw new UserError("nodes.thresholdTooLarge", { most: LONGEST_DISTANCE, threshold });
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const { options, people, vote, changes } = started;
    const { gallery: ready, journal } = people;
    const preview = new Preview(RED, this);
    const words = wordsBy((key) => RED._(`face-match.word.${key}`));
    let mismatchTold = false;
    let twiceTold = false;
    let enrolTold = false;
    /**
     * τ was chosen for the network in the gallery's form: while another one decides, it is the one that was chosen for
     * that, or its own.
     */
    const optionsNow = (gallery: Gallery): MatchOptions => {
      const { deciding, roster } = gallery;
      // What is wanted of strangers is so of every network: τ follows.
      if (deciding === undefined || deciding.asInForm || options.wanted !== undefined) return options;
      const before = people.thresholdBefore(deciding.key, this._alias ?? this.id);
      if (before !== undefined) return { ...options, threshold: before === "" ? undefined : Number(before) };
      if (options.threshold === undefined || !deciding.isBehindForm) return { ...options, threshold: undefined };
      // Nobody knows for which of both it was chosen.
      return {
        ...options,
        threshold: Math.min(options.threshold, roster.thresholdOf(roster.normalised ? options.distance : "euclidean")),
      };
    };
    const rule = (gallery: Gallery): Ruled =>
      ruleOf(gallery.roster, optionsNow(gallery), def.mode === "verify" ? "" : undefined);
    let opened: Gallery | undefined;
    let observer: Observer | undefined;
    this.decidesBy = {
      gallery: people.id,
      distance: options.distance,
      threshold: options.threshold,
      wanted: options.wanted,
      now: () => (opened === undefined ? undefined : rule(opened)),
    };
    const show = liveStatus(this);
    const begin = (gallery: Gallery): void => {
      opened = gallery;
      follow(RED, this, gallery, { show, options, rule });
    };
    ready.then(begin, () => this.status({ fill: "red", shape: "ring", text: RED._("face-match.status.gallery") }));
    if (vote !== undefined)
      ready.then(
        (gallery) => forgetWith(this, gallery, vote),
        () => undefined,
      );
    const tellWaiting = (): void => {
      if (people.waiting !== undefined)
        show({ fill: "yellow", shape: "ring", text: RED._(`face-match.status.waiting_${people.waiting.for}`) });
    };
    const waiting: EventEmitter = people;
    waiting.on("waiting", tellWaiting);
    this.on("close", () => waiting.off("waiting", tellWaiting));
    tellWaiting();

    const decideFaces = async (message: FaceMessage, send: Send): Promise<void> => {
      const gallery = await whenOpen(people);
      if (changesGallery(message)) {
        if (!enrolTold) this.warn(RED._("face-match.warn.enrol"));
        enrolTold = true;
        const { name, photos } = await changeGallery(message, gallery);
        show({ fill: "blue", shape: "dot", text: `${shortName(name)} · ${photos}` });
        send(toOutputs([GALLERY_OUTPUT], message));
        return;
      }
      // Nobody is a stranger because their photo was not read yet.
      await gallery.ready();
      const start = performance.now();
      const threshold = readOverride(message, "threshold", thresholdSchema);
      const judging = threshold === undefined ? optionsNow(gallery) : { ...options, threshold };
      const claim = def.mode === "verify" ? await claimOf(RED, this, def, message) : undefined;
      const frame = readFrame(message);
      // A camera's clock may be ahead of this one's.
      const age = frame === undefined ? undefined : Math.max(0, Date.now() - frame.capturedAt);
      const { faces: understood, roster } = await gallery.understand(
        readFaces(message),
        message.payload instanceof Uint8Array ? readPicture(message) : undefined,
      );
      const foreign = message.faces?.find(({ model }) => model !== undefined && model !== roster.model);
      if (
        !twiceTold &&
        foreign !== undefined &&
        gallery.deciding?.asInForm === true &&
        gallery.speaks(foreign.model)
      ) {
        twiceTold = true;
        this.warn(RED._("face-match.warn.twice", { model: foreign.model ?? "", gallery: roster.model }));
      }
      const faces = await Promise.all(
        understood.map(async (face): Promise<Face> => ({
          ...face,
          identity: await decide(face, {
            gallery: roster,
            options: judging,
            claim,
            age,
            judge: vote?.judgeOf(face, frame, { gallery: roster, options: judging, claim }),
          }),
        })),
      );
      message.faces = faces;
      addTiming(message, { match: performance.now() - start, total: age ?? total(message) });
      if (!mismatchTold && faces.some(({ identity }) => identity?.reason === "model_mismatch")) {
        mismatchTold = true;
        this.warn(say(phrase("nodes.otherModel", { model: roster.model })));
      }
      show(
        gallery.readable || faces.some(({ identity }) => identity?.outcome === "match")
          ? statusOf(RED, faces)
          : unreadable(RED),
      );
      const news = changes === undefined ? faces : changes.of(faces, frame);
      const outputs = new Set(news?.map(({ identity }) => OUTPUT[identity?.outcome ?? "noface"]));
      // A false detection beside a face is not worth a message of its own.
      if (outputs.size > 1) outputs.delete(OUTPUT.noface);
      if (news?.some(({ identity }) => identity?.reason === "blocked")) outputs.add(ALARM_OUTPUT);
      // Before the message is out of our hands.
      const picture = message.payload instanceof Uint8Array ? readPicture(message) : undefined;
      if (news !== undefined) send(toOutputs(outputs.size === 0 ? [OUTPUT.noface] : [...outputs], message));
      observer ??= new Observer(gallery, journal, tell);
      observer.observe({ faces, picture, timing: message.timing ?? {} }, Date.now(), performance.now());
      if (picture !== undefined) showLive(faces, picture);
    };

    const tell = (error: unknown): void => this.warn(nameError(this, error).message);
    const showLive = (faces: readonly Face[], picture: Picture): void => {
      preview
        .offer(async () =>
          thumbnail(
            (await annotate(picture, faces, { quality: PREVIEW_QUALITY, words })).jpeg,
            PREVIEW_WIDTH,
            PREVIEW_QUALITY,
          ),
        )
        .catch(tell);
    };
    onInput(this, decideFaces, { awaited: changesGallery });
    this.on("close", () => preview.clear());
  }
  RED.nodes.registerType("face-match", FaceMatch);
  servePreview(RED, "face-match");
}

/**
 * τ of a node, or the share of strangers from which it follows; τ of Euclidean distances is always a fixed one.
 * @throws a sentence
 */
function thresholdOf(def: Pick<FaceMatchDef, "distance" | "threshold" | "wanted">): {
  threshold?: number | undefined;
  wanted?: number | undefined;
} {
  const { wanted = "", threshold } = def;
  const fixed = wanted === "" || wanted === FIXED;
  if (!fixed && Number.isNaN(Number(wanted))) throw new UserError("nodes.wantedWrong", { wanted, fixed: FIXED });
  return fixed || distanceOf(def) === "euclidean"
    ? { threshold: optionalNumber(threshold) }
    : { wanted: Number(wanted) };
}

/**
 * What τ of a node is compared with. Nobody may get in, or be kept out, by an update alone: a node without the field
 * compares as ever.
 */
function distanceOf({ distance }: Pick<FaceMatchDef, "distance">): string {
  return distance === undefined || distance === "" ? "euclidean" : distance;
}

/** Show how the gallery does while no face comes: photos being read, how many people, a folder that is away. */
function follow(
  RED: NodeAPI,
  node: Node,
  gallery: Gallery,
  { show, options, rule }: { show: Show; options: MatchOptions; rule: (gallery: Gallery) => Ruled },
): void {
  const { roster } = gallery;
  // A τ that was chosen for d' says nothing about another distance.
  if (options.distance === "cohort" && !roster.normalised)
    node.warn(RED._("face-match.warn.no_cohort", { model: roster.model }));
  else if (options.wanted !== undefined && rule(gallery).wanted === null)
    node.warn(RED._("face-match.warn.no_tail", { model: roster.model, threshold: rule(gallery).threshold }));
  const tell = (): void => {
    const { progress, readable } = gallery;
    const change = gallery.network?.change ?? null;
    if (!readable) show(unreadable(RED));
    else if (change !== null)
      show({
        fill: change.stage === "embedding" ? "blue" : "yellow",
        shape: "ring",
        text: RED._(`face-match.status.network_${change.stage}`, { done: change.done, total: change.total }),
      });
    else if (progress === undefined) {
      const { threshold, wanted } = rule(gallery);
      show({
        fill: "grey",
        shape: "dot",
        text: RED._(`face-match.status.${wanted?.tail === "gallery" ? "people_own" : "people"}`, {
          number: gallery.people.length,
          threshold: distanceText(threshold),
        }),
      });
    } else
      show({
        fill: "blue",
        shape: "ring",
        text: RED._(progress.what === "people" ? "face-match.status.preparing" : "face-match.status.reading", {
          done: progress.done,
          total: progress.total,
        }),
      });
  };
  for (const event of ["change", "problem", "progress", "network"] as const) gallery.on(event, tell);
  node.on("close", () => {
    for (const event of ["change", "problem", "progress", "network"] as const) gallery.off(event, tell);
  });
  tell();
}

/** Nothing of people stays in a vote once one of them came, left or is called otherwise. */
function forgetWith(node: Node, gallery: Gallery, vote: TrackVote): void {
  const forget = (): void => {
    vote.clear();
  };
  gallery.on("change", forget);
  node.on("close", () => {
    gallery.off("change", forget);
    forget();
  });
}

function unreadable(RED: NodeAPI): Status {
  return { fill: "red", shape: "ring", text: RED._("face-match.status.folder") };
}

/** The name that verification asks about. @throws a sentence when there is none */
async function claimOf(RED: NodeAPI, node: Node, def: FaceMatchDef, message: FaceMessage): Promise<string> {
  const claim: unknown =
    message["claim"] ??
    (def.claim ? await evaluate(RED, node, { value: def.claim, type: def.claimType || "str" }, message) : undefined);
  if (typeof claim !== "string" || claim.trim() === "") throw new UserError("nodes.nobodyClaimed");
  return claim.trim().normalize("NFC");
}

/** One copy of the message for each output named, the first the message itself. */
function toOutputs(outputs: readonly number[], message: FaceMessage): (FaceMessage | null)[] {
  return Array.from({ length: OUTPUTS }, (_, index) => {
    const place = outputs.indexOf(index);
    return place < 0 ? null : place === 0 ? message : { ...message };
  });
}

function total({ timing = {} }: FaceMessage): number {
  return (timing.decode ?? 0) + (timing.detect ?? 0) + (timing.align ?? 0) + (timing.embed ?? 0) + (timing.match ?? 0);
}

function statusOf(RED: NodeAPI, faces: readonly Face[]): Status {
  const identities = faces.map(({ identity }) => identity).filter((identity) => identity !== undefined);
  const match = identities.find(({ outcome }) => outcome === "match");
  if (match?.name != null)
    return { fill: "green", shape: "dot", text: `${shortName(match.name)} ${distanceText(match.distance)}` };
  const denied = identities.find(({ outcome }) => outcome === "denied");
  if (denied?.name != null)
    return {
      fill: "red",
      shape: "dot",
      text: `${shortName(denied.name)} · ${RED._(`face-match.status.${denied.reason}`)}`,
    };
  const other = identities.find(({ outcome }) => outcome !== "noface");
  if (other === undefined) return { fill: "grey", shape: "ring", text: RED._("face-match.status.noface") };
  if (other.reason === "undecided" || other.reason === "occluded" || other.reason === "too_dark")
    return { fill: "grey", shape: "dot", text: RED._(`face-match.status.${other.reason}`) };
  if (other.reason === "model_mismatch") return { fill: "red", shape: "ring", text: RED._("face-match.status.model") };
  return {
    fill: "yellow",
    shape: "ring",
    text: `${RED._(`face-match.status.${other.outcome}`)} ${distanceText(other.distance)}`.trim(),
  };
}
