/** A worker that does what its task says: dies, hangs, throws or answers. */
export default async function task(what: "die" | "hang" | "throw" | "answer"): Promise<string> {
  if (what === "die") process.exit(3);
  if (what === "throw") throw new Error("as asked");
  if (what === "hang") await new Promise(() => undefined);
  return "done";
}
