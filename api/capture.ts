/** Photos of a person from a running camera. */
import { z } from "zod";
import { NoPicture, snapshots } from "../lib/capture/snapshots";
import { NotKept } from "../lib/enrol/not-kept";
import { toKeptJpeg } from "../lib/image/encode";
import { type CaptureAnswer, captureAnswer } from "./answers";
import { HttpError, languageOfRequest, told } from "./http/answer-error";
import { bodyOf, queryOf } from "./http/request";
import { acceptQuery, ofGallery, type Route } from "./routes";
import { phrase } from "../lib/words/sentence";
import { sentenceOf } from "../lib/errors";

const captureBody = z.strictObject({ camera: z.string().max(100), count: z.number().int().min(1).max(5).default(3) });

type Taken = CaptureAnswer["taken"][number];

export const capture: Route[] = [
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
      const language = languageOfRequest(request);
      const { accept } = queryOf(request, acceptQuery);
      const { camera: id, count } = await bodyOf(request, captureBody);
      const person = gallery.details(request.params["person"] ?? "");
      const camera = deployed.camera(id);
      if (camera === undefined) throw new HttpError(404, "no_camera", phrase("api.noCamera"));
      const keep = (jpeg: Buffer): Promise<Taken> =>
        gallery.addPhoto({ id: person.id }, jpeg, { origin: "capture", accept }).then(
          ({ photo, judgement }) => ({ photo, judgement: told(judgement, language) }),
          (error: unknown) => {
            if (error instanceof NotKept) return { judgement: told(error.judgement, language) };
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
          throw new HttpError(409, camera.running ? "camera_silent" : "camera_stopped", error.sentence);
        missed = sentenceOf(error, language);
      }
      node.closing.throwIfAborted();
      return { taken, missed };
    },
  ),
];
