import { z } from "zod";
import { redact } from "../lib/redact";
import { rulingIn } from "../lib/match/threshold";
import { render } from "../lib/words/sentence";
import { metrics, sourceStatsSchema } from "../lib/observe/metrics";
import { cameraAnswer, enrolmentAnswer, galleryAnswer, matcherAnswer } from "./answers";
import { languageOfRequest, sayable } from "./http/answer-error";
import { bodyOf } from "./http/request";
import { ofAll, ofGallery, type Route } from "./routes";

const enrolmentBody = z.strictObject({ paused: z.boolean() });

export const galleries: Route[] = [
  ofAll(
    {
      method: "get",
      path: "/galleries",
      permission: "read",
      summary: "The galleries that are deployed, and what is wrong with them",
      answers: z.array(galleryAnswer),
    },
    async ({ deployed, request }) => {
      const language = languageOfRequest(request);
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
            site: null,
            problems: [],
            error,
          });
          await node.settled;
          if (node.waiting !== undefined) return unopened(redact(render(node.waiting.sentence, language)));
          return node.gallery.then(
            (gallery) => ({ id, name, ...gallery.summaryIn(language) }),
            (error: unknown) => unopened(redact(render(sayable(error), language))),
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
    async ({ deployed, request }) =>
      deployed.matchers().map(({ id, name, gallery, distance, threshold, wanted, decides }) => ({
        id,
        name,
        gallery,
        distance,
        threshold: threshold ?? null,
        wanted: wanted ?? null,
        decides: decides === undefined ? null : rulingIn(decides, languageOfRequest(request)),
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
    async () => metrics.sources(performance.now()),
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
];
