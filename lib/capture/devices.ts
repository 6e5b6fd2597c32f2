/** The cameras of this computer, for people to choose from. */
import { readdir, readFile } from "node:fs/promises";
import { askFfmpeg, findFfmpeg } from "./ffmpeg";

export interface Device {
  /** What the option `device` takes. */
  device: string;
  /** What the camera calls itself. */
  label: string;
}

/** Linux tells by itself; macOS and Windows tell ffmpeg. None when there is none, or no ffmpeg. */
export async function listDevices(platform: NodeJS.Platform = process.platform): Promise<Device[]> {
  if (platform !== "darwin" && platform !== "win32") return v4l2Devices();
  const question =
    platform === "darwin"
      ? ["-f", "avfoundation", "-list_devices", "true", "-i", ""]
      : ["-f", "dshow", "-list_devices", "true", "-i", "dummy"];
  const ffmpeg = await findFfmpeg().catch(() => undefined);
  const answer = ffmpeg === undefined ? undefined : await askFfmpeg(ffmpeg.path, question);
  return answer === undefined ? [] : parseDevices(answer);
}

async function v4l2Devices(): Promise<Device[]> {
  const FOLDER = "/sys/class/video4linux";
  const names = (await readdir(FOLDER).catch(() => [])).filter((name) => /^video\d+$/.test(name));
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return Promise.all(
    names.map(async (name) => ({
      device: `/dev/${name}`,
      label: (await readFile(`${FOLDER}/${name}/name`, "utf8").catch(() => name)).trim(),
    })),
  );
}

/**
 * ffmpeg's -list_devices: AVFoundation numbers them; DirectShow quotes their names and tells the kind behind each
 * (from 5.0) or above all.
 */
export function parseDevices(text: string): Device[] {
  let section: string | undefined;
  return text.split(/\r?\n/).flatMap((line): Device[] => {
    section = /(?:AVFoundation|DirectShow) (video|audio) devices/.exec(line)?.[1] ?? section;
    const [, index, label] = /\] \[(\d+)\] (.+)$/.exec(line) ?? [];
    if (index !== undefined && label !== undefined) return section === "video" ? [{ device: index, label }] : [];
    const [, name, kind] = /\]\s+"([^"]+)"(?: \((.+)\))?$/.exec(line) ?? [];
    // Virtual cameras that do not run are of kind "none".
    if (name === undefined || /Alternative name/.test(line)) return [];
    return (kind === undefined ? section === "video" : /video|none/.test(kind)) ? [{ device: name, label: name }] : [];
  });
}
