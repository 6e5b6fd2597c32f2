/**
 * The networks in the forms of facenet-embed and face-gallery: those of model packs join the choice, what is known of
 * the chosen one stands below it, and more can be downloaded.
 */
import type { Share } from "../lib/calibrate/statistics";
import type { ListedModel } from "../lib/models/list";
import { getJson, modelsPath, pathOf, send } from "./api.js";
import { tellError } from "./dialogs.js";
import { fill, h, icon, writeButton } from "./dom.js";
import { bytes, errorMessage, exact, known as knownWords, number, sentences, t } from "./words.js";

/** Between two looks at a download. */
const LOOK_MS = 1000;
const ID = /^[\w.+-]{1,100}$/;

/** As the server told them last; undefined before it did. */
let known: readonly ListedModel[] | undefined;

async function look(): Promise<readonly ListedModel[]> {
  known = await getJson<ListedModel[]>(modelsPath);
  return known;
}

/** Ids of the packs that are here. */
function packIds(rows: readonly ListedModel[]): string[] {
  return rows.flatMap(({ id, kind, from }) =>
    id !== null && kind === "embedder" && (from === "folder" || from === "package") ? [id] : [],
  );
}

/** Whether a pack has this id, as far as it is known: before the server was asked it may be. */
export function mayBePack(id: string): boolean {
  return ID.test(id) && (known === undefined || packIds(known).includes(id));
}

// Nodes are looked at when the editor opens, which must not wait for the server.
void look().catch(() => undefined);

/** Let the choice of a model have the packs, too, and put what is known of them below it. */
export function offerModels(select: HTMLSelectElement, value: unknown): void {
  const builtIn = new Set([...select.options].map((option) => option.value));
  const own = [...select.options].find((option) => option.value === "file");
  const packs = h("optgroup", { label: t("models.packs"), hidden: true });
  const about = h("div", { class: "facenet-model-about", "aria-live": "polite" });
  const more = h("details", { class: "facenet-model-more", hidden: true }, h("summary", {}, t("models.more")));
  const list = h("div", { class: "facenet-model-list" });
  more.append(list);
  const row = h("div", { class: "form-row facenet-models" }, about, more);
  select.closest(".form-row")?.after(row);
  if (own === undefined) select.append(packs);
  else own.before(packs);

  const chosen = (): ListedModel | undefined => known?.find(({ id }) => id !== null && id === select.value);
  /** What the node has must be there before the server has answered, or it would be lost. */
  const offer = (kept: string): void => {
    const rows = known ?? [];
    const ids = packIds(rows);
    if (kept !== "" && !builtIn.has(kept) && ID.test(kept) && !ids.includes(kept)) ids.push(kept);
    fill(packs, ...ids.map((id) => h("option", { value: id }, nameOf(rows, id))));
    packs.hidden = ids.length === 0;
    if (kept !== "") select.value = kept;
  };
  const show = (): void => {
    const model = chosen();
    fill(about, ...(model === undefined ? [] : linesOf(model)));
    about.hidden = about.childElementCount === 0;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const refresh = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      const rows = await look();
      // The form was closed meanwhile.
      if (!row.isConnected) return;
      const before = select.value;
      offer(before);
      show();
      if (select.value !== before) select.dispatchEvent(new Event("change", { bubbles: true }));
      showList(rows);
    } catch (error) {
      if (row.isConnected) fill(about, errorMessage(error));
    }
  };
  const showList = (rows: readonly ListedModel[]): void => {
    const offered = rows.filter(({ from, kind }) => from === "offered" && kind === "embedder");
    const broken = rows.filter(({ problem }) => problem !== null);
    more.hidden = offered.length + broken.length === 0;
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && list.contains(active) ? active.dataset["model"] : undefined;
    fill(
      list,
      ...offered.map((model) => offeredRow(model, act)),
      ...broken.map(({ problem }) =>
        h("div", { class: "facenet-model-problem" }, icon("warning"), " ", problem ?? ""),
      ),
    );
    // Whoever works with the keyboard stays where they were.
    if (focused !== undefined) list.querySelector<HTMLElement>(`[data-model="${CSS.escape(focused)}"]`)?.focus();
    if (offered.some(({ download }) => download?.state === "running"))
      timer = setTimeout(() => {
        void refresh();
      }, LOOK_MS);
  };
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      tellError(error);
    }
    await refresh();
  };

  // A choice that lacks what it was set to shows another: what the node has decides.
  offer(typeof value === "string" ? value : "");
  show();
  select.addEventListener("change", show);
  void refresh();
}

