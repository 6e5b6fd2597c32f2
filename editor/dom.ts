/** Elements, made of text and other elements; nothing here ever reads a string as HTML. */
import { errorMessage, t } from "./words.js";

export type Child = Node | string | false | null | undefined;
type Attribute = string | number | boolean | undefined | ((event: Event) => void);

/** An element. Functions become listeners ("click"), true an empty attribute, false and undefined none. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  fill(element, ...children);
  return element;
}

/** Put these children in place of what is there. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(
    ...children.filter((child): child is Node | string => child !== false && child !== null && child !== undefined),
  );
}

/**
 * Show a list anew. What somebody is about to press must not be taken away by that: the focus stays on the same
 * control of the same item, of those with a data-id.
 * @returns false where it had the focus, and that control is gone
 */
export function keepFocus(list: Element, show: () => void): boolean {
  const { activeElement } = document;
  const focused = list.contains(activeElement)
    ? [activeElement?.closest("li")?.dataset["id"], activeElement?.className]
    : undefined;
  show();
  if (focused === undefined) return true;
  const [id = "", kind] = focused;
  const controls = list.querySelectorAll<HTMLElement>(`li[data-id="${CSS.escape(id)}"] :is(button, input)`);
  const control = [...controls].find(({ className }) => className === kind);
  control?.focus();
  return control !== undefined;
}

/** An icon of Font Awesome 4, which Node-RED brings; it says nothing to a screen reader. */
export function icon(name: string): HTMLElement {
  return h("i", { class: `fa fa-${name}`, "aria-hidden": "true" });
}

export interface ButtonOptions {
  icon?: string;
  /** What it does where the label is too short, or missing. */
  title?: string;
  class?: string;
  disabled?: boolean;
}

/** A real button in the editor's own look. */
export function button(label: string, action: (event: Event) => void, options: ButtonOptions = {}): HTMLButtonElement {
  const { icon: iconName, title, disabled = false } = options;
  return h(
    "button",
    {
      type: "button",
      class: `red-ui-button red-ui-button-small ${options.class ?? ""}`.trim(),
      title,
      "aria-label": label === "" ? title : undefined,
      disabled,
      click: action,
    },
    iconName !== undefined && icon(iconName),
    iconName !== undefined && label !== "" && " ",
    label,
  );
}

/** A button that changes something; without the permission it is there, and says why it does nothing. */
export function writeButton(
  label: string,
  action: (event: Event) => void,
  options: ButtonOptions = {},
): HTMLButtonElement {
  const made = button(label, action, options);
  if (!mayWrite()) {
    made.disabled = true;
    made.title = t("permission.write");
  }
  return made;
}

export function mayWrite(): boolean {
  return RED.user.hasPermission("facenet.write");
}

let ids = 0;

/** A label above its field. */
export function field(label: string, input: HTMLElement, hint?: string): HTMLElement {
  ids += 1;
  input.id = `facenet-field-${ids}`;
  if (hint !== undefined) input.setAttribute("aria-describedby", `${input.id}-hint`);
  return h(
    "div",
    { class: "facenet-field" },
    h("label", { for: input.id }, label),
    input,
    hint !== undefined && h("div", { class: "facenet-hint", id: `${input.id}-hint` }, hint),
  );
}

export function select(
  options: readonly { value: string; label: string }[],
  value: string,
  change: (value: string) => void,
  attributes: Readonly<Record<string, Attribute>> = {},
): HTMLSelectElement {
  const element = h(
    "select",
    attributes,
    ...options.map((option) => h("option", { value: option.value }, option.label)),
  );
  element.value = value;
  element.addEventListener("change", () => {
    change(element.value);
  });
  return element;
}

/** What is said where nothing is to be seen, and what to do about it. */
export function empty(iconName: string, title: string, text: string, ...actions: readonly Child[]): HTMLElement {
  return h(
    "div",
    { class: "facenet-empty" },
    h("div", { class: "facenet-empty-icon" }, icon(iconName)),
    h("div", { class: "facenet-empty-title" }, title),
    h("p", {}, text),
    ...actions,
  );
}

/** What failed, and a way to try again. */
export function failed(error: unknown, retry: () => void): HTMLElement {
  return empty("warning", t("error.title"), errorMessage(error), button(t("retry"), retry));
}

export function loading(): HTMLElement {
  return h(
    "div",
    { class: "facenet-loading", role: "status" },
    h("i", { class: "spinner", "aria-hidden": "true" }),
    " ",
    t("loading"),
  );
}

/** A line that a screen reader speaks when it changes. */
export function liveLine(): HTMLElement {
  return h("div", { class: "facenet-live-line", role: "status", "aria-live": "polite" });
}
