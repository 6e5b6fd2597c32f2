/** Who is it? One dialog wherever people name somebody, and one way to go on where the server asks first. */
import type { PeoplePage } from "../lib/search/entries";
import { getJson, pathOf, send } from "./api.js";
import { attempt, dialog } from "./dialogs.js";
import { type Child, field, fill, h } from "./dom.js";
import { acceptable, acceptWords, findingList, findingsOf } from "./judgement.js";
import { t } from "./words.js";

const SUGGEST_DELAY_MS = 150;
const SUGGESTIONS = 8;
const LONGEST_NAME = "80";

export interface NameQuestion {
  title: string;
  hint: string;
  /** What the button says. */
  action: string;
  /** Shown above the field. */
  above?: Child;
}

/** Ask for a name; those that are known are suggested. @returns undefined when it was called off */
export async function askName(
  gallery: string,
  { title, hint, action, above }: NameQuestion,
): Promise<string | undefined> {
  const names = h("datalist", { id: "facenet-names" });
  const input = h("input", { type: "text", autocomplete: "off", maxlength: LONGEST_NAME, list: "facenet-names" });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const suggest = async (): Promise<void> => {
    const query = new URLSearchParams({ search: input.value.trim(), limit: String(SUGGESTIONS) });
    const { people } = await getJson<PeoplePage>(`${pathOf(gallery, "people")}?${query.toString()}`);
    fill(names, ...people.map(({ name }) => h("option", { value: name })));
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      attempt(suggest);
    }, SUGGEST_DELAY_MS);
  });
  attempt(suggest);
  const given = (): string | undefined => (input.value.trim() === "" ? undefined : input.value.trim());
  const name = await dialog<string>(
    title,
    [above, field(t("person.name"), input, hint), names],
    [
      { label: t("cancel"), answer: "" },
      { label: action, answer: given, primary: true },
    ],
  );
  clearTimeout(timer);
  return name === undefined || name === "" ? undefined : name;
}

/** Send a name; where the face is doubtful, show why and ask. @returns whether it was done */
export async function sendName(path: string, name: string, accept: readonly string[] = []): Promise<boolean> {
  try {
    await send("POST", path, { name, ...(accept.length === 0 ? {} : { accept }) });
    return true;
  } catch (error) {
    const findings = findingsOf(error);
    if (!acceptable(findings)) throw error;
    const anyway = await dialog<boolean>(
      t("photos.asks"),
      [h("p", {}, t("unknowns.asks", { name })), findingList(findings)],
      [
        { label: t("cancel"), answer: false },
        { label: acceptWords(findings), answer: true, primary: true },
      ],
    );
    return (
      anyway === true &&
      sendName(
        path,
        name,
        findings.map(({ code }) => code),
      )
    );
  }
}
