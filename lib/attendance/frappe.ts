/**
 * Check-ins to Frappe HRMS, as its own tools for time clocks send them: one POST a check-in to
 * `employee_checkin.add_log_based_on_employee_field` (frappe/hrms, hrms/hr/doctype/employee_checkin). What waits is on
 * disk with the check-in itself, and so is what is about to be there, before it is sent. Frappe refuses a second one
 * of the same employee, time and type, so that whatever is sent again after a crash, or after an answer that was lost,
 * is one there too. A correction changes or deletes the document by Frappe's REST resource (GET, PUT and DELETE
 * /api/resource/Employee Checkin/NAME), after a look at how it is now.
 */
import { isDeepStrictEqual } from "node:util";
import type { Dispatcher, request } from "undici";
import { z } from "zod";
import { reasonOf } from "../errors";
import { own, parseOptions } from "../validate";
import { phrase, type Sentence } from "../words/sentence";
import type { Attendance } from "./attendance";
import { type CheckIn, isThere, type Sending, type There } from "./check-in";
import { momentOf, stampOf } from "./time";

/** Frappe's own field for time clocks, and its default (add_log_based_on_employee_field). */
const DEVICE_FIELD = "attendance_device_id";
const METHOD = "hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field";

const frappeSchema = z
  .object({
    /** Of the site: "https://hr.example.com". */
    url: z
      .url({ protocol: /^https?$/, error: own("attendance.noAddress") })
      .max(1000)
      .refine((url) => !URL.canParse(url) || new URL(url).username === "", own("attendance.loginInAddress")),
    key: z.string().max(300),
    secret: z.string().max(300),
    /** Where the employee stands: in a line "employee: 0042" of a person's notes, or as the person's name. */
    employeeFrom: z.enum(["notes", "name"]).default("notes"),
    /** The field of Frappe's Employee that it is compared with. */
    employeeField: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,139}$/, own("attendance.noField"))
      .default(DEVICE_FIELD),
  })
  .refine(({ key, secret }) => key !== "" && secret !== "", {
    path: ["key"],
    message: own("attendance.noKey"),
  });
type FrappeOptions = z.infer<typeof frappeSchema>;

/** What is sent, field for field. */
export interface FrappeCheckIn {
  employee_field_value: string;
  /** "2026-11-26 08:03:00", by the clock on the wall. */
  timestamp: string;
  device_id: string;
  log_type: "IN" | "OUT";
  /** Where it is not Frappe's own field for time clocks. */
  employee_fieldname?: string;
}

export interface OutboxOptions {
  attendance: Attendance;
  frappe: unknown;
  /** The notes of a person and their name; undefined where they are gone. */
  personOf: (id: string) => { name: string; notes: string } | undefined;
  /** How the sending goes has changed. */
  onState: () => void;
  onError: (error: unknown) => void;
  limits?: Partial<Limits>;
}

interface Limits {
  /** To be connected, to be answered, and between two pieces of an answer. */
  idleMs: number;
  /** Of one request, all in all. */
  totalMs: number;
  /** Before the next try after the first that failed; each further one waits twice as long, … */
  firstWaitMs: number;
  /** … up to this. */
  longestWaitMs: number;
}

const LIMITS: Limits = { idleMs: 15_000, totalMs: 30_000, firstWaitMs: 2000, longestWaitMs: 600_000 };
/** A document of Frappe's has two kilobytes, a traceback some more. */
const MOST_ANSWER_BYTES = 256 * 1024;
/** Told of a row. */
const MOST_REASON = 300;

/** Not of this check-in: of the login, of the time of day, or of what stands before Frappe. */
const OF_ALL: ReadonlySet<number> = new Set([401, 407, 408, 425, 429]);
const FIRST_REFUSAL = 400;
const FIRST_FAULT = 500;

/** What became of one check-in. */
type Outcome =
  | { what: "delivered"; document?: FrappeDocument | undefined }
  | { what: "withdrawn" }
  | { what: "refused"; reason: string; problem?: Sending["problem"]; document?: FrappeDocument | undefined }
  | { what: "later"; reason: Sentence };

/** Of an Employee Checkin; `time` is as its timestamp. */
const documentSchema = z.object({
  name: z.union([z.string(), z.number()]).transform(String),
  employee: z.string().nullish(),
  time: z.string().nullish(),
  log_type: z.string().nullish(),
  device_id: z.string().nullish(),
  attendance: z.string().nullish(),
});
type FrappeDocument = z.infer<typeof documentSchema>;

