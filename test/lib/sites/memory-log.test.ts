import { MemoryLog } from "../../support/memory-log";
import { logSuite } from "./log-suite";

logSuite({
  name: "in memory",
  make: async () => {
    const log = new MemoryLog();
    return {
      connect: async (site) => log.connect(site),
      dump: async () => {
        const copy = log.dump();
        return async () => log.restore(copy);
      },
    };
  },
});
