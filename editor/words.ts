/** Every visible word is a key of the catalogue that lies beside the plugin. */
const NAMESPACE = "@facewire/node-red-facenet/facenet-sidebar";

export type Values = Record<string, string | number>;

/** The words of a key in the editor's language. */
export function t(key: string, values: Values = {}): string {
  return RED._(`${NAMESPACE}:${key}`, values);
}

/**
 * The words of a key, or others where the catalogue has none: the server may know codes that are newer than this page.
 */
export function known(key: string, otherwise: string, values: Values = {}): string {
  const words = t(key, values);
  return words === key || words === `${NAMESPACE}:${key}` ? otherwise : words;
}

/** Chinese has marks of its own, and no space between sentences. */
const isChinese = (): boolean => RED.i18n.lang().startsWith("zh");

/** "Alice, Bob, Carol". */
export function list(items: readonly string[]): string {
  return items.join(isChinese() ? "、" : ", ");
}

/** "Name: what is wrong with it". */
export function labelled(label: string, words: string): string {
  return `${label}${isChinese() ? "：" : ": "}${words}`;
}

/** " (more)", behind what it is about. */
export function bracketed(words: string): string {
  return isChinese() ? `（${words}）` : ` (${words})`;
}

/** One sentence after the other. */
export function sentences(...all: readonly string[]): string {
  return all.filter((each) => each !== "").join(isChinese() ? "" : " ");
}

/** Who a face is: their name, or why there is none. Whoever cannot be judged is no stranger. */
export function whoIs({ name, outcome, reason }: { name: string | null; outcome: string; reason: string }): string {
  if (name !== null) return name;
  if (reason === "occluded" || reason === "too_dark") return t(`outcome.${reason}`);
  return t(`outcome.${outcome === "match" ? "unknown" : outcome}`);
}

/** The words of whatever was thrown. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** "1 photo", "3 photos". */
export function count(key: string, size: number): string {
  return t(`count.${key}.${size === 1 ? "one" : "other"}`, { number: number(size) });
}

/** That photos which were left out are used again, of somebody who has no other; "" where none is. */
export function usedAgainWords(photos: number, name: string): string {
  return photos === 0 ? "" : t("photo.used-again", { name, photos: count("photo", photos) });
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(RED.i18n.lang(), {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
    // Of a distance less its surroundings, which may be a little below 0: −0 + 0 is 0.
  }).format(Number(value.toFixed(digits)) + 0);
}

/** Less what floating-point arithmetic adds: 0.1 + 0.2 is 0.3, which is not rounded up to more. */
export function exact(value: number): number {
  return Number(value.toPrecision(12));
}

/**
 * A share from 0 to 1.
 * @param precision how exactly it is told; of an interval's ends with `roundingMode` "ceil" or "floor", so that none
 * is told narrower than it is
 */
export function percent(share: number, precision: Intl.NumberFormatOptions = { maximumFractionDigits: 0 }): string {
  return new Intl.NumberFormat(RED.i18n.lang(), { style: "percent", ...precision }).format(exact(share));
}

/** A day and a time, in full. */
export function dateTime(at: number): string {
  return new Intl.DateTimeFormat(RED.i18n.lang(), { dateStyle: "medium", timeStyle: "short" }).format(at);
}

/** "Monday, 2 March 2026". */
export function day(at: number): string {
  return new Intl.DateTimeFormat(RED.i18n.lang(), { dateStyle: "full" }).format(at);
}

/** "14:05", as the language writes it. */
export function timeOfDay(at: number): string {
  return new Intl.DateTimeFormat(RED.i18n.lang(), { timeStyle: "short" }).format(at);
}

/** How long: "1 hr 5 min", "40 sec". @param ms */
export function duration(ms: number): string {
  const unit = (value: number, of: "hour" | "minute" | "second"): string =>
    new Intl.NumberFormat(RED.i18n.lang(), { style: "unit", unit: of, unitDisplay: "short" }).format(value);
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return unit(Math.round(ms / 1000), "second");
  if (minutes < 60) return unit(minutes, "minute");
  const rest = minutes % 60;
  return `${unit(Math.floor(minutes / 60), "hour")}${rest === 0 ? "" : ` ${unit(rest, "minute")}`}`;
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600_000],
  ["month", 2_629_800_000],
  ["week", 604_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** How long ago, as one says it: "3 hours ago", "yesterday", "now". */
export function ago(at: number, now = Date.now()): string {
  const words = new Intl.RelativeTimeFormat(RED.i18n.lang(), { numeric: "auto", style: "short" });
  for (const [unit, length] of STEPS) {
    if (Math.abs(now - at) >= length) return words.format(Math.trunc((at - now) / length), unit);
  }
  return words.format(0, "second");
}

export function bytes(size: number): string {
  const MEGA = 1_048_576;
  return size >= MEGA ? `${number(size / MEGA, 1)} MB` : `${number(Math.ceil(size / 1024))} kB`;
}
