/**
 * What a change of a gallery's network costs and whom it leaves behind, in words: for the sidebar, and for the
 * gallery's form.
 */
import type { LeftBehind, NetworkEstimate, NetworkState } from "../lib/gallery/network-state";
import { getJson, pathOf } from "./api.js";
import { type Child, fill, h } from "./dom.js";
import { bytes, count, errorMessage, known, list, number, t } from "./words.js";

/** People whose names are told; of more the number. */
const MOST_NAMES = 10;
const MINUTE_S = 60;
/** Of a network, not a path or a variable. */
const ID = /^[\w.+-]+$/;

/** Measured by the server, on the gallery's own photos. @throws ApiError */
export function estimateOf(gallery: string, key: string): Promise<NetworkEstimate> {
  const query = new URLSearchParams({ network: key }).toString();
  return getJson<NetworkEstimate>(`${pathOf(gallery, "network", "estimate")}?${query}`);
}

/**
 * Tell in the form of a deployed gallery what the network that is chosen there would cost, before anybody deploys it.
 * @param chosen what findModel takes, or "" where that is not known yet
 */
export function tellChange(
  gallery: string,
  row: HTMLElement,
  chosen: () => string,
  fields: readonly HTMLElement[],
): void {
  const words = row.querySelector(".form-tips");
  let asked = "";
  const show = (...children: readonly Child[]): void => {
    row.style.display = children.length === 0 ? "none" : "";
    if (words !== null) fill(words, ...children);
  };
  const look = async (): Promise<void> => {
    const key = chosen();
    if (key === asked) return;
    asked = key;
    show();
    // A file is looked at by the runtime alone, once it is deployed.
    if (!ID.test(key) || key.endsWith(".json")) return;
    // A gallery that is not deployed has nobody to take along.
    const network = await getJson<NetworkState | null>(pathOf(gallery, "network")).catch(() => null);
    if (network === null || key === network.key || key === network.change?.key || asked !== key) return;
    show(h("p", {}, t("network.measuring")));
    const told = await estimateOf(gallery, key).then(
      (estimate) => [gainOf(key), h("p", {}, costWords(estimate)), ...leftWords(estimate.leftBehind)],
      (error: unknown) => [h("p", {}, errorMessage(error))],
    );
    if (asked === key) show(...told);
  };
  const onChange = (): void => {
    void look();
  };
  for (const field of fields) field.addEventListener("change", onChange);
  onChange();
}

export function nameOf(key: string): string {
  // A path has no words.
  return !/^[\w-]+$/.test(key) ? key : known(`network.name.${key}`, key);
}

/** What a network is better at, in figures, where they were measured. */
export function gainOf(key: string): HTMLElement | null {
  const words = /^[\w-]+$/.test(key) ? known(`network.gain.${key}`, "") : "";
  return words === "" ? null : h("p", {}, words);
}

export function costWords({ photos, seconds, bytes: size, leftBehind }: NetworkEstimate): string {
  if (photos === 0 || seconds === null)
    return t(leftBehind.photos === 0 ? "network.cost-nothing" : "network.cost-none");
  return t("network.cost", {
    photos: count("photo", photos),
    each: number(seconds / photos, 2),
    time: timeWords(seconds),
    size: bytes(size),
  });
}

export function timeWords(seconds: number): string {
  return seconds < MINUTE_S
    ? count("second", Math.max(1, Math.ceil(seconds)))
    : count("minute", Math.ceil(seconds / MINUTE_S));
}

export function leftWords({ photos, people, strangers, corrections }: LeftBehind): HTMLElement[] {
  const names = list(people.slice(0, MOST_NAMES).map(({ name }) => name));
  const more = people.length - MOST_NAMES;
  return [
    ...(people.length === 0
      ? []
      : [
          h(
            "p",
            { class: "facenet-network-left" },
            t("network.left-people", {
              people: count("person", people.length),
              names: more > 0 ? t("network.and-more", { names, number: number(more) }) : names,
            }),
          ),
        ]),
    ...(photos === 0 ? [] : [h("p", {}, t("network.left-photos", { photos: count("photo", photos) }))]),
    ...(strangers === 0 ? [] : [h("p", {}, t("network.left-strangers", { number: number(strangers) }))]),
    ...(corrections === 0 ? [] : [h("p", {}, t("network.left-corrections", { number: number(corrections) }))]),
  ];
}
