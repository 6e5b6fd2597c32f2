/** Times of the week in a form: a list, each line with its days, from and to. */
import { h } from "./dom.js";
import { t } from "./words.js";

interface Rule {
  days?: readonly number[];
  from?: string;
  to?: string;
}

const WORKDAYS: readonly number[] = [1, 2, 3, 4, 5];
const LIST = "facenet-schedule";

/** Monday to Sunday as the reader's language shortens them; 2024-01-01 was a Monday. */
const dayNames = (): string[] =>
  [1, 2, 3, 4, 5, 6, 7].map((day) => new Date(2024, 0, day).toLocaleDateString(RED.i18n.lang(), { weekday: "short" }));

/** @param list an empty ol of the form @param isTime what a field of a time may have */
export function editSchedule(list: HTMLElement, rules: unknown, isTime: (text: string) => boolean): void {
  list.classList.add(LIST);
  const view = $(list);
  view.editableList({
    addButton: t("forms.schedule-add"),
    removable: true,
    sortable: false,
    height: "auto",
    addItem: (container, _index, rule) => container[0]?.append(...lineOf(rule, isTime)),
  });
  if (Array.isArray(rules)) for (const rule of rules as object[]) view.editableList("addItem", rule);
}

function lineOf({ days = WORKDAYS, from = "08:00", to = "18:00" }: Rule, isTime: (text: string) => boolean): Node[] {
  const boxes = dayNames().map((name, index) => {
    const box = h("input", { type: "checkbox", value: index + 1, style: "width:auto;margin:0 2px 0 0" });
    box.checked = days.includes(index + 1);
    return h("label", { style: "width:auto;margin:0 6px 0 0" }, box, h("span", {}, name));
  });
  const time = (which: "from" | "to", value: string): HTMLElement => {
    const input: HTMLInputElement = h("input", {
      type: "text",
      placeholder: "08:00",
      "aria-label": t(`forms.schedule-${which}`),
      style: "width:6em",
      "data-time": which,
      input: () => input.classList.toggle("input-error", !isTime(input.value.trim())),
    });
    input.value = value;
    return input;
  };
  return [...boxes, time("from", from), h("span", {}, " – "), time("to", to)];
}

/** What the list has now. */
export function readSchedule(list: HTMLElement): Required<Rule>[] {
  return [...list.querySelectorAll<HTMLElement>(".red-ui-editableList-item-content")].map((item) => {
    const time = (which: string): string =>
      item.querySelector<HTMLInputElement>(`[data-time="${which}"]`)?.value.trim() ?? "";
    const days = [...item.querySelectorAll<HTMLInputElement>("input[type=checkbox]:checked")].map(({ value }) =>
      Number(value),
    );
    return { days, from: time("from"), to: time("to") };
  });
}
