/**
 * Check-ins to Frappe HRMS, as its own tools for time clocks send them: one POST a check-in to
 * `employee_checkin.add_log_based_on_employee_field` (frappe/hrms, hrms/hr/doctype/employee_checkin). What waits is on
 * disk with the check-in itself. Frappe refuses a second one of the same employee, time and type, so that whatever is
 * sent again after a crash, or after an answer that was lost, is one there too.
 */
import type { Dispatcher, request } from "undici";
import { z } from "zod";
import { reasonOf } from "../errors";
import { own, parseOptions } from "../validate";
import { phrase, type Sentence } from "../words/sentence";
import type { Attendance } from "./attendance";
import type { CheckIn } from "./check-in";
import { stampOf } from "./time";

/** Frappe's own field for time clocks, and its default (add_log_based_on_employee_field). */
const DEVICE_FIELD = "attendance_device_id";
const METHOD = "hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field";

export const frappeSchema = z.object({
  /** Of the site: "https://hr.example.com". */
  url: z
    .url({ protocol: /^https?$/, error: own("attendance.noAddress") })
    .max(1000)
    .refine((url) => !URL.canParse(url) || new URL(url).username === "", own("attendance.loginInAddress")),
  key: z.string().min(1, own("attendance.noKey")).max(300),
  secret: z.string().min(1, own("attendance.noKey")).max(300),
  /** Where the employee stands: in a line "employee: 0042" of a person's notes, or as the person's name. */
  employeeFrom: z.enum(["notes", "name"]).default("notes"),
  /** The field of Frappe's Employee that it is compared with. */
  employeeField: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,139}$/, own("attendance.noField"))
    .default(DEVICE_FIELD),
});
export type FrappeOptions = z.infer<typeof frappeSchema>;

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
type Outcome = { what: "delivered" } | { what: "refused"; reason: string } | { what: "later"; reason: Sentence };

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
    for (const row of refused)
      await this.#options.attendance.sent(row.id, { state: "waiting", tries: 0, at: Date.now(), reason: "" });
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
      while (this.#again && !signal.aborted) {
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
        for (const row of waiting) {
          if (this.#closing.signal.aborted || !(await this.#sendOne(row, ask, agent))) break;
        }
      } finally {
        await agent.destroy().catch(() => undefined);
      }
    }
    onState();
  }

  /** @returns whether the next one is to be sent */
  async #sendOne({ id }: CheckIn, ask: typeof request, agent: Dispatcher): Promise<boolean> {
    const { attendance } = this.#options;
    // Changed, or gone, while others were sent.
    const row = attendance.sending(id);
    if (row?.sending?.state !== "waiting" || row.removed) return true;
    const fields = this.fieldsOf(row);
    if (fields === undefined) {
      this.#unnamed += 1;
      return true;
    }
    const { tries } = row.sending;
    const outcome = await this.#post(fields, ask, agent);
    if (this.#closing.signal.aborted && outcome.what === "later") return false;
    if (outcome.what === "later") {
      this.#reason = outcome.reason;
      this.#wait();
      return false;
    }
    this.#failures = 0;
    this.#reason = undefined;
    const reason = outcome.what === "refused" ? outcome.reason : "";
    await attendance.sent(id, { state: outcome.what, tries: tries + 1, at: Date.now(), reason });
    return true;
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

  async #post(fields: FrappeCheckIn, ask: typeof request, agent: Dispatcher): Promise<Outcome> {
    const { url, key, secret } = this.#frappe;
    const total = AbortSignal.timeout(this.#limits.totalMs);
    try {
      const { statusCode, body } = await ask(`${url.replace(/\/+$/, "")}/api/method/${METHOD}`, {
        method: "POST",
        dispatcher: agent,
        signal: AbortSignal.any([this.#closing.signal, total]),
        headers: {
          authorization: `token ${key}:${secret}`,
          "content-type": "application/json",
          accept: "application/json",
          // Whoever is refused as a duplicate is told so in words.
          "accept-language": "en",
        },
        body: JSON.stringify(fields),
      });
      const pieces: Buffer[] = [];
      let size = 0;
      for await (const piece of body as AsyncIterable<Buffer>) {
        pieces.push(piece);
        size += piece.length;
        // What says so much is not Frappe; leaving off ends the connection.
        if (size > MOST_ANSWER_BYTES) break;
      }
      return outcomeOf(statusCode, Buffer.concat(pieces).toString());
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
      ? { what: "delivered" }
      : { what: "later", reason: phrase("attendance.frappeStrange", { status }) };
  }
  if (status >= FIRST_REFUSAL && status < FIRST_FAULT && !OF_ALL.has(status)) {
    if (isDuplicate(text)) return { what: "delivered" };
    return { what: "refused", reason: saidIn(text) || `HTTP ${status}` };
  }
  const said = saidIn(text);
  return status === 401
    ? { what: "later", reason: phrase("attendance.frappeLogin") }
    : { what: "later", reason: phrase("attendance.frappeStatus", { status, said: said === "" ? "–" : said }) };
}

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
