/** Pictures that need the editor's login: fetched by script and shown as blobs, only while they are on the screen. */
import { ask } from "./api.js";
import { h, icon } from "./dom.js";

/** Newest thumbnails kept in memory; one has about 3 kB. */
const CACHE_SIZE = 500;
const MAX_CACHED_BYTES = 100_000;

const cache = new Map<string, Blob>();

async function load(path: string, signal: AbortSignal): Promise<Blob> {
  const cached = cache.get(path);
  if (cached !== undefined) {
    // The newest stand at the end.
    cache.delete(path);
    cache.set(path, cached);
    return cached;
  }
  const blob = await (await ask(path, { signal })).blob();
  if (blob.size <= MAX_CACHED_BYTES) cache.set(path, blob);
  for (const oldest of cache.keys()) {
    if (cache.size <= CACHE_SIZE) break;
    cache.delete(oldest);
  }
  return blob;
}

const loads = new WeakMap<Element, AbortController>();
const starts = new WeakMap<Element, () => void>();
const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      starts.get(target)?.();
    }
  },
  { rootMargin: "100px" },
);

export interface PictureOptions {
  /** Said instead of the picture; empty where the words beside it say enough. */
  alt: string;
  class?: string;
}

/** A picture, fetched once it comes near the screen; a silhouette where there is none or it cannot be had. */
export function picture(path: string | null, { alt, class: className = "" }: PictureOptions): HTMLElement {
  const frame = h("span", { class: `facenet-picture ${className}`.trim() }, icon("user"));
  if (path === null) return frame;
  starts.set(frame, () => {
    void show(path, alt, frame);
  });
  seen.observe(frame);
  return frame;
}

async function show(path: string, alt: string, frame: Element): Promise<void> {
  const stop = new AbortController();
  loads.set(frame, stop);
  let blob: Blob;
  try {
    blob = await load(path, stop.signal);
  } catch {
    // The silhouette stays.
    return;
  }
  const address = URL.createObjectURL(blob);
  const image = h("img", { alt, src: address, draggable: "false" });
  // Once decoded it stays; the blob's address is not needed any more.
  const revoke = (): void => {
    URL.revokeObjectURL(address);
  };
  image.addEventListener("load", () => {
    revoke();
    frame.replaceChildren(image);
  });
  image.addEventListener("error", revoke);
}

/** Stop loading what is taken away. */
export function release(element: Element): void {
  for (const frame of element.querySelectorAll(".facenet-picture")) {
    seen.unobserve(frame);
    loads.get(frame)?.abort();
  }
}

/** A photo was deleted: nothing of it stays here. */
export function forgetPictures(part: string): void {
  for (const path of cache.keys()) {
    if (path.includes(part)) cache.delete(path);
  }
}
