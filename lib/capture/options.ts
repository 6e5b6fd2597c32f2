/** What a camera may be told; everything that reaches ffmpeg or the disk is checked here. */
import { z } from "zod";

const side = z.number().int().min(16).max(8192);
const common = {
  /** Names the frames' source. */
  name: z.string().min(1).max(300),
  /** Pixels; the picture is fitted into them and keeps its shape. */
  width: side.optional(),
  height: side.optional(),
  /** Frames a second. */
  fps: z.number().min(0.01).max(120).optional(),
  output: z.enum(["jpeg", "rgb"]).default("jpeg"),
};

const url = (schemes: readonly string[]) =>
  z.string().refine((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)) && new URL(value).hostname !== "", { error: `must be a ${schemes.join(" or ")} address` });

/** V4L2's names on Linux, an index on macOS, the name that DirectShow lists on Windows. */
const DEVICE: Partial<Record<NodeJS.Platform, RegExp>> = { linux: /^\/dev\/(video\d{1,3}|v4l\/by-(id|path)\/[\w.:+-]+)$/, darwin: /^\d{1,2}$/, win32: /^[^"\u0000-\u001f]{1,200}$/ };

/** Told to the camera, to nobody else. They go before those written into the address. */
const login = { user: z.string().max(200).optional(), password: z.string().max(200).optional() };

const device = z.string().refine((value) => (DEVICE[process.platform] ?? DEVICE.linux)?.test(value) === true, { error: "must be a camera of this computer: /dev/video0 on Linux, 0 on macOS, the camera's name on Windows" });
const path = z.string().min(1, "is missing").refine((value) => !value.includes("\u0000"), { error: "must be a path" });

export const cameraOptionsSchema = z.discriminatedUnion("source", [
  z.object({ ...common, source: z.literal("usb"), device }),
  z.object({ ...common, source: z.literal("rtsp"), ...login, url: url(["rtsp", "rtsps"]), transport: z.enum(["tcp", "udp"]).default("tcp") }),
  z.object({ ...common, source: z.literal("mjpeg"), ...login, url: url(["http", "https"]), output: z.literal("jpeg", { error: "an HTTP camera's frames are JPEG" }).default("jpeg") }),
  z.object({ ...common, source: z.literal("snapshot"), ...login, url: url(["http", "https"]), output: z.literal("jpeg", { error: "an HTTP camera's frames are JPEG" }).default("jpeg") }),
  z.object({ ...common, source: z.literal("file"), path, loop: z.boolean().default(false), realtime: z.boolean().default(true) }),
  z.object({ ...common, source: z.literal("folder"), path, loop: z.boolean().default(false), output: z.literal("jpeg", { error: "a folder's photos go out as the files they are" }).default("jpeg") }),
  z.object({ ...common, source: z.literal("browser"), output: z.literal("jpeg", { error: "a browser's frames are JPEG" }).default("jpeg") }),
]);

export type CameraOptions = z.infer<typeof cameraOptionsSchema>;
export type OptionsOf<S extends CameraOptions["source"]> = Extract<CameraOptions, { source: S }>;

/** Sources that never end by themselves: every end is a loss. */
export function isLive({ source }: CameraOptions): boolean {
  return source !== "file" && source !== "folder";
}

export interface Login {
  user: string;
  password: string;
}

/** The address without its login, and the login, if any. */
export function splitLogin(options: { url: string; user?: string | undefined; password?: string | undefined }): { address: URL; login: Login | undefined } {
  const address = new URL(options.url);
  const user = options.user || decode(address.username);
  const password = options.user ? (options.password ?? "") : decode(address.password);
  address.username = "";
  address.password = "";
  return { address, login: user === "" ? undefined : { user, password } };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A per cent sign that stands for itself.
    return text;
  }
}

/** Text without the logins and the queries (many cameras take the password there) of the addresses in it, for people to read. */
export function redact(text: string): string {
  return text.replace(/([a-z][\w+.-]*:\/\/)(?:[^/?#\s]*@)?([^\s?#]*)(\?\S*)?/gi, (_, scheme: string, rest: string, query: string | undefined) => `${scheme}${rest}${query === undefined ? "" : "?…"}`);
}
