import type { Node, NodeAPI, NodeDef } from "node-red";
import { z } from "zod";
import { Attendance } from "../../lib/attendance/attendance";
import { askedOf, answerOf } from "../../lib/attendance/ask";
import { FrappeOutbox } from "../../lib/attendance/frappe";
import { Rules } from "../../lib/attendance/rules";
import type { ServedAttendance } from "../../api/host";
import { UserError } from "../../lib/errors";
import { StorageError } from "../../lib/storage";
import { parseOptions } from "../../lib/validate";
import { readVisit } from "../../lib/visit";
import { type Language, render } from "../../lib/words/sentence";
import { onClose } from "../common/on-close";
import { logFault, nameError, onInput } from "../common/on-input";
import { openPatiently } from "../common/patient";
import { optionalFlag, optionalNumber, requireVariables, wordsOf } from "../common/options";
import { migrated } from "../common/migrate";
import { failToStart, liveStatus, whileLoading } from "../common/status";
import { type FaceGalleryNode, galleryNodeOf, whenOpen } from "../face-gallery/face-gallery";
import { speakAs } from "../common/language";
import { MIGRATIONS } from "./migrations/index";

export interface FaceAttendanceDef extends NodeDef {
  gallery: string;
  mode: string;
  /** "door, hall": zones or names of cameras, as the others. */
  zones: string;
  zonesIn: string;
  zonesOut: string;
  /** Seconds. */
  minInterval: string | number;
  /** "04:00". */
  dayBegins: string;
  /** IANA; empty is this computer's. */
  timeZone: string;
  /** "staff, cleaning"; empty is everybody. */
  groups: string;
  /** For how many days check-ins are kept after the end of their month. */
  keepCheckIns?: string | number;
  /** Whether check-ins go to Frappe HRMS, … */
  frappe: boolean | string;
  /** … whose site it is, … */
  frappeUrl: string;
  /** … where the employee stands, and what it is compared with. */
  employeeFrom: string;
  employeeField: string;
}

export interface FrappeLogin {
  frappeKey?: string;
  frappeSecret?: string;
}

/** The node as the API sees it. */
export interface FaceAttendanceNode extends Node<FrappeLogin> {
  served?: ServedAttendance;
}

/** Visits that come while one is written. */
const MOST_WAITING = 1000;
/** People cannot read faster, and counting a day takes a moment. */
const SHOW_MS = 500;

const daysSchema = z.object({ keepCheckIns: z.number().min(1).max(36_500).default(30) });

/** The form's values as rules. @throws a sentence */
function rulesOf(def: FaceAttendanceDef): Rules {
  const { mode, zones, zonesIn, zonesOut, minInterval, dayBegins, timeZone, groups } = def;
  return new Rules(
    {
      mode: mode || undefined,
      zones: wordsOf(zones),
      zonesIn: mode === "strict" ? wordsOf(zonesIn) : [],
      zonesOut: mode === "strict" ? wordsOf(zonesOut) : [],
      minInterval: optionalNumber(minInterval),
      dayBegins: dayBegins.trim() || undefined,
      timeZone: timeZone.trim() || undefined,
      groups: wordsOf(groups).map((group) => group.toLowerCase()),
    },
    "face-attendance",
  );
}

