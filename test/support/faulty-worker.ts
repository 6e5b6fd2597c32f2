/** A worker that does what its task says: dies, hangs, throws or answers; or cannot even start, where FAULTY_WORKER says so. */
if (process.env["FAULTY_WORKER"] === "broken") throw new Error("no room");

export default async function task(what: "die" | "hang" | "throw" | "answer"): Promise<string> {
  if (what === "die") process.exit(3);
  if (what === "throw") throw new Error("as asked");
  if (what === "hang") await new Promise(() => undefined);
  return "done";
}
