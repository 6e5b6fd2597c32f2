import { z } from "zod";
import { type SeenEvent, seenEventSchema } from "../lib/observe/journal";
import { anchorAnswer, correctedAnswer } from "./answers";
import { HttpError } from "./http/answer-error";
import { bodyOf } from "./http/request";
import type { ServedGallery } from "./host";
import { ofGallery, type Route, sendPicture } from "./routes";
import { shownAnchor } from "./unknowns";
import { phrase } from "../lib/words/sentence";

/** Proxies close a connection on which nothing comes for a minute. */
const HEARTBEAT_MS = 15_000;
/** Open editors and programs that listen to one gallery. */
const MOST_LISTENERS = 50;
/** Who reads so slowly that this much waits is cut off, and connects again. */
const MOST_WAITING_BYTES = 1024 * 1024;

const emptyBody = z.strictObject({});
const isBody = z.strictObject({ name: z.string().max(200), accept: z.array(z.string().max(40)).max(20).default([]) });
const EVENTS =
  "What happens, as server-sent events: `seen` (data: a SeenEvent), `unknown` (a stranger came; data: id of " +
  "the group), `change` (of who is known; data: {}), `progress` (of embedding the photo folder; data: done, " +
  "total), `network` (a change of the network goes on, or another one decides; data: a Network), `visits` (visits " +
  "were written or deleted; data: put, VisitRecords as they are now, and removed, ids); a comment every fifteen " +
  "seconds";
const NO_FACE = phrase("api.eventWithoutFace");
const listening = new WeakMap<ServedGallery, number>();

function eventOf(node: ServedGallery, id: string | undefined): SeenEvent {
  const event = node.journal.event(id ?? "");
  if (event === undefined) throw new HttpError(404, "not_found", phrase("api.noEvent"));
  return event;
}

/** Where and when, in no language: what was said of it is the correction's `what`. */
const seenAt = (source: string, at: number): string => `${source}, ${new Date(at).toISOString()}`;

export const events: Route[] = [
  ofGallery(
    { method: "get", path: "/events", permission: "read", summary: EVENTS, answers: "text/event-stream" },
    async ({ node, gallery, request, response }) => {
      node.closing.throwIfAborted();
      // Express asks here for the headers alone too: there is no end to wait for.
      if (request.method === "HEAD") {
        response.type("text/event-stream").end();
        return;
      }
      const already = listening.get(node) ?? 0;
      if (already >= MOST_LISTENERS)
        throw new HttpError(503, "too_many_listeners", phrase("api.listeners", { most: MOST_LISTENERS }));
      listening.set(node, already + 1);
      response.status(200).set({ "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" }).flushHeaders();
      const send = (text: string): void => {
        if (response.writableLength > MOST_WAITING_BYTES) response.destroy();
        else response.write(text);
      };
      const tell = (event: string, data: unknown): void => send(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      const seen = (event: SeenEvent): void => tell("seen", event);
      const change = (): void => tell("change", {});
      const progress = (now: object): void => tell("progress", now);
      const network = (state: object): void => tell("network", state);
      const unknown = (id: string): void => tell("unknown", { id });
      const visits = (written: object): void => tell("visits", written);
      const heartbeat = setInterval(() => send(": still here\n\n"), HEARTBEAT_MS);
      node.journal.on("seen", seen);
      gallery.on("change", change).on("progress", progress).on("unknown", unknown).on("network", network);
      gallery.on("visits", visits);
      // Who has not read all by now is not waited for.
      const finish = (): void => {
        if (response.writableNeedDrain) response.destroy();
        else response.end();
      };
      const end = (): void => {
        clearInterval(heartbeat);
        listening.set(node, (listening.get(node) ?? 1) - 1);
        node.closing.removeEventListener("abort", finish);
        node.journal.off("seen", seen);
        gallery.off("change", change).off("progress", progress).off("unknown", unknown).off("network", network);
        gallery.off("visits", visits);
      };
      node.closing.addEventListener("abort", finish);
      response.once("close", end);
      send(": welcome\n\n");
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/events/recent",
      permission: "read",
      summary: "The newest events, newest first",
      answers: z.array(seenEventSchema),
    },
    async ({ node }) => node.journal.recent,
  ),
  ofGallery(
    {
      method: "get",
      path: "/events/:event/picture",
      permission: "read",
      summary: "The face of an event",
      answers: "image/jpeg",
    },
    async ({ node, request, response }) => {
      sendPicture(response, node.journal.picture(eventOf(node, request.params["event"]).id));
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/events/:event/not-this-person",
      permission: "write",
      summary: "A wrong match: never take this face for that person again",
      body: emptyBody,
      status: 201,
      answers: anchorAnswer,
    },
    async ({ node, gallery, request }) => {
      await bodyOf(request, emptyBody);
      const { id, person, at, source } = eventOf(node, request.params["event"]);
      const embedding = node.journal.embedding(id, gallery.roster.model);
      if (person === null) throw new HttpError(409, "nobody", phrase("api.eventNamesNobody"));
      if (embedding === undefined) throw new HttpError(409, "nobody", NO_FACE);
      return shownAnchor(gallery, await gallery.addAnchor(embedding, person, seenAt(source, at)));
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/events/:event/is",
      permission: "write",
      summary:
        "It is somebody else, or a stranger is somebody: the face becomes a photo of that person, and is " +
        "never taken for the wrong one again; 409 asks first",
      body: isBody,
      status: 201,
      answers: correctedAnswer,
    },
    async ({ node, gallery, request }) => {
      const { name, accept } = await bodyOf(request, isBody);
      const { id, person: not, at, source } = eventOf(node, request.params["event"]);
      const vector = node.journal.embedding(id, gallery.roster.model);
      if (vector === undefined) throw new HttpError(409, "nobody", NO_FACE);
      const { person, photo, anchor } = await gallery.correct(
        {
          vector,
          quality: node.journal.quality(id),
          picture: node.journal.picture(id),
          note: seenAt(source, at),
        },
        { name, not, accept },
      );
      return { person, photo, anchor: anchor === null ? null : shownAnchor(gallery, anchor) };
    },
  ),
];
