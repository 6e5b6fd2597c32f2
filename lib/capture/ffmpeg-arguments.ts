/** What ffmpeg is told: where its pictures come from, and how they leave it. */
import { THUMBNAIL_STEP } from "../image/grey-thumbnail";
import { BESIDE_PIPE } from "./ffmpeg";
import type { OptionsOf } from "./options";
import type { RtspRelay } from "./rtsp-relay";

export type FfmpegOptions = OptionsOf<"usb"> | OptionsOf<"rtsp"> | OptionsOf<"file">;

/** JPEG quality of ffmpeg's scale, 2 best to 31: artefacts that a detector does not see. */
const JPEG_QUALITY = 3;
/** 5.0: the RTSP reader has `-timeout`, in microseconds, for what older ones call `-stimeout`. */
export const HAS_TIMEOUT = 500;
/** 5.1: `-fps_mode` for what older ones call `-vsync`. */
const HAS_FPS_MODE = 501;
/** All that RTSP is carried by; nothing of this computer. */
const NETWORK_PROTOCOLS = "rtsp,rtp,rtcp,srtp,udp,tcp,crypto";

export function inputArguments(
  options: FfmpegOptions,
  release: number,
  stall: number,
  relay: RtspRelay | undefined,
): string[] {
  const { width, height, fps } = options;
  const size = width === undefined || height === undefined ? [] : ["-video_size", `${width}x${height}`];
  if (options.source === "usb") {
    // macOS and Windows refuse a rate that the camera does not list, so there the filter alone thins out; V4L2 takes
    // the nearest.
    if (process.platform === "darwin")
      return ["-f", "avfoundation", "-framerate", "30", ...size, "-i", `${options.device}:none`];
    if (process.platform === "win32")
      return ["-f", "dshow", "-rtbufsize", "64M", ...size, "-i", `video=${options.device}`];
    return ["-f", "v4l2", ...size, ...(fps === undefined ? [] : ["-framerate", String(fps)]), "-i", options.device];
  }
  if (options.source === "rtsp") {
    // The relay's address: what is written here, everybody on this computer may read.
    return [
      "-protocol_whitelist",
      NETWORK_PROTOCOLS,
      "-rtsp_transport",
      options.transport,
      release >= HAS_TIMEOUT ? "-timeout" : "-stimeout",
      String(stall * 1000),
      "-allowed_media_types",
      "video",
      "-fflags",
      "nobuffer",
      "-flags",
      "low_delay",
      "-analyzeduration",
      "1000000",
      "-i",
      relay?.url ?? "",
    ];
  }
  // "file:" keeps a name with a dash or a colon in it a name.
  return [
    ...(options.realtime ? ["-re"] : []),
    ...(options.loop ? ["-stream_loop", "-1"] : []),
    "-protocol_whitelist",
    "file,crypto,data",
    "-i",
    `file:${options.path}`,
  ];
}

/**
 * Timestamps that only grow, in milliseconds: the encoder dies of others, and cameras whose clock is set, or that
 * count wrongly, send them.
 * What is live has the time at which it came. A file keeps its own; where they step back by more than a second it goes
 * on from there.
 * Variable 0 is the last one, 1 what is added to the file's.
 */
const TIMESTAMPS = {
  live: "setpts='st(0,max(ld(0)+1,(RTCTIME-RTCSTART)/1000))'",
  file: "setpts='st(1,if(lt(PTS+ld(1),ld(0)-1000),ld(0)+40-PTS,ld(1)));st(0,max(ld(0)+1,if(isnan(PTS),0,PTS+ld(1))))'",
};

const eighth = (side: string): string => `'max(1,trunc(${side}/${THUMBNAIL_STEP}))'`;
/**
 * Grey as the JPEG is, each value the mean of a square, as greyThumbnail makes it. A picture that is smaller than one
 * square has one value.
 */
const GREY = `scale=w=${eighth("iw")}:h=${eighth("ih")}:flags=area,format=gray`;

/** @param beside whether small grey pictures leave it, too, by BESIDE_PIPE: one for each JPEG, in the same order */
export function outputArguments(
  { source, width, height, fps, output }: FfmpegOptions,
  release: number,
  beside: boolean,
): string[] {
  const filters = [
    "settb=1/1000",
    TIMESTAMPS[source === "file" ? "file" : "live"],
    // The first frame of each slot of 1/fps seconds. The filter "fps" would repeat frames of a slower camera.
    ...(fps === undefined ? [] : [`select='not(eq(floor(t*${fps}+0.01),floor(prev_selected_t*${fps}+0.01)))'`]),
    ...(width === undefined && height === undefined
      ? []
      : [
          width !== undefined && height !== undefined
            ? `scale=${width}:${height}:force_original_aspect_ratio=decrease`
            : `scale=${width ?? -2}:${height ?? -2}`,
        ]),
  ].join(",");
  // Frames as they come: none repeated to keep a rate.
  const times = ["-enc_time_base", "1/1000", release >= HAS_FPS_MODE ? "-fps_mode" : "-vsync", "passthrough"];
  const video = ["-an", "-sn", "-dn", "-vf", filters, ...times];
  if (output === "rgb") return [...video, "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"];
  const jpeg = ["-f", "mpjpeg", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", String(JPEG_QUALITY), "-"];
  if (!beside) return [...video, ...jpeg];
  // "V" is no cover picture. The grey one goes first, so that it is there when the JPEG is.
  return [
    "-filter_complex",
    `[0:V]${filters},format=yuvj420p,split[jpeg][large];[large]${GREY}[grey]`,
    "-map",
    "[grey]",
    ...times,
    "-f",
    "image2pipe",
    "-c:v",
    "pgm",
    `pipe:${BESIDE_PIPE}`,
    "-map",
    "[jpeg]",
    ...times,
    ...jpeg,
  ];
}
