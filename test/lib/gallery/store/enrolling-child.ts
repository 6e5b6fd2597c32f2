/** Enrols people for ever, and says of each when the promise has resolved. Killed by the test. */
import { openStore } from "../../../../lib/gallery/store/store";
import { entryOf } from "./entries";

const [, , folder = "", first = "0"] = process.argv;

async function main(): Promise<void> {
  const store = await openStore({ folder });
  process.stdout.write("open\n");
  for (let number = Number(first); ; number += 1) {
    await store.addPhoto(entryOf(number));
    process.stdout.write(`${number}\n`);
  }
}

void main();