function nameOf(rows: readonly ListedModel[], id: string): string {
  const model = rows.find((row) => row.id === id && (row.from === "folder" || row.from === "package"));
  return model === undefined
    ? known === undefined
      ? id
      : t("models.missing", { id })
    : `${model.name ?? id} · ${model.licence ?? ""}`;
}

const percent = (share: number): string => number(100 * share, 2);
/** What a share is at most, is never rounded to less. */
const percentAtMost = (share: number): string => number(Math.ceil(exact(10_000 * share)) / 100, 2);

/** What is known of a network, as sentences. */
function linesOf({
  id,
  licence,
  size,
  measured,
  threshold,
  cohortThreshold,
  needs,
  origin,
}: ListedModel): HTMLElement[] {
  const sizeText = size === null ? "" : t("models.size", { size: bytes(size) });
  // A built-in network's is told of its file and of its weights; the others' is a name of SPDX.
  const licenceText = t("models.licence", {
    licence: knownWords(`models.licence-of.${id ?? ""}`, licence ?? "?"),
  });
  return [
    h("div", {}, `${sentences(licenceText, sizeText)} `, origin !== null && linkTo(origin)),
    h("div", {}, measured?.fmr == null ? t("models.unmeasured") : measuredText(measured, measured.fmr)),
    ...(cohortThreshold === null && threshold !== null
      ? [h("div", {}, t("models.no-cohort", { threshold: number(threshold, 3) }))]
      : []),
    ...(needs === null ? [] : [h("div", {}, icon("warning"), " ", t(`models.needs.${needs.code}`))]),
  ];
}

function measuredText({ people, photos, threshold, fnmr }: NonNullable<ListedModel["measured"]>, fmr: Share): string {
  const rates = { threshold: number(threshold, 2), fmr: percent(fmr.share), high: percentAtMost(fmr.high) };
  const text = t("models.measured", { people: number(people), photos: number(photos), ...rates });
  return fnmr === null ? text : sentences(text, t("models.known", { tmr: number(100 * (1 - fnmr.share), 1) }));
}

function linkTo(address: string): HTMLElement | string {
  // A pack may say anything; only a page is a link.
  return /^https?:\/\//.test(address)
    ? h("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, t("models.origin"))
    : address;
}

/** A network that can be downloaded. */
function offeredRow(model: ListedModel, act: (work: () => Promise<unknown>) => Promise<void>): HTMLElement {
  const { id, name, size, licence, origin, download, needs } = model;
  const path = pathOf("models", id ?? "", "download");
  const title = h(
    "div",
    { class: "facenet-model-name" },
    `${name ?? id ?? ""} · ${licence ?? ""} · ${bytes(size ?? 0)} `,
    origin === null ? false : linkTo(origin),
  );
  const mark = <E extends HTMLElement>(element: E): E => {
    element.dataset["model"] = id ?? "";
    return element;
  };
  if (download?.state === "running") {
    const progress = h("progress", {
      max: download.size,
      value: download.received,
      "aria-label": t("models.progress", { name: name ?? "" }),
    });
    const far = h("span", {}, t("models.far", { received: bytes(download.received), size: bytes(download.size) }));
    return h(
      "div",
      {},
      title,
      progress,
      " ",
      far,
      " ",
      mark(
        writeButton(t("models.cancel"), () => {
          void act(() => send("DELETE", path));
        }),
      ),
    );
  }
  const again = download?.state === "failed";
  const begin = mark(
    writeButton(
      t(again ? "models.again" : "models.download"),
      () => {
        void act(() => send("POST", path, {}));
      },
      { icon: "download" },
    ),
  );
  return h(
    "div",
    {},
    title,
    begin,
    again && h("div", { class: "facenet-model-problem", role: "alert" }, icon("warning"), " ", download.error ?? ""),
    needs !== null && h("div", {}, t(`models.needs.${needs.code}`)),
  );
}
