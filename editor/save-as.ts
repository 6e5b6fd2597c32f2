/** Let the browser save what a script has fetched, since a link cannot carry the login. */
import { h } from "./dom.js";

/** Browsers start a download from a blob's address a moment after the click. */
const RELEASE_MS = 60_000;

export function saveAs(blob: Blob, download: string): void {
  const href = URL.createObjectURL(blob);
  h("a", { href, download }).click();
  setTimeout(() => {
    URL.revokeObjectURL(href);
  }, RELEASE_MS);
}
