/** Gates of a gallery: second factors, who is locked out, and the log. What is kept of a factor is never told. */
import { z } from "zod";
import { BYTE_ORDER_MARK, csvLine } from "../lib/csv";
import { NotFound } from "../lib/people/errors";
import type { Gallery } from "../lib/gallery/gallery";
import { MOST_CODE_MINUTES, MOST_FACTOR_LENGTH } from "../lib/gate/factors";
import type { Gate } from "../lib/gate/gate";
import type { LogRow } from "../lib/gate/log/log";
import { FACTOR_KINDS, type Logged } from "../lib/grant";
import { StorageError } from "../lib/storage";
import { phrase } from "../lib/words/sentence";
import { type GateAnswer, gateAnswer, type GateLogRow, logRow, verificationAnswer } from "./gate-answers";
import { HttpError } from "./http/answer-error";
import { bodyOf, partOf, queryOf } from "./http/request";
import { type GalleryCall, ofGallery, type Route, sendPicture, writerOf } from "./routes";

const kindSchema = z.enum([...FACTOR_KINDS, "code"]);
const factorBody = z.strictObject({
  kind: z.enum(FACTOR_KINDS),
  value: z.string().min(1).max(MOST_FACTOR_LENGTH),
});
const codeBody = z.strictObject({ minutes: z.number().min(1).max(MOST_CODE_MINUTES).default(60) });
const resetBody = z.strictObject({
  person: z.string().min(1).max(100).nullable().default(null).describe("null: the gate, and everybody"),
});