/** One request after the other. */
type Ask = (
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: object,
) => Promise<{ status: number; text: string } | { what: "later"; reason: Sentence }>;

const RESOURCE = "/api/resource/Employee%20Checkin";
const NOT_THERE = 404;
const STAMP = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/;
const STAMP_LENGTH = "2026-11-26 08:03:00".length;

/** A line of a person's notes: "employee: 0042". */
const EMPLOYEE = /^[ \t]*(?:employee(?: id)?|員工(?:編號)?)[ \t]*[:：][ \t]*(\S.*?)[ \t]*$/imu;

/** The employee that a person's notes name. */
export function employeeIn(notes: string): string | undefined {
  return EMPLOYEE.exec(notes)?.[1];
}

export class FrappeOutbox {
  readonly #options: OutboxOptions;
  readonly #frappe: FrappeOptions;
  readonly #limits: Limits;
  readonly #closing = new AbortController();
  #working: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #reason: Sentence | undefined;
  #unnamed = 0;

  /** @throws a sentence when the options are wrong */
  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#frappe = parseOptions(frappeSchema, options.frappe, "Frappe HRMS");
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Why nothing is sent now; undefined when all is well. */
  get reason(): Sentence | undefined {
    if (this.#reason !== undefined) return this.#reason;
    return this.#unnamed > 0 ? phrase("attendance.noEmployees", { number: this.#unnamed }) : undefined;
  }

  /** Send what waits, unless it waits for Frappe. Never rejects. */
  wake(): void {
    if (this.#closing.signal.aborted || this.#timer !== undefined) return;
    this.#again = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Try what was refused once more. @param id of one check-in; undefined is all @returns how many */
  async retry(id?: string): Promise<number> {
    const refused = this.#options.attendance.sendings("refused").filter((row) => id === undefined || row.id === id);
    for (const { id: each, sending } of refused) {
      const there = sending?.there === undefined ? {} : { there: sending.there };
      await this.#options.attendance.sent(each, { state: "waiting", tries: 0, at: Date.now(), reason: "", ...there });
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.wake();
    return refused.length;
  }

  /** Nothing is sent any more once this resolves. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    try {
      // What is noted before it is sent wakes it too.
      while (this.#again && !signal.aborted && this.#timer === undefined) {
        this.#again = false;
        await this.#sendAll();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#options.onError(error);
      this.#wait();
    }
  }

  async #sendAll(): Promise<void> {
    const { attendance, onState } = this.#options;
    const waiting = attendance.sendings("waiting");
    this.#unnamed = 0;
    if (waiting.length > 0) {
      // 20 MB of memory that a Node-RED which sends nothing needs not.
      const { EnvHttpProxyAgent, request: ask } = await import("undici");
      const { idleMs } = this.#limits;
      const agent = new EnvHttpProxyAgent({ connectTimeout: idleMs, headersTimeout: idleMs, bodyTimeout: idleMs });
      try {
        const by: Ask = (method, path, body) => this.#request(ask, agent, { method, path, body });
        for (const row of waiting) {
          if (this.#closing.signal.aborted || !(await this.#sendOne(row, by))) break;
        }
      } finally {
        await agent.destroy().catch(() => undefined);
      }
    }
    onState();
  }

  /** @returns whether the next one is to be sent */
  async #sendOne({ id }: CheckIn, ask: Ask): Promise<boolean> {
    const { attendance } = this.#options;
    // Changed, or gone, while others were sent.
    const row = attendance.sending(id);
    if (row?.sending?.state !== "waiting") return true;
    const { tries, there } = row.sending;
    if (row.removed && there === undefined) return true;
    const fields = this.fieldsOf(row);
    if (fields === undefined && !row.removed) {
      this.#unnamed += 1;
      return true;
    }
    const outcome =
      there !== undefined && (there.name !== null || !isThere(row))
        ? await this.#correct(row, there, fields, ask)
        : await this.#create(row, fields as FrappeCheckIn, ask);
    if (this.#closing.signal.aborted && outcome.what === "later") return false;
    if (outcome.what === "later") {
      this.#reason = outcome.reason;
      this.#wait();
      return false;
    }
    this.#failures = 0;
    this.#reason = undefined;
    const sending: Sending = { state: outcome.what, tries: tries + 1, at: Date.now(), reason: "" };
    if (outcome.what === "withdrawn") await attendance.sent(id, sending);
    else if (outcome.what === "delivered")
      await attendance.sent(id, { ...sending, there: valuesOf(row, outcome.document?.name ?? null) });
    else {
      const { reason, problem, document } = outcome;
      const known = there === undefined ? undefined : (attendance.sending(id)?.sending?.there ?? there);
      const now = document === undefined ? known : this.#asThere(row, document);
      await attendance.sent(id, {
        ...sending,
        reason,
        ...(problem === undefined ? {} : { problem }),
        // What is refused is not there, unless it was before.
        ...(now === undefined ? {} : { there: now }),
      });
    }
    return true;
  }

  /** What is about to be there is noted first: after a crash it is looked for before another one is made. */
  async #create(row: CheckIn, fields: FrappeCheckIn, ask: Ask): Promise<Outcome> {
    if (row.sending?.there === undefined)
      await this.#options.attendance.sent(row.id, { ...(row.sending as Sending), there: valuesOf(row, null) });
    const answer = await ask("POST", `/api/method/${METHOD}`, fields);
    if ("what" in answer) return answer;
    const outcome = outcomeOf(answer.status, answer.text);
    if (outcome.what !== "delivered" || outcome.document === undefined) return outcome;
    return this.#checked(row, outcome.document);
  }

  /** What is there becomes what is here. */
  async #correct(row: CheckIn, there: There, fields: FrappeCheckIn | undefined, ask: Ask): Promise<Outcome> {
    const found = await this.#find(row, there, ask);
    if (found !== undefined && "what" in found) return found;
    if (found === undefined) {
      if (row.removed || fields === undefined) return { what: "withdrawn" };
      return this.#create({ ...row, sending: { ...(row.sending as Sending), there: undefined } }, fields, ask);
    }
    const path = `${RESOURCE}/${encodeURIComponent(found.name)}`;
    if (row.removed || fields === undefined) {
      if (found.attendance) return { what: "refused", reason: "", problem: "linked", document: found };
      const answer = await ask("DELETE", path);
      if ("what" in answer) return answer;
      if (answer.status < FIRST_REFUSAL || answer.status === NOT_THERE) return { what: "withdrawn" };
      return refusalOf(answer.status, answer.text, found);
    }
    const employee = await this.#employeeOf(fields, ask);
    if (typeof employee !== "string") return employee;
    const wanted = { employee, time: fields.timestamp, log_type: fields.log_type };
    const has = { employee: found.employee, time: found.time?.slice(0, STAMP_LENGTH), log_type: found.log_type };
    if (isDeepStrictEqual(wanted, has)) return { what: "delivered", document: found };
    if (found.attendance) return { what: "refused", reason: "", problem: "linked", document: found };
    const answer = await ask("PUT", path, { ...wanted, device_id: fields.device_id });
    if ("what" in answer) return answer;
    const document = documentIn(answer.text, "data");
    if (answer.status >= FIRST_REFUSAL) {
      // As it is to be, it is there by another document: this one is one too many.
      if (!isDuplicate(answer.text)) return refusalOf(answer.status, answer.text, found);
      const gone = await ask("DELETE", path);
      if ("what" in gone) return gone;
      return gone.status < FIRST_REFUSAL || gone.status === NOT_THERE
        ? { what: "delivered" }
        : refusalOf(gone.status, gone.text, found);
    }
    if (document === undefined)
      return { what: "later", reason: phrase("attendance.frappeStrange", { status: answer.status }) };
    return this.#checked(row, document);
  }

  /** The document by its name, or by what it was. @returns undefined where there is none */
  async #find(row: CheckIn, there: There, ask: Ask): Promise<FrappeDocument | Outcome | undefined> {
    let { name } = there;
    if (name === null) {
      const { person, type, at } = there;
      const before = person === null ? undefined : this.fieldsOf({ ...row, person, type, at });
      if (before === undefined) return undefined;
      const employee = await this.#employeeOf(before, ask);
      if (typeof employee !== "string") return employee;
      const listed = await this.#list(
        "Employee%20Checkin",
        { employee, time: before.timestamp, log_type: before.log_type },
        ask,
      );
      if (listed === undefined || typeof listed !== "string") return listed;
      name = listed;
      await this.#options.attendance.sent(row.id, { ...(row.sending as Sending), there: { ...there, name } });
    }
    const answer = await ask("GET", `${RESOURCE}/${encodeURIComponent(name)}`);
    if ("what" in answer) return answer;
    if (answer.status === NOT_THERE) return undefined;
    if (answer.status >= FIRST_REFUSAL) return refusalOf(answer.status, answer.text, undefined);
    return (
      documentIn(answer.text, "data") ?? {
        what: "later",
        reason: phrase("attendance.frappeStrange", { status: answer.status }),
      }
    );
  }

