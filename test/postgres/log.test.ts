import { after, before, describe } from "node:test";
import { openPostgresLog } from "../../lib/sites/postgres/log";
import { logSuite } from "../lib/sites/log-suite";
import { noPostgres, PostgresServer } from "../support/postgres";

describe("PostgreSQL", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.create();
  });
  after(() => server.down());

  logSuite({
    name: "PostgreSQL",
    make: async () => {
      const options = server.database();
      return {
        connect: async (site) => openPostgresLog(options, site),
        dump: async () => {
          const copy = server.tool("pg_dump", ["--enable-row-security", options.database], { user: options.user });
          return async () => {
            server.sql(`drop database ${options.database}; create database ${options.database} owner ${options.user}`);
            server.sql(copy, options);
          };
        },
      };
    },
  });
});
