/** What the schemas of the API describe: its answers, and the file that programs are made from. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkAnswer } from "../support/api";

const ROOT = join(__dirname, "../..");

const answered = (body: unknown, status = 200): Response => Response.json(body, { status });
const receipt = {
  what: "photo",
  id: "0123456789abcdef",
  name: null,
  at: 1,
  photos: 1,
  embeddings: 1,
  thumbnails: 1,
  visits: 0,
  backups: 0,
};

describe("the description of the API", () => {
  it("is the file that npm run openapi writes, byte by byte", () => {
    const file = join(mkdtempSync(join(tmpdir(), "openapi-")), "openapi.json");
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const [program, ...args] = scripts["openapi"]?.split(" ") ?? [];
    assert.equal(program, "node");
    execFileSync(process.execPath, [...args, file], { cwd: ROOT, timeout: 60_000 });
    assert.equal(
      readFileSync(join(ROOT, "docs/openapi.json"), "utf8"),
      readFileSync(file, "utf8"),
      "the schemas have changed: run npm run openapi",
    );
  });

  it("leaves no object of an answer open to fields that it does not name", () => {
    const { paths, components } = JSON.parse(readFileSync(join(ROOT, "docs/openapi.json"), "utf8")) as {
      paths: Record<string, Record<string, { responses: object }>>;
      components: { schemas: object };
    };
    const open: string[] = [];
    const walk = (value: unknown, place: string): void => {
      if (typeof value !== "object" || value === null) return;
      const { type, properties, additionalProperties } = value as Record<string, unknown>;
      if (type === "object" && properties !== undefined && additionalProperties !== false) open.push(place);
      for (const [key, each] of Object.entries(value)) walk(each, `${place}/${key}`);
    };
    for (const [path, operations] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(operations)) walk(responses, `${method} ${path}`);
    walk(components.schemas, "schemas");
    assert.deepEqual(
      [...new Set(open.map((place) => place.split("/responses/")[0]?.replace(/\/200\/.*/, "")))],
      ["get /facenet/api/openapi.json"],
      "the description describes itself by OpenAPI's own schema",
    );
  });
});

describe("the check of answers that the tests use", () => {
  const check = (body: unknown, status?: number): Promise<unknown> =>
    checkAnswer("DELETE", "http://localhost:1880/facenet/api/g/people/0123456789ab", answered(body, status));

  it("takes what is described", async () => {
    assert.notEqual(await check(receipt), undefined);
    assert.equal(await check({ error: "there is no such person.", code: "not_found" }, 404), undefined);
  });

  it("fails at a field that is not described, that is missing, or that is of another kind", async () => {
    await assert.rejects(check({ ...receipt, embedding: [0.1] }), /embedding/);
    await assert.rejects(check({ ...receipt, name: undefined }), /name/);
    await assert.rejects(check({ ...receipt, photos: "1" }), /photos/);
    await assert.rejects(check({ error: "no.", code: "not_found", stack: "at x" }, 404), /stack/);
  });

  it("fails at a status that is not described", async () => {
    await assert.rejects(check(receipt, 201));
    await assert.rejects(check({ error: "no picture.", code: "no_picture" }, 422), /422 is described/);
  });
});
