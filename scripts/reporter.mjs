// Node.js's own "spec", which with coverage would also list every line of every file that is not reached: the table by
// folders says it.
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

async function* withoutCoverage(events) {
  for await (const event of events) if (event.type !== "test:coverage") yield event;
}

export default async function* reporter(events) {
  yield* Readable.from(withoutCoverage(events)).pipe(new spec());
}
