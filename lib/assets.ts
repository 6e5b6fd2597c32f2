/** Where the files are that come with the package. */
import { join } from "node:path";

/** lib/ lies one level under the package in the sources and two once built (dist/lib). */
const ROOT = /[\\/]dist$/.test(join(__dirname, "..")) ? join(__dirname, "..", "..") : join(__dirname, "..");

/** Path of a file under assets/. */
export function assetFile(...parts: string[]): string {
  return join(ROOT, "assets", ...parts);
}

/** Path of a file beside package.json. */
export function packageFile(name: string): string {
  return join(ROOT, name);
}
