/** What a camera may be told; everything that reaches ffmpeg or the disk is checked here. */
import { z } from "zod";

const side = z.number().int().min(16).max(8192);
const common = {
  /** Names the frames' source. */
  name: z.string().min(1).max(300),
  /** Pixels; both or neither. */
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

const device = z.string().refine((value) => (DEVICE[process.platform] ?? DEVICE.linux)?.test(value) === true, { error: "must be a camera of this computer: /dev/video0 on Linux, 0 on macOS, the camera's name on Windows" });
const path = z.string().min(1, "is missing").refine((value) => !value.includes("\u0000"), { error: "must be a path" });

export const cameraOptionsSchema = z.discriminatedUnion("source", [
  z.object({ ...common, source: z.literal("usb"), device }),
  z.object({ ...common, source: z.literal("rtsp"), url: url(["rtsp", "rtsps"]), transport: z.enum(["tcp", "udp"]).default("tcp") }),
  z.object({ ...common, source: z.literal("mjpeg"), url: url(["http", "https"]), output: z.literal("jpeg", { error: "an HTTP camera's frames are JPEG" }).default("jpeg") }),
  z.object({ ...common, source: z.literal("snapshot"), url: url(["http", "https"]), output: z.literal("jpeg", { error: "an HTTP camera's frames are JPEG" }).default("jpeg") }),
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

/** An address without its password, for people to read. */
export function redact(address: string): string {
  return address.replace(/\/\/[^/@\s]*@/g, "//");
}
