/** A flow with an attendance book, to which visits come by HTTP and from which check-ins go to a file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FlowNode, example, linkedUserDir, nodeOf } from "./node-red";

export const BOOK = "at_book";
export const GALLERY = "facewire_gallery";

/**
 * POST /visit puts the body into `msg.visit`, POST /ask into `msg.attendance`, which is answered.
 * @param fields of the face-attendance node
 */
export function attendanceFlow(fields: object = {}, { checkIns }: { checkIns?: string } = {}): FlowNode[] {
  const flow = example("attendance book").filter(({ type }) => type !== "inject" && type !== "debug");
  const book = nodeOf(flow, BOOK);
  const { z } = book;
  // Visits come by message alone.
  Object.assign(nodeOf(flow, GALLERY), { keepVisits: "0" });
  Object.assign(book, { timeZone: "Europe/Berlin", keepCheckIns: "36500", wires: [["keep"], ["answer"]], ...fields });
  const into = (id: string, url: string, property: string, wires: string[]): FlowNode[] => [
    { id: `${id}_in`, type: "http in", z, name: "", url, method: "post", upload: false, wires: [[id]] },
    {
      id,
      type: "change",
      z,
      name: "",
      rules: [{ t: "move", p: "payload", pt: "msg", to: property, tot: "msg" }],
      wires: [wires],
    },
  ];
  flow.push(
    ...into("visit", "/visit", "visit", [BOOK, "taken"]),
    ...into("ask", "/ask", "attendance", [BOOK]),
    { id: "taken", type: "http response", z, name: "", statusCode: "202", headers: {}, wires: [] },
    { id: "answer", type: "http response", z, name: "", statusCode: "", headers: {}, wires: [] },
    { id: "refused", type: "catch", z, name: "", scope: [BOOK], uncaught: false, wires: [["why"]] },
    {
      id: "why",
      type: "change",
      z,
      name: "",
      rules: [{ t: "set", p: "payload", pt: "msg", to: "error.message", tot: "msg" }],
      wires: [["answer"]],
    },
    { id: "keep", type: "json", z, name: "", property: "payload", action: "str", pretty: false, wires: [["write"]] },
    {
      id: "write",
      type: "file",
      z,
      name: "",
      filename: checkIns ?? "/dev/null",
      filenameType: "str",
      appendNewline: true,
      createDir: false,
      overwriteFile: "false",
      encoding: "none",
      wires: [[]],
    },
  );
  return flow;
}

/** Node-RED keeps logins in a file of their own, which it reads as it is where nothing is encrypted. */
export const PLAIN_LOGINS = "credentialSecret: false,";

/** A user folder with a login for Frappe HRMS. */
export function userDirWithLogin(): string {
  const userDir = linkedUserDir();
  const logins = { [BOOK]: { frappeKey: "key", frappeSecret: "secret" } };
  writeFileSync(join(userDir, "flows_cred.json"), JSON.stringify(logins));
  return userDir;
}
