import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../lib/people/lmdb/store";
import { testStore } from "./store-suite";

testStore({
  name: "LMDB",
  place: () => join(mkdtempSync(join(tmpdir(), "suite-")), "people"),
  open: (folder) => openStore({ folder }),
  // Each deletion would write these anew too, in a process of its own.
  whileClosed: (folder) => rmSync(join(folder, "backups"), { recursive: true, force: true }),
  writes: 500,
});