interface Started {
  attendance: Attendance;
  outbox: FrappeOutbox | undefined;
}

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceAttendance(this: FaceAttendanceNode, saved: FaceAttendanceDef): void {
    RED.nodes.createNode(this, saved);
    const defaults = { zones: "", zonesIn: "", zonesOut: "", dayBegins: "", timeZone: "", groups: "" };
    const def: FaceAttendanceDef = migrated({ ...defaults, ...saved }, MIGRATIONS);
    let people: FaceGalleryNode;
    let rules: Rules;
    let sends: boolean;
    let keepDays: number;
    try {
      requireVariables({ ...def, ...this.credentials });
      people = galleryNodeOf(RED, def.gallery);
      rules = rulesOf(def);
      const keepCheckIns = optionalNumber(def.keepCheckIns);
      keepDays = parseOptions(daysSchema, { keepCheckIns }, "face-attendance").keepCheckIns;
      sends = optionalFlag(def.frappe) === true;
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const show = liveStatus(this);
    let started: Started | undefined;
    let closed = false;
    const closing = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const showToday = (): void => {
      if (started === undefined || closed) return;
      const { attendance, outbox } = started;
      const here = attendance.day(attendance.today).people.filter(({ running }) => running).length;
      const text = RED._("face-attendance.status.here", { number: here });
      show(
        outbox?.reason === undefined
          ? { fill: "green", shape: "dot", text }
          : { fill: "yellow", shape: "ring", text: `${text} · Frappe` },
      );
    };
    const showSoon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        showToday();
      }, SHOW_MS);
    };
    /** What goes on being wrong is said once. */
    let said: string | undefined;
    const tellOnce = (error: unknown): void => {
      if (error instanceof StorageError && !closed)
        show({ fill: "red", shape: "ring", text: RED._("face-attendance.status.waiting_disk") });
      const { message } = nameError(this, error);
      if (closed || message === said) return;
      said = message;
      logFault(this, error);
      this.error(message);
    };
    const make = async (): Promise<Started> => {
      const gallery = await people.gallery;
      await gallery.loaded();
      const attendance = new Attendance({
        book: this.id,
        gallery: people.id,
        ledger: await gallery.attendance(),
        rules,
        people: {
          nameOf: (id) => gallery.nameOf(id),
          groupsOf: (id) => gallery.member(id)?.groups ?? [],
        },
        site: gallery.attendanceSite,
        visits: gallery.visits,
        sends,
        keepDays,
        onError: tellOnce,
      });
      const outbox = sends
        ? new FrappeOutbox({
            attendance,
            frappe: {
              url: def.frappeUrl,
              key: this.credentials.frappeKey ?? "",
              secret: this.credentials.frappeSecret ?? "",
              employeeFrom: def.employeeFrom || undefined,
              employeeField: (def.employeeField ?? "").trim() || undefined,
            },
            personOf: (id) => gallery.person(id),
            onState: showSoon,
            onError: tellOnce,
          })
        : undefined;
      attendance.on("checkIn", (payload) => this.send([{ payload, topic: payload.type }, null]));
      attendance.on("change", () => {
        said = undefined;
        showSoon();
        outbox?.wake();
      });
      // Whoever writes an employee's number into their notes need not wait.
      gallery.on("change", wakeOutbox);
      this.on("close", () => gallery.off("change", wakeOutbox));
      return { attendance, outbox };
    };
    const start = async (): Promise<Started> => {
      started ??= await make();
      const { attendance, outbox } = started;
      if (!closed) await attendance.start();
      outbox?.wake();
      showToday();
      return started;
    };
    const wakeOutbox = (): void => started?.outbox?.wake();
    const { opened: starting, now } = openPatiently(start, {
      signal: closing.signal,
      onRefused: tellOnce,
    });
    // Told by the badge, and to each message.
    starting.catch(() => undefined);
    whileLoading(this, starting, { failed: RED._("face-attendance.status.failed") });
    this.served = {
      gallery: people.id,
      open: async () => (await now()).attendance,
      outbox: async () => (await now()).outbox,
      problemIn: (language: Language) => {
        const reason = started?.outbox?.reason;
        return reason === undefined ? null : render(reason, language);
      },
    };
    onInput(
      this,
      async (message, send) => {
        const asked = askedOf(message["attendance"]);
        const visit = message["visit"] ?? undefined;
        if (asked === undefined && visit === undefined)
          throw new UserError("attendance.nothingAsked", { example: '{ day: "2026-11-26" }' });
        await whenOpen(people);
        const { attendance } = await now();
        if (visit !== undefined) await attendance.takeVisit(readVisit(visit));
        if (asked === undefined) return;
        message["payload"] = answerOf(attendance, asked);
        send([null, message]);
      },
      { policy: "queue", bound: MOST_WAITING, awaited: () => true },
    );
    onClose(this, async () => {
      closed = true;
      closing.abort();
      clearTimeout(timer);
      try {
        await started?.outbox?.close();
        await started?.attendance.close();
      } catch (error) {
        this.warn(nameError(this, error).message);
      }
    });
  }
  RED.nodes.registerType<FaceAttendanceNode, FaceAttendanceDef, object, FrappeLogin>(
    "face-attendance",
    FaceAttendance,
    { credentials: { frappeKey: { type: "text" }, frappeSecret: { type: "password" } } },
  );
}