  /** Name of the Employee document. */
  async #employeeOf({ employee_field_value: value }: FrappeCheckIn, ask: Ask): Promise<string | Outcome> {
    const { employeeField } = this.#frappe;
    if (employeeField === "name") return value;
    const found = await this.#list("Employee", { [employeeField]: value }, ask);
    return found ?? { what: "refused", reason: "", problem: "employee" };
  }

  /** Name of the first document with such fields. */
  async #list(doctype: string, fields: Record<string, string>, ask: Ask): Promise<string | Outcome | undefined> {
    const filters = JSON.stringify(Object.entries(fields).map(([field, value]) => [field, "=", value]));
    const query = new URLSearchParams({ filters, fields: '["name"]', limit_page_length: "1" }).toString();
    const answer = await ask("GET", `/api/resource/${doctype}?${query}`);
    if ("what" in answer) return answer;
    if (answer.status >= FIRST_REFUSAL) return refusalOf(answer.status, answer.text, undefined);
    const { data } = parsed(answer.text) as { data?: unknown };
    if (!Array.isArray(data))
      return { what: "later", reason: phrase("attendance.frappeStrange", { status: answer.status }) };
    const first = documentSchema.pick({ name: true }).safeParse(data[0]);
    return first.success ? first.data.name : undefined;
  }

  /** Frappe keeps the time as it was where the user may not write fields of level 1, and says nothing of it. */
  #checked(row: CheckIn, document: FrappeDocument): Outcome {
    const { time } = document;
    const wanted = stampOf(row.at, this.#options.attendance.calendar.timeZone);
    if (time == null || time.slice(0, STAMP_LENGTH) === wanted) return { what: "delivered", document };
    return { what: "refused", reason: "", problem: "time", document };
  }

  #asThere(row: CheckIn, { name, time, log_type: type }: FrappeDocument): There {
    const { timeZone } = this.#options.attendance.calendar;
    const isStamp = time != null && STAMP.test(time);
    return {
      name,
      person: row.sending?.there?.person ?? row.person,
      type: type === "OUT" ? "OUT" : type === "IN" ? "IN" : row.type,
      at: isStamp ? momentOf(time.slice(0, STAMP_LENGTH), timeZone) : row.at,
    };
  }

  /** @returns undefined where nobody says which employee it is */
  fieldsOf({ person, type, at, zone, source }: CheckIn): FrappeCheckIn | undefined {
    const { attendance, personOf } = this.#options;
    const { employeeFrom, employeeField } = this.#frappe;
    const known = personOf(person);
    const employee = known === undefined || employeeFrom === "name" ? known?.name : employeeIn(known.notes);
    if (employee === undefined) return undefined;
    return {
      employee_field_value: employee,
      timestamp: stampOf(at, attendance.calendar.timeZone),
      device_id: zone || source || "Node-RED",
      log_type: type,
      ...(employeeField === DEVICE_FIELD ? {} : { employee_fieldname: employeeField }),
    };
  }

  async #request(
    ask: typeof request,
    agent: Dispatcher,
    { method, path, body: sent }: { method: Dispatcher.HttpMethod; path: string; body: object | undefined },
  ): Promise<{ status: number; text: string } | { what: "later"; reason: Sentence }> {
    const { url, key, secret } = this.#frappe;
    const total = AbortSignal.timeout(this.#limits.totalMs);
    try {
      const { statusCode, body } = await ask(`${url.replace(/\/+$/, "")}${path}`, {
        method,
        dispatcher: agent,
        signal: AbortSignal.any([this.#closing.signal, total]),
        headers: {
          authorization: `token ${key}:${secret}`,
          "content-type": "application/json",
          accept: "application/json",
          // Whoever is refused as a duplicate is told so in words.
          "accept-language": "en",
        },
        ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      });
      const pieces: Buffer[] = [];
      let size = 0;
      for await (const piece of body as AsyncIterable<Buffer>) {
        pieces.push(piece);
        size += piece.length;
        // What says so much is not Frappe; leaving off ends the connection.
        if (size > MOST_ANSWER_BYTES) break;
      }
      const text = Buffer.concat(pieces).toString();
      const isOfAll = statusCode >= FIRST_FAULT || OF_ALL.has(statusCode) || (isRefusal(statusCode) && isPage(text));
      const outcome = isOfAll ? outcomeOf(statusCode, text) : undefined;
      return outcome?.what === "later" ? outcome : { status: statusCode, text };
    } catch (error) {
      const reason = total.aborted
        ? phrase("attendance.frappeSlow", { seconds: Math.ceil(this.#limits.totalMs / 1000) })
        : phrase("attendance.frappeAway", { reason: reasonOf(error) });
      return { what: "later", reason };
    }
  }

  /** … and then try again, each time after a longer while. */
  #wait(): void {
    const { firstWaitMs, longestWaitMs } = this.#limits;
    const ms = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    clearTimeout(this.#timer);
    // Not all of a company's at the same moment.
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.wake();
      },
      ms * (0.75 + Math.random() / 2),
    );
    this.#timer.unref();
  }
}

/** What Frappe's answer says (frappe/utils/response.py, report_error: a refusal is 417 with its words). */
export function outcomeOf(status: number, text: string): Outcome {
  if (status < 300) {
    return isDocument(text)
      ? { what: "delivered", document: documentIn(text, "message") }
      : { what: "later", reason: phrase("attendance.frappeStrange", { status }) };
  }
  if (isRefusal(status) && !OF_ALL.has(status)) {
    if (isPage(text)) return { what: "later", reason: phrase("attendance.frappeStrange", { status }) };
    if (isDuplicate(text)) return { what: "delivered" };
    return refusalOf(status, text, undefined);
  }
  const said = saidIn(text);
  return status === 401
    ? { what: "later", reason: phrase("attendance.frappeLogin") }
    : { what: "later", reason: phrase("attendance.frappeStatus", { status, said: said === "" ? "–" : said }) };
}

const isRefusal = (status: number): boolean => status >= FIRST_REFUSAL && status < FIRST_FAULT;

/** Frappe answers in JSON. A page is of what stands before it, which knows nothing of this check-in. */
const isPage = (text: string): boolean => /^\s*</.test(text);

function refusalOf(status: number, text: string, document: FrappeDocument | undefined): Outcome {
  return { what: "refused", reason: saidIn(text) || `HTTP ${status}`, document };
}

function documentIn(text: string, where: "data" | "message"): FrappeDocument | undefined {
  const document = documentSchema.safeParse((parsed(text) as Record<string, unknown>)[where]);
  return document.success ? document.data : undefined;
}

const valuesOf = ({ person, type, at }: CheckIn, name: string | null): There => ({ name, person, type, at });

/** The new Employee Checkin; a page of something that stands before Frappe is none. */
function isDocument(text: string): boolean {
  const { message } = parsed(text) as { message?: unknown };
  return typeof message === "object" && message !== null;
}

/** By Frappe's words, or where these are another language's by the function that refused. */
function isDuplicate(text: string): boolean {
  return text.includes("already has a log with the same timestamp") || text.includes("validate_duplicate_log");
}

/** What Frappe says to people: messages in JSON in JSON, or the last line of what went wrong. */
function saidIn(text: string): string {
  const answer = parsed(text) as { _server_messages?: unknown; exception?: unknown; message?: unknown };
  const messages = parsed(answer._server_messages);
  const words = (Array.isArray(messages) ? messages : [])
    .map((each) => parsed(each) as { message?: unknown })
    .map(({ message }) => message)
    .filter((message) => typeof message === "string");
  const said = words.length > 0 ? words.join(" ") : (answer.exception ?? answer.message);
  return typeof said === "string" ? plain(said) : "";
}

const plain = (html: string): string =>
  html
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MOST_REASON);

/** @returns an empty object for what is no JSON */
function parsed(text: unknown): unknown {
  try {
    return (typeof text === "string" ? JSON.parse(text) : undefined) ?? {};
  } catch {
    return {};
  }
}
