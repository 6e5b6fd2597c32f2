/** GitHub's workflows and forms: they run there, so here they are read. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { NODE_RED } from "../support/node-red";

const ROOT = join(__dirname, "../..");
/** Comes with Node-RED. */
const { load } = createRequire(join(NODE_RED, "package.json"))("js-yaml") as { load: (text: string) => unknown };
const read = <T>(file: string): T => load(readFileSync(join(ROOT, file), "utf8")) as T;

interface Step {
  uses?: string;
  run?: string;
}

interface Workflow {
  on: object;
  permissions: Record<string, string>;
  jobs: Record<
    string,
    { "runs-on": string; "timeout-minutes": number; steps: Step[]; strategy?: { matrix: { os: string[] } } }
  >;
}

interface Form {
  name: string;
  description: string;
  body: { type: string; id?: string; attributes: { label?: string; value?: string; render?: string } }[];
}

const stepsOf = (workflow: Workflow): Step[] => Object.values(workflow.jobs).flatMap(({ steps }) => steps);

describe("GitHub's workflows", () => {
  const test = read<Workflow>(".github/workflows/test.yml");
  const release = read<Workflow>(".github/workflows/release.yml");

  it("test Linux on x64 and arm64, macOS and Windows, and all that the CI script does", () => {
    assert.deepEqual(test.jobs["test"]?.strategy?.matrix.os, [
      "ubuntu-24.04",
      "ubuntu-24.04-arm",
      "macos-14",
      "windows-2022",
    ]);
    assert.ok(stepsOf(test).some(({ run }) => run === "npm test -- --all"));
    assert.ok(stepsOf(test).some(({ run }) => run === ".ci/run" && existsSync(join(ROOT, ".ci/run"))));
  });

  it("publish with provenance, after the tests, what the tag says", () => {
    const runs = stepsOf(release).flatMap(({ run }) => run ?? []);
    const at = (part: string): number => runs.findIndex((run) => run.includes(part));
    assert.ok(at("GITHUB_REF_NAME") >= 0 && at("GITHUB_REF_NAME") < at("npm publish"));
    assert.ok(at("npm test -- --all") >= 0 && at("npm test -- --all") < at("npm publish --provenance"));
  });

  it("may do no more than they need, and end", () => {
    for (const workflow of [test, release]) {
      assert.deepEqual(workflow.permissions, { contents: "read" });
      for (const job of Object.values(workflow.jobs)) assert.ok(job["timeout-minutes"] <= 90);
      for (const { uses } of stepsOf(workflow)) if (uses !== undefined) assert.match(uses, /^actions\/[\w-]+@v\d+$/);
    }
  });
});

describe("the forms of a report", () => {
  const folder = ".github/ISSUE_TEMPLATE";

  it("have a name, and fields with labels and ids of their own", () => {
    const forms = readdirSync(join(ROOT, folder)).filter((name) => name !== "config.yml");
    assert.deepEqual(forms, ["bug.yml", "idea.yml"]);
    for (const file of forms) {
      const { name, description, body } = read<Form>(`${folder}/${file}`);
      assert.ok(name !== "" && description !== "", file);
      const fields = body.filter(({ type }) => type !== "markdown");
      for (const { type, id, attributes } of fields) {
        assert.match(type, /^(?:textarea|input|dropdown|checkboxes)$/);
        assert.match(id ?? "", /^[a-z]+$/);
        assert.notEqual(attributes.label ?? "", "");
      }
      assert.equal(new Set(fields.map(({ id }) => id)).size, fields.length);
    }
  });

  it("ask for the diagnosis, which the sidebar has under this name", () => {
    const bug = readFileSync(join(ROOT, folder, "bug.yml"), "utf8");
    const words = JSON.parse(
      readFileSync(join(ROOT, "plugins/facenet-sidebar/locales/en-US/facenet-sidebar.json"), "utf8"),
    ) as { diagnosis: { button: string } };
    assert.ok(bug.includes(`*${words.diagnosis.button}*`));
  });
});

describe("the documents", () => {
  it("name folders, scripts and files that are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const pages = [
      "CONTRIBUTING.md",
      "SECURITY.md",
      ...readdirSync(join(ROOT, "docs/adr")).map((name) => `docs/adr/${name}`),
    ];
    const missing = pages.flatMap((page) => {
      const text = readFileSync(join(ROOT, page), "utf8");
      const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = ""]) => join(page, "..", path));
      const runs = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name);
      const files = [...text.matchAll(/`((?:lib|nodes|api|editor|scripts|test|docs)\/[\w./-]*)`/g)].map(
        ([, path = ""]) => path,
      );
      return [
        ...[...links, ...files].filter((path) => !existsSync(join(ROOT, path))),
        ...runs.filter((name) => scripts[name] === undefined),
      ].map((what) => `${page}: ${what}`);
    });
    assert.deepEqual(missing, []);
  });
});
