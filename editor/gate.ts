/** What the form of a gate offers beside its fields: second factors of people, who is locked out, and the log. */
import type { GateAnswer, GateLogRow, GateLogVerification } from "../api/gate-answers";
import type { PeoplePage } from "../lib/search/entries";
import { ask, getJson, pathOf, send } from "./api.js";
import { attempt, dialog } from "./dialogs.js";
import { button, empty, field, fill, h, liveLine, select, writeButton } from "./dom.js";
import { saveAs } from "./save-as.js";
import { dateTime, known, number, t } from "./words.js";

type OfPerson = GateAnswer["people"][number];

/** Reasons as the node's badge has them. */
const OF_NODE = "@facewire/node-red-facenet/face-gate:face-gate.status.";
/** As many people as the API lists at once. */
const MOST_LISTED = 1000;
const ROWS = 50;
const SECOND_MS = 1000;
const CODE_MINUTES = 60;
const KINDS = ["pin", "badge", "qr", "code"] as const;
type Kind = (typeof KINDS)[number];

/** Which gate it is: the ids as they are deployed. */
export interface GateOfForm {
  id: string;
  gallery: string;
}

/** @param now the gate as the form has it now */
export function gateTools(now: () => GateOfForm): (Node | string)[] {
  return [
    button(t("gate.factors"), () => attempt(() => showFactors(now())), { icon: "key" }),
    " ",
    button(t("gate.log"), () => attempt(() => showLog(now())), { icon: "list-alt" }),
  ];
}

const close = { label: t("close"), answer: true, primary: true } as const;

async function showFactors({ id, gallery }: GateOfForm): Promise<void> {
  const path = (...parts: readonly string[]): string => pathOf(gallery, "gates", id, ...parts);
  const { people } = await getJson<PeoplePage>(`${pathOf(gallery, "people")}?limit=${MOST_LISTED}`);
  const read = async (): Promise<GateAnswer> => {
    const found = (await getJson<GateAnswer[]>(pathOf(gallery, "gates"))).find((each) => each.id === id);
    if (found === undefined) throw new Error(t("gate.undeployed"));
    return found;
  };
  const gate = await read();
  const said = liveLine();
  const shown = h("ul", { class: "facenet-corrections", role: "list" });
  const lock = h("div", { class: "facenet-correction" });
  const show = (now: GateAnswer): void => {
    fill(lock, ...lockLine(now));
    fill(
      shown,
      ...(now.people.length === 0
        ? [h("li", {}, empty("key", t("gate.no-factors"), t("gate.no-factors-hint")))]
        : now.people.map(personLine)),
    );
  };
  const change = (work: () => Promise<GateAnswer>, words: string): void => {
    attempt(async () => {
      show(await work());
      said.textContent = words;
    });
  };
  const reset = (person: string | null, words: string): HTMLElement =>
    writeButton(t("gate.reset"), () => {
      change(() => send<GateAnswer>("POST", path("reset"), { person }), words);
    });
  const lockLine = (now: GateAnswer): (Node | string)[] =>
    now.failures === 0
      ? [h("span", {}, t("gate.unlocked"))]
      : [h("span", {}, lockWords(now)), reset(null, t("gate.unlocked"))];
  const personLine = (each: OfPerson): HTMLElement => {
    const { person, kinds, codes, failures } = each;
    const name = each.name ?? t("gate.deleted");
    const remove = (kind: Kind, words: string): HTMLElement =>
      writeButton(
        words,
        () => {
          change(() => send<GateAnswer>("DELETE", path("people", person, "factors", kind)), t("gate.removed"));
        },
        { icon: "trash-o", title: t("gate.remove", { what: words, name }) },
      );
    return h(
      "li",
      { class: "facenet-correction" },
      h("span", {}, name, failures > 0 && h("span", { class: "facenet-sub" }, ` ${lockWords(each)}`)),
      h(
        "span",
        {},
        ...kinds.map((kind) => remove(kind, t(`gate.kind.${kind}`))),
        codes.length > 0 && remove("code", t("gate.codes", { number: number(codes.length) })),
        failures > 0 && reset(person, t("gate.unlocked")),
      ),
    );
  };
  show(gate);
  let person = people[0]?.id ?? "";
  let kind: Kind = "pin";
  const value = h("input", { type: "password", autocomplete: "off" });
  const give = (): void => {
    attempt(async () => {
      if (kind === "code") {
        const minutes = Number(value.value) || CODE_MINUTES;
        const { code, until } = await send<{ code: string; until: number }>("POST", path("people", person, "codes"), {
          minutes,
        });
        said.textContent = t("gate.code", { code, until: dateTime(until) });
        show(await read());
        return;
      }
      show(await send<GateAnswer>("POST", path("people", person, "factors"), { kind, value: value.value }));
      value.value = "";
      said.textContent = t("gate.kept");
    });
  };
  const hint = h("span", {}, t("gate.hint.pin"));
  const whose = select(
    people.map((each) => ({ value: each.id, label: each.name })),
    person,
    (chosen) => {
      person = chosen;
    },
  );
  const what = select(
    KINDS.map((each) => ({ value: each, label: t(`gate.kind.${each}`) })),
    kind,
    (chosen) => {
      kind = chosen as Kind;
      value.type = kind === "code" ? "number" : "password";
      value.value = kind === "code" ? String(CODE_MINUTES) : "";
      hint.textContent = t(`gate.hint.${kind}`);
    },
  );
  await dialog(
    t("gate.factors"),
    [
      h("p", {}, t("gate.explained"), " ", t(gate.shared ? "gate.shared" : "gate.own")),
      !gate.sealed && h("p", { class: "facenet-note", role: "note" }, t("gate.unsealed")),
      lock,
      shown,
      said,
      ...(people.length === 0
        ? []
        : [
            field(t("gate.person"), whose),
            field(t("gate.what"), what),
            field(t("gate.value"), value),
            h("div", { class: "facenet-hint" }, hint),
            h("div", {}, writeButton(t("gate.give"), give, { icon: "key" })),
          ]),
    ],
    [close],
  );
}

