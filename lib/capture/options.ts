/** What a camera may be told; everything that reaches ffmpeg or the disk is checked here. */
import { z } from "zod";
import { hasLoginInPath, redact } from "../redact";
import { fingerprintSchema } from "./certificate";
import { type Complaint, own } from "../validate";
import { phrase, render, type Sentence } from "../words/sentence";

const side = z.number().int().min(16).max(8192);
const common = {
  /** Names the frames' source. Some name a camera by its address. */
  name: z.string().min(1).max(300).transform(redact),
  /** Pixels; the picture is fitted into them and keeps its shape. */
  width: side.optional(),
  height: side.optional(),
  /** Frames a second. */
  fps: z.number().min(0.01).max(120).optional(),
  output: z.enum(["jpeg", "rgb"]).default("jpeg"),
};

const url = (one: string, other: string) =>
  z.string().check(({ value, issues }) => {
    const sentence = complaintOf(value, one, other);
    // Never the value itself: there may be a password in it.
    if (sentence !== undefined)
      issues.push({
        code: "custom",
        message: render(sentence, "en-US"),
        params: { sentence } satisfies Complaint,
        input: undefined,
      });
  });

function complaintOf(value: string, one: string, other: string): Sentence | undefined {
  const address = URL.canParse(value) ? new URL(value) : undefined;
  // Behind a "#" nothing is told to a server, so an "@" there once closed a login; as did one before a host's number.
  if (value.includes("@") && (address === undefined || address.hash.includes("@") || hasLoginInPath(value)))
    return phrase("capture.loginInAddress");
  return address !== undefined && [one, other].includes(address.protocol.slice(0, -1)) && address.hostname !== ""
    ? undefined
    : phrase("capture.addressOf", { one, other });
}

/** V4L2's names on Linux, an index on macOS, the name that DirectShow lists on Windows. */
const DEVICE: Partial<Record<NodeJS.Platform, RegExp>> = {
  linux: /^\/dev\/(video\d{1,3}|v4l\/by-(id|path)\/[\w.:+-]+)$/,
  darwin: /^\d{1,2}$/,
  win32: /^[^"\u0000-\u001f]{1,200}$/,
};

/** Told to the camera, to nobody else. They go before those written into the address. */
const login = { user: z.string().max(200).optional(), password: z.string().max(200).optional() };

/** Of a camera that is reached through the network. */
const network = {
  ...login,
  /** Which certificate it may show on https and rtsps. */
  certificate: z.enum(["verify", "fingerprint", "any"]).default("verify"),
  /** For "fingerprint": SHA-256 of its certificate. */
  fingerprint: fingerprintSchema.optional(),
  /** Seconds without a picture after which it is lost. */
  idle: z.number().min(1).max(3600).optional(),
};

const device = z.string().refine((value) => (DEVICE[process.platform] ?? DEVICE.linux)?.test(value) === true, {
  error: own("common.device"),
});
const path = z
  .string()
  .min(1, own("common.missing"))
  .refine((value) => !value.includes("\u0000"), { error: own("common.path") });

/** Whether an ffmpeg of before 2019, with holes that are known since, may read what comes through the network. */
const oldFfmpeg = z.boolean().default(false);

export const cameraOptionsSchema = z
  .discriminatedUnion("source", [
    z.object({ ...common, source: z.literal("usb"), device }),
    z.object({
      ...common,
      source: z.literal("rtsp"),
      ...network,
      url: url("rtsp", "rtsps"),
      transport: z.enum(["tcp", "udp"]).default("tcp"),
      oldFfmpeg,
    }),
    z.object({
      ...common,
      source: z.literal("mjpeg"),
      ...network,
      url: url("http", "https"),
      output: z.literal("jpeg", { error: own("capture.httpIsJpeg") }).default("jpeg"),
    }),
    z.object({
      ...common,
      source: z.literal("snapshot"),
      ...network,
      url: url("http", "https"),
      output: z.literal("jpeg", { error: own("capture.httpIsJpeg") }).default("jpeg"),
    }),
    z.object({
      ...common,
      source: z.literal("file"),
      path,
      loop: z.boolean().default(false),
      realtime: z.boolean().default(true),
    }),
    z.object({
      ...common,
      source: z.literal("folder"),
      path,
      loop: z.boolean().default(false),
      output: z.literal("jpeg", { error: own("capture.folderIsJpeg") }).default("jpeg"),
    }),
    z.object({
      ...common,
      source: z.literal("browser"),
      output: z.literal("jpeg", { error: own("capture.browserIsJpeg") }).default("jpeg"),
    }),
  ])
  .refine(
    (options) =>
      !("certificate" in options) || options.certificate !== "fingerprint" || options.fingerprint !== undefined,
    { path: ["fingerprint"], error: own("common.noFingerprint") },
  );

export type CameraOptions = z.infer<typeof cameraOptionsSchema>;
export type OptionsOf<S extends CameraOptions["source"]> = Extract<CameraOptions, { source: S }>;

/** Sources that never end by themselves: every end is a loss. */
export function isLive({ source }: CameraOptions): boolean {
  return source !== "file" && source !== "folder";
}

/** Whether as much time lies between frames as between what they show. */
export function inRealTime(options: CameraOptions): boolean {
  return options.source === "file" ? options.realtime : options.source !== "folder";
}

export interface Login {
  user: string;
  password: string;
}

/** The address without its login, and the login, if any. */
export function splitLogin(options: { url: string; user?: string | undefined; password?: string | undefined }): {
  address: URL;
  login: Login | undefined;
} {
  const address = new URL(options.url);
  const user = options.user || decode(address.username);
  const password = options.user ? (options.password ?? "") : decode(address.password);
  address.username = "";
  address.password = "";
  return { address, login: user === "" ? undefined : { user, password } };
}

/** A camera's address for people to read: without its login, whatever letters that has. */
export function shownUrl(options: Parameters<typeof splitLogin>[0]): string {
  return redact(splitLogin(options).address.href.replaceAll("'", "%27").replaceAll("`", "%60"));
}

/** What a camera must not be quoted with, should it say it: the login, in one piece and alone. */
export function secretsOf(options: Parameters<typeof splitLogin>[0]): string[] {
  const { login: known } = splitLogin(options);
  return known === undefined ? [] : [`${known.user}:${known.password}`, known.password, known.user];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A per cent sign that stands for itself.
    return text;
  }
}
