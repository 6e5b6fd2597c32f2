// `npm run openapi`: write docs/openapi.json, or another file, from the schemas of api/.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { routes } from "../api/api.ts";
import { describeApi } from "../api/openapi.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const [file = join(root, "docs/openapi.json")] = process.argv.slice(2);
writeFileSync(file, `${JSON.stringify(describeApi(routes), null, 2)}\n`);
