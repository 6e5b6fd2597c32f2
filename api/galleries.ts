import { z } from "zod";
import { NoPicture, snapshots } from "../lib/capture/snapshots";
import { NotKept } from "../lib/enrol/not-kept";
import { toKeptJpeg } from "../lib/image/encode";
import { metrics, sourceStatsSchema } from "../lib/observe/metrics";
import {
  cameraAnswer,
  type CaptureAnswer,
  captureAnswer,
  enrolmentAnswer,
  galleryAnswer,
  matcherAnswer,
} from "./answers";
import { HttpError, sentenceOf, told } from "./http/answer-error";
import { bodyOf, queryOf } from "./http/request";
import { acceptQuery, ofAll, ofGallery, type Route } from "./routes";

const captureBody = z.strictObject({ camera: z.string().max(100), count: z.number().int().min(1).max(5).default(3) });

const enrolmentBody = z.strictObject({ paused: z.boolean() });

type Taken = CaptureAnswer["taken"][number];

export const galleries: Route[] = [
  ofAll(
    {
      method: "get",
      path: "/galleries",
      permission: "read",
      summary: "The galleries that are deployed, and what is wrong with them",
      answers: z.array(galleryAnswer),
    },
    async ({ deployed }) => {
      const all = await Promise.all(
        deployed.galleries().map(async ({ id, name, node }) => {
          // Nothing is known of a gallery that is not open but why.
          const unopened = (error: string) => ({
            id,
            name,
            people: 0,
            photos: 0,
            embeddings: 0,
            unknowns: 0,
            anchors: 0,
            model: null,
            threshold: null,
            cohortThreshold: null,
            wanted: null,
            keepPhotos: true,
            encrypted: false,
            paused: false,
            progress: null,
            network: null,
            problems: [],
            error,
          });
          await node.settled;
          if (node.waiting !== undefined) return unopened(node.waiting.sentence);
          return node.gallery.then(
            (gallery) => ({ id, name, ...gallery.summary }),
            (error: unknown) => unopened(sentenceOf(error)),
          );
        }),
      );
      return all;
    },
  ),
  ofAll(
    {
      method: "get",
      path: "/cameras",
      permission: "read",
      summary: "The cameras that are deployed",
      answers: z.array(cameraAnswer),
    },
    async ({ deployed }) =>
      deployed.cameras().map(({ id, name, camera }) => ({
        id,
        name,
        running: camera?.running ?? false,
        width: camera?.latest?.width ?? null,
        height: camera?.latest?.height ?? null,
      })),
  ),
  ofAll(
    {
      method: "get",
      path: "/matchers",
      permission: "read",
      summary: "The face-match nodes that are deployed",
      answers: z.array(matcherAnswer),
    },
    async ({ deployed }) =>
      deployed.matchers().map(({ id, name, gallery, distance, threshold, wanted, decides }) => ({
        id,
        name,
        gallery,
        distance,
        threshold: threshold ?? null,
        wanted: wanted ?? null,
        decides: decides ?? null,
      })),
  ),
  ofAll(
    {
      method: "get",
      path: "/stats",
      permission: "read",
      summary: "Frames a second, drops, outcomes and milliseconds by stage, for each camera",
      answers: z.array(sourceStatsSchema),
    },
    async () => metrics.sources(Date.now()),
  ),
  ofAll(
    { method: "get", path: "/metrics", permission: "read", summary: "The same for Prometheus", answers: "text/plain" },
    async ({ response }) => {
      response.type("text/plain; version=0.0.4").send(metrics.text());
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/enrolment",
      permission: "write",
      summary: "Stop embedding the photo folder's new photos, or go on where it stopped",
      body: enrolmentBody,
      answers: enrolmentAnswer,
    },
    async ({ gallery, request }) => {
      gallery.pause((await bodyOf(request, enrolmentBody)).paused);
      return { paused: gallery.paused, progress: gallery.progress ?? null };
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/capture",
      permission: "write",
      summary: "Take snapshots from a running camera, judge each, keep what is good",
      query: acceptQuery,
      body: captureBody,
      answers: captureAnswer,
    },
    async ({ deployed, node, gallery, request, response }) => {
      const { accept } = queryOf(request, acceptQuery);
      const { camera: id, count } = await bodyOf(request, captureBody);
      const person = gallery.details(request.params["person"] ?? "");
      const camera = deployed.camera(id);
      if (camera === undefined)
        throw new HttpError(
          404,
          "no_camera",
          "there is no such camera: deploy the flow, and look at the camera's id.",
        );
      const keep = (jpeg: Buffer): Promise<Taken> =>
        gallery.addPhoto({ id: person.id }, jpeg, { origin: "capture", accept }).then(
          ({ photo, judgement }) => ({ photo, judgement: told(judgement) }),
          (error: unknown) => {
            if (error instanceof NotKept) return { judgement: told(error.judgement) };
            throw error;
          },
        );
      const gone = new AbortController();
      // Not the request's close: that comes as soon as its body is read.
      response.once("close", () => gone.abort());
      const taken: Taken[] = [];
      let missed: string | null = null;
      try {
        for await (const picture of snapshots(camera, count, AbortSignal.any([gone.signal, node.closing])))
          taken.push(await keep(await toKeptJpeg(picture)));
      } catch (error) {
        if (!(error instanceof NoPicture)) throw error;
        if (taken.length === 0)
          throw new HttpError(409, camera.running ? "camera_silent" : "camera_stopped", error.message);
        missed = error.message;
      }
      node.closing.throwIfAborted();
      return { taken, missed };
    },
  ),
];