function lockWords({ failures, off, wait }: Pick<OfPerson, "failures" | "off" | "wait">): string {
  if (off) return t("gate.off", { failures: number(failures) });
  return wait > 0
    ? t("gate.wait", { failures: number(failures), seconds: number(Math.ceil(wait / SECOND_MS)) })
    : t("gate.failures", { failures: number(failures) });
}

async function showLog({ id, gallery }: GateOfForm): Promise<void> {
  const path = (...parts: readonly string[]): string => pathOf(gallery, "gates", id, ...parts);
  const body = h("tbody");
  const said = liveLine();
  let below: number | undefined;
  const older = button(t("gate.older"), () => attempt(more));
  const more = async (): Promise<void> => {
    const query = new URLSearchParams({
      limit: String(ROWS),
      ...(below === undefined ? {} : { below: String(below) }),
    });
    const rows = await getJson<GateLogRow[]>(`${path("log")}?${query.toString()}`);
    body.append(...rows.map(rowOf));
    below = rows.at(-1)?.sequence;
    older.hidden = rows.length < ROWS;
  };
  await more();
  const check = async (): Promise<void> => {
    const { ok, entries, broken, last } = await getJson<GateLogVerification>(path("verify"));
    said.textContent =
      ok || broken === null
        ? t("gate.holds", { entries: number(entries), head: last === null ? "" : `${last.sequence}:${last.hash}` })
        : t("gate.breaks", {
            sequence: number(broken.sequence),
            fault: known(`gate.fault.${broken.fault}`, broken.fault),
          });
  };
  const table = async (): Promise<void> => {
    saveAs(await (await ask(path("log.csv"))).blob(), "gate-log.csv");
  };
  await dialog(
    t("gate.log"),
    [
      h(
        "div",
        { class: "facenet-gate-log", tabindex: "0" },
        h(
          "table",
          {},
          h(
            "thead",
            {},
            h("tr", {}, ...["time", "what", "who", "factor"].map((each) => h("th", {}, t(`gate.${each}`)))),
          ),
          body,
        ),
      ),
      h(
        "div",
        {},
        older,
        " ",
        button(t("gate.check"), () => attempt(check), { icon: "link" }),
        " ",
        button(t("gate.csv"), () => attempt(table), { icon: "download" }),
      ),
      said,
    ],
    [close],
  );
}

function rowOf({ sequence, at, kind, reason, factor, known: of, details }: GateLogRow): HTMLElement {
  const what = reason === null ? known(`gate.entry.${kind}`, kind) : RED._(`${OF_NODE}${reason}`);
  // Somebody was there, and was deleted since.
  const who = of?.name ?? (details !== null && of === null ? t("gate.deleted") : "");
  return h(
    "tr",
    { title: String(sequence) },
    h("td", {}, dateTime(at)),
    h("td", {}, what),
    h("td", {}, who),
    h("td", {}, factor === null ? "" : t(`gate.kind.${factor}`)),
  );
}
