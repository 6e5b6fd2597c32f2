/** The package's HTTP API as the editor uses it: relative addresses, with the editor's own login. */
import type { WantedThreshold } from "../lib/calibrate/wanted";
import type { NetworkState } from "../lib/gallery/network-state";
import type { Aside } from "../lib/search/outliers";
import type { Origin, Person, Photo, PhotoQuality } from "../lib/people/people";
import { known, t } from "./words.js";

export interface GallerySummary {
  id: string;
  name: string;
  people: number;
  photos: number;
  unknowns: number;
  model: string | null;
  threshold: number | null;
  /** τ of d'; null where the model has no cohort. */
  cohortThreshold: number | null;
  /** τ of d' that follows from what is wanted of strangers; null where it cannot be said. */
  wanted?: WantedThreshold | null;
  keepPhotos: boolean;
  /** Whether embedding the folder's new photos was stopped. */
  paused: boolean;
  progress: { what?: "people"; done: number; total: number } | null;
  /** Which network decides; none where the gallery does not work. */
  network?: NetworkState | null;
  problems: { file?: string; code: string; message: string }[];
  /** Why it does not work at all. */
  error?: string;
}

export interface PersonRow {
  id: string;
  name: string;
  groups: string[];
  photos: number;
  lastSeenAt: number | null;
  createdAt: number;
  consentOn: string | null;
  validFrom: number | null;
  validUntil: number | null;
  /** Id of a photo. */
  thumbnail: string | null;
  /** Never recognized: all photos are left out. */
  out: boolean;
}

export interface PeoplePage {
  total: number;
  groups: { name: string; count: number }[];
  people: PersonRow[];
}

export interface PhotoRow extends Omit<Photo, "personId"> {
  origin: Origin;
  quality: PhotoQuality | null;
  thumbnail: boolean;
  /** It has an embedding of the present model. */
  usable: boolean;
  /** Set aside: nobody is compared with it. */
  aside: Pick<Aside, "distance" | "threshold"> | null;
  sure: boolean;
  /** Left out of recognition by somebody. */
  out: boolean;
}

export interface PersonDetail extends Person {
  photos: PhotoRow[];
}

export interface Finding {
  code: string;
  message: string;
  severity: "refuse" | "ask";
}

export interface Judgement {
  findings: Finding[];
}

export interface UnknownRow {
  id: string;
  firstSeenAt: number;
  lastSeenAt: number;
  visits: number;
  pictures: number;
  nearest: { name: string; distance: number } | null;
}

export interface EventRow {
  id: string;
  at: number;
  source: string | null;
  outcome: string;
  name: string | null;
  /** Id. */
  person: string | null;
  distance: number | null;
  threshold: number;
  reason: string;
  /** Of a track that votes: 0..1, and after how many frames. */
  sure?: number;
  frames?: number;
  /** Who was considered, nearest first. */
  candidates: { name: string; distance: number; euclidean: number; ruledOut?: boolean }[];
  picture: boolean;
  /** How much the face counted beside a clear one, over 0 to 1; null where nobody measured it. */
  weight: number | null;
}

export interface Camera {
  id: string;
  name: string;
  running: boolean;
}

export interface Matcher {
  id: string;
  name: string;
  gallery: string;
  distance: "cohort" | "euclidean";
  threshold: number | null;
}

/** Of one camera. */
export interface SourceStats {
  source: string;
  frames: number;
  dropped: number;
  /** Over the last ten seconds. */
  fps: number;
  /** Of the newest frame, in ms. */
  timing: Partial<Record<"decode" | "detect" | "align" | "embed" | "match" | "total", number>>;
}

/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | undefined,
    readonly findings: readonly Finding[],
  ) {
    super(message);
  }
}

const ROOT = "facenet/api";

/** The path of something in a gallery. */
export function pathOf(gallery: string, ...parts: readonly (string | number)[]): string {
  return [ROOT, gallery, ...parts]
    .map((part, index) => (index === 0 ? String(part) : encodeURIComponent(part)))
    .join("/");
}

export const galleriesPath = `${ROOT}/galleries`;
export const camerasPath = `${ROOT}/cameras`;
export const matchersPath = `${ROOT}/matchers`;
export const modelsPath = `${ROOT}/models`;
export const diagnosisPath = `${ROOT}/diagnosis`;
export const statsPath = `${ROOT}/stats`;

function address(path: string): string {
  return `${RED.settings.apiRootUrl ?? ""}${path}`;
}

function authorization(): Record<string, string> {
  const tokens = RED.settings.get("auth-tokens") as { access_token?: string } | null | undefined;
  return tokens?.access_token === undefined ? {} : { Authorization: `Bearer ${tokens.access_token}` };
}

/** The error of an answer, in words: the editor's where it has some for the case, else the server's. */
function errorOf(status: number, body: unknown): ApiError {
  const { error, code, judgement } = (typeof body === "object" && body !== null ? body : {}) as {
    error?: unknown;
    code?: unknown;
    judgement?: { findings?: Finding[] };
  };
  const said = typeof error === "string" ? error : t("error.status", { status });
  const ofStatus =
    status === 401 || status === 403
      ? t("error.permission")
      : status === 404 && typeof error !== "string"
        ? t("error.missing")
        : said;
  return new ApiError(
    typeof code === "string" ? known(`error.code.${code}`, ofStatus) : ofStatus,
    status,
    typeof code === "string" ? code : undefined,
    judgement?.findings ?? [],
  );
}

/** Ask. @throws ApiError */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address(path), {
      ...init,
      headers: { ...authorization(), ...(init.headers as Record<string, string> | undefined) },
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(t("error.offline"), 0, undefined, []);
  }
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => undefined));
  return answer;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, signal === undefined ? {} : { signal })).json() as Promise<T>;
}

/** Send JSON. */
export async function send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<T> {
  const answer = await ask(path, {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Send a file and say how far it is, from 0 to 1: fetch cannot tell. @throws ApiError */
export function upload<T>(path: string, file: Blob, type: string, onProgress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", type);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      onProgress(total > 0 ? loaded / total : 0);
    });
    request.addEventListener("error", () => {
      reject(new ApiError(t("error.offline"), 0, undefined, []));
    });
    request.addEventListener("load", () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = undefined;
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(errorOf(request.status, body));
    });
    request.send(file);
  });
}
