// The message contract as a JSON Schema, from the schemas that the nodes check messages with. `npm run contract`
// writes it.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { contractSchema } from "../lib/contract-schema.ts";

const file = fileURLToPath(new URL("../docs/message.schema.json", import.meta.url));
writeFileSync(file, `${JSON.stringify(contractSchema(), null, 2)}\n`);