const MOST_ROWS = 500;
const logQuery = z.object({
  below: z.coerce.number().int().min(1).optional().describe("Only entries of lower numbers"),
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(50),
});
const headQuery = z.object({
  sequence: z.coerce.number().int().min(1).optional().describe("Number and hash of an entry that was kept elsewhere"),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

/** @throws HttpError where the gallery has no such gate, or it cannot be used */
async function gateOf({ deployed, request }: GalleryCall): Promise<{ gate: Gate; id: string; name: string }> {
  const wanted = request.params["gate"];
  const found = deployed.gates(request.params["gallery"] ?? "").find(({ id }) => id === wanted);
  if (found === undefined) throw new HttpError(404, "not_found", phrase("api.noGate"));
  const gate = await found.node.open().catch((error: unknown) => {
    if (error instanceof StorageError) throw error;
    // The node itself has told the log.
    throw new HttpError(503, "gate_failed", phrase("api.gateFailed"));
  });
  return { gate, id: found.id, name: found.name };
}

/** @throws NotFound */
function personOf({ request, gallery }: GalleryCall): string {
  const id = request.params["person"] ?? "";
  if (gallery.member(id) === undefined) throw new NotFound("search.noPerson", { id: JSON.stringify(id) });
  return id;
}

function answerOf({ gate, id, name }: { gate: Gate; id: string; name: string }, gallery: Gallery): GateAnswer {
  const kept = new Map(gate.listFactors().map((each) => [each.person, each]));
  const people = new Set([...kept.keys(), ...Object.keys(gate.failures)]);
  return {
    id,
    name,
    ...gate.lockOf(null),
    shared: gate.shared,
    sealed: gate.sealed,
    people: [...people].map((person) => {
      const { kinds = [], codes = [] } = kept.get(person) ?? {};
      return { person, name: gallery.nameOf(person) ?? null, kinds, codes, ...gate.lockOf(person) };
    }),
  };
}

const rowOf = ({ entry, details, pictured }: LogRow): GateLogRow => ({
  ...entry,
  known: details,
  pictured,
});

const COLUMNS = [
  "sequence",
  "time",
  "kind",
  "reason",
  "factor",
  "person",
  "name",
  "visit",
  "zone",
  "distance",
  "threshold",
  "sure",
  "liveness",
  "note",
  "hash",
] as const;

function cellsOf({ entry, details }: LogRow): (string | number | null | undefined)[] {
  const { sequence, at, kind, reason, factor, note, hash } = entry;
  const { person, name, visit, zone, distance, threshold, sure, liveness } = details ?? {};
  const cells: Record<(typeof COLUMNS)[number], string | number | null | undefined> = {
    sequence,
    time: new Date(at).toISOString(),
    kind,
    reason,
    factor,
    person,
    name,
    visit,
    zone,
    distance,
    threshold,
    sure,
    liveness: liveness?.result,
    note,
    hash,
  };
  return COLUMNS.map((column) => cells[column]);
}

async function sendCsv({ node, response }: GalleryCall, gate: Gate): Promise<void> {
  response.type("text/csv; charset=utf-8").set("Content-Disposition", 'attachment; filename="gate-log.csv"');
  const write = writerOf(response, node.closing);
  await write(BYTE_ORDER_MARK + csvLine(COLUMNS));
  for (let below: number | undefined; ;) {
    const rows = await gate.readLog({ below, limit: MOST_ROWS });
    if (rows.length > 0) await write(rows.map((row) => csvLine(cellsOf(row))).join(""));
    below = rows.at(-1)?.entry.sequence;
    if (rows.length < MOST_ROWS) break;
  }
  response.end();
}

export const gates: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/gates",
      permission: "read",
      summary: "The face-gate nodes of the gallery, with who has a second factor and who is locked out",
      answers: z.array(gateAnswer),
    },
    async ({ deployed, request, gallery }) => {
      const all = await Promise.all(
        deployed.gates(request.params["gallery"] ?? "").map(async ({ id, name, node }) => {
          const gate = await node.open().catch(() => undefined);
          return gate === undefined ? [] : [answerOf({ gate, id, name }, gallery)];
        }),
      );
      return all.flat();
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/gates/:gate/people/:person/factors",
      permission: "write",
      summary: "Set a PIN, badge or lasting QR code of a person, in place of the one before",
      body: factorBody,
      answers: gateAnswer,
    },
    async (call) => {
      const found = await gateOf(call);
      const person = personOf(call);
      const { kind, value } = await bodyOf(call.request, factorBody);
      await found.gate.setFactor(person, kind, value);
      return answerOf(found, call.gallery);
    },
  ),
  ofGallery(
    {
      method: "delete",
      path: "/gates/:gate/people/:person/factors/:kind",
      permission: "write",
      summary: "Delete a second factor of a person: pin, badge, qr, or code for all codes for one time",
      answers: gateAnswer,
    },
    async (call) => {
      const found = await gateOf(call);
      const kind = partOf(call.request, "kind", kindSchema);
      // Of somebody who was deleted meanwhile, too.
      await found.gate.removeFactor(call.request.params["person"] ?? "", kind);
      return answerOf(found, call.gallery);
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/gates/:gate/people/:person/codes",
      permission: "write",
      summary: "Give a person a code for one time, to be shown as a QR code; it is told this once",
      body: codeBody,
      answers: z.object({ code: z.string(), until: z.number().describe("Milliseconds since the epoch") }),
      status: 201,
    },
    async (call) => {
      const { gate } = await gateOf(call);
      const person = personOf(call);
      const { minutes } = await bodyOf(call.request, codeBody);
      return gate.issueCode(person, minutes);
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/gates/:gate/reset",
      permission: "write",
      summary: "Let a person, or the gate and everybody, try again",
      body: resetBody,
      answers: gateAnswer,
    },
    async (call) => {
      const found = await gateOf(call);
      const { person } = await bodyOf(call.request, resetBody);
      await found.gate.reset(person);
      return answerOf(found, call.gallery);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/gates/:gate/log",
      permission: "read",
      summary: "The log of a gate, the newest entry first",
      query: logQuery,
      answers: z.array(logRow),
    },
    async (call) => {
      const { gate } = await gateOf(call);
      return (await gate.readLog(queryOf(call.request, logQuery))).map(rowOf);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/gates/:gate/log.csv",
      permission: "read",
      summary: "The whole log of a gate for a spreadsheet, the newest entry first",
      answers: "text/csv",
    },
    async (call) => {
      const { gate } = await gateOf(call);
      await sendCsv(call, gate);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/gates/:gate/log/:sequence/picture",
      permission: "read",
      summary: "The picture of an entry of the log",
      answers: "image/jpeg",
    },
    async (call) => {
      const { gate } = await gateOf(call);
      sendPicture(call.response, await gate.picture(Number(call.request.params["sequence"])));
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/gates/:gate/verify",
      permission: "read",
      summary: "Whether the log is as it was written, and where it breaks",
      query: headQuery,
      answers: verificationAnswer,
    },
    async (call) => {
      const { gate } = await gateOf(call);
      const { sequence, hash } = queryOf(call.request, headQuery);
      const head: Logged | undefined = sequence === undefined || hash === undefined ? undefined : { sequence, hash };
      return gate.verifyLog(head);
    },
  ),
];
