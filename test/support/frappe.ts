/**
 * A server that takes check-ins as Frappe HRMS does: who may, which fields, what it refuses and in which words
 * (frappe/hrms employee_checkin.py and .json; frappe/frappe auth.py, exceptions.py, utils/response.py, api/v1.py,
 * model/base_document.py, reset_values_if_no_permlevel_access).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

const PATH = "/api/method/hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field";
/** The arguments of add_log_based_on_employee_field; Frappe leaves out others. */
const FIELDS: ReadonlySet<string> = new Set([
  "employee_field_value",
  "timestamp",
  "device_id",
  "log_type",
  "skip_auto_attendance",
  "employee_fieldname",
  "latitude",
  "longitude",
]);

const RESOURCE = "/api/resource/Employee Checkin";

export interface FrappeLog {
  /** Of its document; given by Frappe. */
  name?: string;
  /** The attendance that was marked by it. */
  attendance?: string | null;
  /** By attendance_device_id. */
  employee: string;
  time: string;
  log_type: string;
  device_id: string;
}

/** What it does instead of answering well, once each. */
export type Mishap =
  "500" | "502 page" | "404 page" | "drop" | "drop after it was taken" | "hang" | "401" | "429" | "200 page";

export class Frappe {
  readonly logs: FrappeLog[] = [];
  /** Each request that came, as it was. */
  readonly requests: { fields: Record<string, unknown>; headers: IncomingMessage["headers"] }[] = [];
  /** Each request of a REST resource: its method and path. */
  readonly resources: string[] = [];
  readonly mishaps: Mishap[] = [];
  /** By attendance_device_id; their state. */
  readonly employees = new Map<string, "Active" | "Inactive">();
  /** In whose language it refuses; tracebacks may be told or not (System Settings). */
  german = false;
  /** Whether the user may write fields of permission level 1, of which a check-in's time is one. */
  mayWriteTime = true;
  tracebacks = true;
  #named = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<Frappe> {
    const frappe = new Frappe();
    await new Promise<void>((done) => {
      frappe.#server.listen(0, "127.0.0.1", done);
    });
    return frappe;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => {
      this.#server.close(done);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const mishap = this.mishaps.shift();
    if (mishap === "drop") {
      request.socket.destroy();
      return;
    }
    if (mishap === "hang") return;
    if (mishap === "500") throwAs(response, 500, "TypeError", "unsupported operand", this.tracebacks);
    else if (mishap === "401") throwAs(response, 401, "AuthenticationError", "", this.tracebacks);
    else if (mishap === "429") throwAs(response, 429, "TooManyRequestsError", "", this.tracebacks);
    else if (mishap === "502 page") page(response, 502);
    else if (mishap === "404 page") page(response, 404);
    else if (mishap === "200 page") page(response, 200);
    if (mishap !== undefined && mishap !== "drop after it was taken") return;
    if (request.headers.authorization !== "token key:secret") {
      throwAs(response, 401, "AuthenticationError", "", this.tracebacks);
      return;
    }
    const heard = mishap === "drop after it was taken" ? undefined : response;
    const { pathname, searchParams } = new URL(request.url ?? "", this.url);
    const path = decodeURIComponent(pathname);
    const text = Buffer.concat(pieces).toString();
    if (path.startsWith("/api/resource/")) {
      this.#serve(request.method ?? "", path, searchParams, text, heard);
      if (mishap !== undefined) request.socket.destroy();
      return;
    }
    if (request.method !== "POST" || path !== PATH) {
      throwAs(response, 404, "DoesNotExistError", "", this.tracebacks);
      return;
    }
    const fields = JSON.parse(text) as Record<string, unknown>;
    this.requests.push({ fields, headers: request.headers });
    const unknown = Object.keys(fields).find((name) => !FIELDS.has(name));
    if (unknown !== undefined) throw new Error(`Frappe knows no field ${unknown}`);
    this.#take(fields, heard);
    if (mishap !== undefined) request.socket.destroy();
  }

  #take(fields: Record<string, unknown>, response: ServerResponse | undefined): void {
    const refuse = (message: string, at: string): void =>
      throwAs(response, 417, "ValidationError", message, this.tracebacks, at);
    const {
      employee_field_value: value,
      timestamp,
      device_id: device,
      log_type: type,
    } = fields as Record<string, string>;
    if (!value || !timestamp) {
      refuse("'employee_field_value' and 'timestamp' are required.", "add_log_based_on_employee_field");
      return;
    }
    const state = this.employees.get(value);
    if (state === undefined) {
      refuse(
        `No Employee found for the given employee field value. 'attendance_device_id': ${value}`,
        "add_log_based_on_employee_field",
      );
      return;
    }
    if (state === "Inactive") {
      refuse(
        `Transactions cannot be created for an Inactive Employee <a href="/app/employee/${value}">${value}</a>.`,
        "validate_active_employee",
      );
      return;
    }
    const log: FrappeLog = {
      name: `EMP-CKIN-11-2026-${String((this.#named += 1)).padStart(6, "0")}`,
      employee: value,
      // The default of a field that may not be written.
      time: this.mayWriteTime ? timestamp : "2026-01-01 00:00:00",
      log_type: type ?? "",
      device_id: device ?? "",
    };
    if (this.#refuseTwin(log, response)) return;
    this.logs.push(log);
    answer(response, { message: documentOf(log) });
  }

