/** Imports a zip into a gallery with visits and attendance books, and says how it goes. Killed by the test. */
import { createReadStream, writeSync } from "node:fs";
import { importInto } from "../../../lib/people/archive";
import { type Beside, besideOf } from "./beside";

export interface Orders {
  folder: string;
  zip: string;
}

const STDOUT = 1;

async function main(): Promise<void> {
  const { folder, zip } = JSON.parse(process.argv[2] ?? "") as Orders;
  const beside: Beside = await besideOf(folder);
  writeSync(STDOUT, "open\n");
  await importInto(beside.store, createReadStream(zip), { parts: await beside.parts() });
  writeSync(STDOUT, "imported\n");
  await beside.close();
}

void main();
