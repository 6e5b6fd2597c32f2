import { UserError } from "../../lib/errors";
import { telling } from "../../lib/workers/refusal";

/** A worker that does what its task says: dies, hangs, throws or answers; or cannot even start, where FAULTY_WORKER says so. */
if (process.env["FAULTY_WORKER"] === "broken") throw new Error("no room");

export default telling(task);

async function task(what: "die" | "hang" | "throw" | "refuse" | "answer"): Promise<string> {
  if (what === "die") process.exit(3);
  if (what === "throw") throw new Error("as asked");
  if (what === "refuse") throw new UserError("send another picture.");
  if (what === "hang") await new Promise(() => undefined);
  return "done";
}
