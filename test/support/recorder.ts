/** What a flow of a real Node-RED sends, kept in a file. */
import { existsSync, readFileSync } from "node:fs";
import type { FlowNode } from "./node-red";

/** A function node and a file node that keep a line of JSON for each message. */
export function recorder(z: unknown, file: string, expression: string): FlowNode[] {
  return [
    {
      id: "rec_fn",
      type: "function",
      z,
      name: "",
      func: `msg.payload = JSON.stringify(${expression}); return msg;`,
      outputs: 1,
      wires: [["rec_file"]],
    },
    {
      id: "rec_file",
      type: "file",
      z,
      name: "",
      filename: file,
      filenameType: "str",
      appendNewline: true,
      createDir: true,
      overwriteFile: "false",
      encoding: "none",
      wires: [[]],
    },
  ];
}

/** What was kept so far. */
export const linesOf = (file: string): Record<string, unknown>[] =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
