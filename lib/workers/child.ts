/** Modules of this package that run in a process of their own. */
import { extname, join } from "node:path";

/**
 * What Node.js is to be started with, to run the module `name` beside whoever asks: .ts beside .ts (tests), .js once
 * built.
 */
export function childArguments(directory: string, name: string): string[] {
  // Under a loader of TypeScript this process's own flags bring it along.
  const flags = process.execArgv.filter((flag) => !flag.startsWith("--test") && !flag.startsWith("--inspect"));
  return [...flags, join(directory, name + extname(__filename))];
}
