import type { Request } from "express";
import { z } from "zod";
import type { Attendance } from "../lib/attendance/attendance";
import { bySchema, TYPES, whySchema } from "../lib/attendance/check-in";
import { dayReportSchema, monthReportSchema, toldCheckInSchema, toldHistorySchema } from "../lib/attendance/pairs";
import { daySchema, momentOf, monthSchema } from "../lib/attendance/time";
import { UserError } from "../lib/errors";
import { idSchema, timeSchema } from "../lib/people/people";
import { countSchema, own, parseOptions } from "../lib/validate";
import { StorageError } from "../lib/storage";
import { phrase, render } from "../lib/words/sentence";
import { attendanceBookAnswer } from "./answers";
import type { ServedAttendance } from "./host";
import { HttpError, languageOfRequest, sayable } from "./http/answer-error";
import { bodyOf, partOf, queryOf } from "./http/request";
import { type GalleryCall, ofGallery, type Route } from "./routes";

const local = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2} ([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, own("attendance.noStamp"))
  .describe("The same by the clock on the wall, in the book's time zone: 2026-11-26 08:03:00");
const values = {
  type: z.enum(TYPES),
  at: timeSchema.describe("Milliseconds since the epoch; or say it as local"),
  local,
};
const said = {
  why: whySchema.describe("The reason; it stays in the history"),
  by: bySchema.optional().describe("Who, where Node-RED asks for no login; else it is the user who asks"),
};
const addBody = z.strictObject({
  person: idSchema,
  type: values.type,
  at: values.at.optional(),
  local: local.optional(),
  ...said,
});
const changeBody = z.strictObject({
  person: idSchema.optional(),
  type: values.type.optional(),
  at: values.at.optional(),
  local: local.optional(),
  removed: z.boolean().optional().describe("true: it does not count; false: it counts again"),
  ...said,
});
const csvQuery = z.object({
  from: daySchema.optional().describe("The first day; today where it is not given"),
  to: daySchema.optional().describe("The last day; the first where it is not given"),
});
const sendBody = z.strictObject({ id: z.string().max(64).optional().describe("Of one check-in; else all") });

/** The book of the request's path, of this gallery. */
async function bookOf({
  deployed,
  request,
}: GalleryCall): Promise<{ served: ServedAttendance; attendance: Attendance }> {
  const served = deployed
    .attendances()
    .find(
      ({ id, served: each }) => id === request.params["book"] && each?.gallery === request.params["gallery"],
    )?.served;
  if (served === undefined) throw new HttpError(404, "not_found", phrase("attendance.noBook"));
  const attendance = await served.open().catch((error: unknown) => {
    if (error instanceof StorageError) throw error;
    // The node itself has told the log.
    throw new HttpError(503, "attendance_failed", sayable(error));
  });
  return { served, attendance };
}

/** The user of Node-RED who asks; where there is no login, whom the request names. */
function whoOf(request: Request, by: string | undefined): string | null {
  const { user } = request as { user?: { username?: unknown; anonymous?: unknown } | undefined };
  const name = user?.anonymous === true ? undefined : user?.username;
  return typeof name === "string" && name !== "" ? name : (by ?? null);
}

/** @throws a sentence where both are said */
function timeOf(
  { calendar }: Attendance,
  { at, local: stamp }: { at?: number | undefined; local?: string | undefined },
): number | undefined {
  if (stamp === undefined) return at;
  if (at !== undefined) throw new UserError("attendance.atOrLocal");
  parseOptions(daySchema, stamp.slice(0, "2026-11-26".length), "local");
  return momentOf(stamp, calendar.timeZone);
}

const param = (request: Request, name: string): string => request.params[name] ?? "";

export const attendance: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/attendance",
      permission: "read",
      summary: "The attendance books of a gallery: its face-attendance nodes",
      answers: z.array(attendanceBookAnswer),
    },
    async ({ deployed, request }) => {
      const gallery = request.params["gallery"];
      const ours = deployed.attendances().filter(({ served }) => served?.gallery === gallery);
      return Promise.all(
        ours.map(async ({ id, name, served }) => {
          const nothing = {
            id,
            name,
            mode: null,
            timeZone: null,
            today: null,
            days: null,
            keptFrom: null,
            site: null,
            sending: null,
          };
          try {
            const book = await served?.open();
            if (served === undefined || book === undefined) return nothing;
            return {
              id,
              name,
              mode: book.mode,
              timeZone: book.calendar.timeZone,
              today: book.today,
              days: book.keepDays ?? null,
              keptFrom: book.keptFrom,
              site: book.site ?? null,
              sending:
                (await served.outbox()) === undefined
                  ? null
                  : {
                      waiting: book.sendings("waiting").length,
                      refused: book.sendings("refused").length,
                      problem: served.problemIn(languageOfRequest(request)),
                    },
            };
          } catch (error) {
            return { ...nothing, error: render(sayable(error), languageOfRequest(request)) };
          }
        }),
      );
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/attendance/:book/days/:day",
      permission: "read",
      summary: "Who was there on a working day, from when to when, and what is missing",
      answers: dayReportSchema,
    },
    async (call) => {
      const day = partOf(call.request, "day", daySchema);
      return (await bookOf(call)).attendance.day(day);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/attendance/:book/months/:month",
      permission: "read",
      summary: "The same of a month, a line for each person and day",
      answers: monthReportSchema,
    },
    async (call) => {
      const month = partOf(call.request, "month", monthSchema);
      return (await bookOf(call)).attendance.month(month);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/attendance/:book/csv",
      permission: "read",
      summary: "Check-ins of some days for a spreadsheet: UTF-8 with a byte order mark, no cell is a formula",
      query: csvQuery,
      answers: "text/csv",
    },
    async (call) => {
      const { attendance: book } = await bookOf(call);
      const { from = book.today, to = from } = queryOf(call.request, csvQuery);
      const { response } = call;
      response.type("text/csv; charset=utf-8").set({
        "Content-Disposition": `attachment; filename="attendance-${from}${from === to ? "" : `-to-${to}`}.csv"`,
      });
      response.send(book.csv(from, to));
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/attendance/:book/check-ins/:id",
      permission: "read",
      summary: "A check-in with all that was said of it",
      answers: toldHistorySchema,
    },
    async (call) => (await bookOf(call)).attendance.history(param(call.request, "id")),
  ),
  ofGallery(
    {
      method: "post",
      path: "/attendance/:book/check-ins",
      permission: "write",
      summary: "Add a check-in that no camera saw; the same one twice is one",
      body: addBody,
      answers: toldCheckInSchema,
    },
    async (call) => {
      const { attendance: book } = await bookOf(call);
      const { person, type, why, by, ...time } = await bodyOf(call.request, addBody);
      const at = timeOf(book, time);
      if (at === undefined) throw new UserError("attendance.typeAndTime");
      return book.add({ person, type, at, why, by: whoOf(call.request, by) });
    },
  ),
  ofGallery(
    {
      method: "patch",
      path: "/attendance/:book/check-ins/:id",
      permission: "write",
      summary: "Change, remove or restore a check-in; what it was stays in its history",
      body: changeBody,
      answers: toldCheckInSchema,
    },
    async (call) => {
      const { attendance: book } = await bookOf(call);
      const { person, type, removed, why, by, ...time } = await bodyOf(call.request, changeBody);
      const change = { person, type, removed, at: timeOf(book, time), why, by: whoOf(call.request, by) };
      return book.change(param(call.request, "id"), change);
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/attendance/:book/send",
      permission: "write",
      summary: "Send check-ins that Frappe HRMS has refused once more",
      body: sendBody,
      answers: z.strictObject({ sent: countSchema.describe("How many are tried again") }),
    },
    async (call) => {
      const { served } = await bookOf(call);
      const { id } = await bodyOf(call.request, sendBody);
      const outbox = await served.outbox();
      if (outbox === undefined) throw new UserError("attendance.notSent");
      return { sent: await outbox.retry(id) };
    },
  ),
];