  #refuseTwin(log: FrappeLog, response: ServerResponse | undefined): boolean {
    const twin = this.logs.find(
      (each) =>
        each.name !== log.name &&
        each.employee === log.employee &&
        each.time === log.time &&
        each.log_type === log.log_type,
    );
    if (twin === undefined) return false;
    const link = `<Br><a href="/app/employee-checkin/${twin.name}">Employee Checkin ${twin.name}</a>`;
    const message = this.german
      ? `Dieser Mitarbeiter hat bereits ein Protokoll mit demselben Zeitstempel.${link}`
      : `This employee already has a log with the same timestamp.${link}`;
    throwAs(response, 417, "ValidationError", message, this.tracebacks, "validate_duplicate_log");
    return true;
  }

  /** The REST resources of Employee Checkin and Employee. */
  #serve(
    method: string,
    path: string,
    query: URLSearchParams,
    text: string,
    response: ServerResponse | undefined,
  ): void {
    this.resources.push(`${method} ${path}`);
    if (method === "GET" && (path === RESOURCE || path === "/api/resource/Employee")) {
      const filters = JSON.parse(query.get("filters") ?? "[]") as [string, "=", string][];
      const rows: Record<string, unknown>[] =
        path === RESOURCE
          ? this.logs.map(documentOf)
          : [...this.employees.keys()].map((id) => ({ name: nameOf(id), attendance_device_id: id }));
      const found = rows.filter((row) => filters.every(([field, , value]) => row[field] === value));
      answer(response, { data: found.slice(0, Number(query.get("limit_page_length"))).map(({ name }) => ({ name })) });
      return;
    }
    const log = this.logs.find(({ name }) => path === `${RESOURCE}/${name}`);
    if (log === undefined) {
      throwAs(response, 404, "DoesNotExistError", `${path} not found`, this.tracebacks);
      return;
    }
    if (method === "DELETE") {
      this.logs.splice(this.logs.indexOf(log), 1);
      answer(response, { data: "ok" }, 202);
    } else if (method === "GET") answer(response, { data: documentOf(log) });
    else {
      const { employee, time, log_type: type, device_id: device } = JSON.parse(text) as Record<string, string>;
      const id = [...this.employees.keys()].find((each) => nameOf(each) === employee);
      const after = {
        ...log,
        employee: id ?? log.employee,
        time: this.mayWriteTime ? (time ?? log.time) : log.time,
        log_type: type ?? log.log_type,
        device_id: device ?? log.device_id,
      };
      if (this.#refuseTwin(after, response)) return;
      if (log.attendance && after.time !== log.time) {
        const message =
          "An attendance record is linked to this checkin. Please cancel the attendance before modifying time.";
        throwAs(response, 417, "ValidationError", message, this.tracebacks, "validate_time_change");
        return;
      }
      Object.assign(log, after);
      answer(response, { data: documentOf(log) });
    }
  }
}

const nameOf = (id: string): string => `HR-EMP-${id}`;

function documentOf({ attendance = null, ...log }: FrappeLog): Record<string, unknown> {
  return { doctype: "Employee Checkin", ...log, attendance, employee: nameOf(log.employee) };
}

function answer(response: ServerResponse | undefined, body: object, status = 200): void {
  response?.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function throwAs(
  response: ServerResponse | undefined,
  status: number,
  kind: string,
  message: string,
  tracebacks: boolean,
  at = "application",
): void {
  const body = {
    ...(tracebacks
      ? {
          exception: `frappe.exceptions.${kind}: ${message}`,
          exc: JSON.stringify([
            `Traceback:\n  File "x.py", line 1, in ${at}\nfrappe.exceptions.${kind}: ${message}\n`,
          ]),
        }
      : {}),
    exc_type: kind,
    ...(message === ""
      ? {}
      : {
          _server_messages: JSON.stringify([
            JSON.stringify({ message, title: "Message", indicator: "red", raise_exception: 1 }),
          ]),
        }),
  };
  response?.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function page(response: ServerResponse, status: number): void {
  response.writeHead(status, { "Content-Type": "text/html" }).end("<html><body>Bad Gateway</body></html>");
}
