/**
 * A server that takes check-ins as Frappe HRMS does: who may, which fields, what it refuses and in which words
 * (frappe/hrms employee_checkin.py; frappe/frappe auth.py, exceptions.py, utils/response.py).
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

export interface FrappeLog {
  employee: string;
  time: string;
  log_type: string;
  device_id: string;
}

/** What it does instead of answering well, once each. */
export type Mishap = "500" | "502 page" | "drop" | "drop after it was taken" | "hang" | "401" | "429" | "200 page";

export class Frappe {
  readonly logs: FrappeLog[] = [];
  /** Each request that came, as it was. */
  readonly requests: { fields: Record<string, unknown>; headers: IncomingMessage["headers"] }[] = [];
  readonly mishaps: Mishap[] = [];
  /** By attendance_device_id; their state. */
  readonly employees = new Map<string, "Active" | "Inactive">();
  /** In whose language it refuses; tracebacks may be told or not (System Settings). */
  german = false;
  tracebacks = true;
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
    else if (mishap === "200 page") page(response, 200);
    if (mishap !== undefined && mishap !== "drop after it was taken") return;
    if (request.method !== "POST" || request.url !== PATH) {
      throwAs(response, 404, "DoesNotExistError", "", this.tracebacks);
      return;
    }
    if (request.headers.authorization !== "token key:secret") {
      throwAs(response, 401, "AuthenticationError", "", this.tracebacks);
      return;
    }
    const fields = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
    this.requests.push({ fields, headers: request.headers });
    const unknown = Object.keys(fields).find((name) => !FIELDS.has(name));
    if (unknown !== undefined) throw new Error(`Frappe knows no field ${unknown}`);
    this.#take(fields, mishap === "drop after it was taken" ? undefined : response);
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
    const log = { employee: value, time: timestamp, log_type: type ?? "", device_id: device ?? "" };
    const twin = this.logs.findIndex(
      (each) => each.employee === value && each.time === timestamp && each.log_type === type,
    );
    if (twin >= 0) {
      const link = `<Br><a href="/app/employee-checkin/EMP-CKIN-${twin}">Employee Checkin EMP-CKIN-${twin}</a>`;
      refuse(
        this.german
          ? `Dieser Mitarbeiter hat bereits ein Protokoll mit demselben Zeitstempel.${link}`
          : `This employee already has a log with the same timestamp.${link}`,
        "validate_duplicate_log",
      );
      return;
    }
    this.logs.push(log);
    response
      ?.writeHead(200, { "Content-Type": "application/json" })
      .end(
        JSON.stringify({ message: { name: `EMP-CKIN-${this.logs.length - 1}`, doctype: "Employee Checkin", ...log } }),
      );
  }
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
