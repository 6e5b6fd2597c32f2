/**
 * What the forms of the nodes share: fields that take a number, a choice or a yes and no, or `${NAME}`, a variable
 * that Node-RED puts in when
 * the flow starts; validators that say why; expert fields folded away. The nodes' own scripts find it as FacenetForms.
 */
import { h } from "./dom.js";
import { gateTools } from "./gate.js";
import { migrateWhatComes } from "./migrate.js";
import { mayBePack, offerModels } from "./models.js";
import { tellChange } from "./network-words.js";
import { offerDrawing } from "./region.js";
import { editSchedule, readSchedule } from "./schedule.js";
import { type Asked, showThreshold } from "./threshold.js";
import { labelled, list, t } from "./words.js";

const PACKAGE = "@facewire/node-red-facenet";

/** A node as its form sees it. */
export interface FormNode {
  id: string;
  type: string;
  _def: { category: string; defaults: Record<string, FieldDefinition> };
  [field: string]: unknown;
}

interface FieldDefinition {
  value: unknown;
  /** Of the config node that the field names. */
  type?: string;
  validate?: Validator;
}

/** With two parameters, as Node-RED counts them: then what it returns is why the value cannot be. */
type Validator = (this: FormNode, value: unknown, options: unknown) => true | string;

const VARIABLE = /^\$\{[^\s{}]+\}$/;

/** Whether Node-RED puts a variable in place of this value. */
export function isVariable(value: unknown): value is string {
  return typeof value === "string" && VARIABLE.test(value);
}

/** The catalogue of a node's words has the name of its file. */
function labelOf(type: string, field: string): string {
  const key = `${PACKAGE}/${type.replace(/^facewire-/, "")}:${type}.label.${field}`;
  const label = RED._(key);
  return label === key || label.endsWith(`.${field}`) ? field : label;
}

function prefixOf(node: FormNode): string {
  return node._def.category === "config" ? "node-config-input" : "node-input";
}

type Input = HTMLInputElement | HTMLSelectElement;

const forms = new WeakMap<FormNode, HTMLElement>();

function inputOf(node: FormNode, field: string): Input | null {
  const form = forms.get(node);
  return form?.isConnected === true ? form.querySelector<Input>(`#${prefixOf(node)}-${field}`) : null;
}

/** What a field holds now: in the form while it is open, else in the node. */
function now(node: FormNode, field: string): unknown {
  const input = inputOf(node, field);
  if (input === null) return node[field];
  return input instanceof HTMLInputElement && input.type === "checkbox" ? input.checked : input.value;
}

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "string" && value.trim() === "");

/** A number as people write it; undefined where it is none, blank or a variable. */
function numberIn(value: unknown): number | undefined {
  if (isBlank(value) || isVariable(value) || (typeof value !== "number" && typeof value !== "string"))
    return undefined;
  const found = Number(value);
  return Number.isFinite(found) ? found : undefined;
}

/** A field's value as text, however the flow keeps it. */
function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/**
 * A value of a flow as a sentence repeats it: Node-RED shows the sentence as HTML, and somebody else may have made the
 * flow.
 */
function quoted(value: unknown): string {
  const MOST = 40;
  const characters = Array.from(
    plain(value).replace(/[<>&"']/g, (mark) => ({ "<": "‹", ">": "›", "&": "＆" })[mark] ?? "’"),
  );
  return characters.length > MOST ? `${characters.slice(0, MOST).join("")}…` : characters.join("");
}

/** A field's first complaint, as one sentence that names it. */
type Complaint = (this: FormNode, value: unknown) => string | undefined;

function validator(field: string, complain: Complaint): Validator {
  return function (value, _options) {
    if (isVariable(value)) return true;
    const text =
      typeof value === "string" && value.includes("${")
        ? t("forms.variable-alone", { value: quoted(value) })
        : complain.call(this, value);
    return text === undefined ? true : labelled(labelOf(this.type, field), text);
  };
}

export interface NumberBounds {
  min: number;
  max: number | ((node: FormNode) => number);
  /** Whether the least value itself is too small. */
  above?: boolean;
  whole?: boolean;
  /** A field that must not be larger. */
  atLeast?: string;
}

/** A number within bounds; blank takes the default. */
function number(field: string, { min, max, above = false, whole = false, atLeast }: NumberBounds): Validator {
  return validator(field, function (value) {
    if (isBlank(value)) return undefined;
    const found = numberIn(value);
    const text = quoted(value);
    if (found === undefined) return t("forms.number", { value: text });
    if (whole && !Number.isInteger(found)) return t("forms.whole", { value: text });
    const most = typeof max === "function" ? max(this) : max;
    if (found > most || found < min || (above && found === min))
      return t(above ? "forms.between-above" : "forms.between", { min, max: most, value: text });
    const least = atLeast === undefined ? undefined : numberIn(now(this, atLeast));
    // 0 is no bound.
    if (atLeast !== undefined && least !== undefined && found !== 0 && found < least)
      return t("forms.at-least", { value: text, other: labelOf(this.type, atLeast), least });
    return undefined;
  });
}

const choices = new Map<string, readonly string[]>();

/** The options that the form of a type has for a field. */
function choicesOf(type: string, field: string): readonly string[] {
  const key = `${type}.${field}`;
  let found = choices.get(key);
  if (found === undefined) {
    const template = document.querySelector(`script[data-template-name="${type}"]`)?.textContent ?? "";
    const options = new DOMParser()
      .parseFromString(template, "text/html")
      .querySelectorAll<HTMLOptionElement>(`select[id$="-${field}"] option`);
    found = [...options].map(({ value }) => value);
    choices.set(key, found);
  }
  return found;
}

/** One of the options of the form. */
function choice(field: string): Validator {
  return validator(field, function (value) {
    // A form without an option for what the node has shows none, and keeps it.
    const chosen = value ?? this[field];
    const options = choicesOf(this.type, field);
    return isBlank(chosen) || options.length === 0 || options.includes(plain(chosen))
      ? undefined
      : t("forms.choice", { value: quoted(chosen), options: list(options) });
  });
}

/** One of the networks of the form, or of a model pack. */
function model(field: string): Validator {
  const builtIn = choice(field);
  return function (value, options) {
    const chosen = value ?? this[field];
    return typeof chosen === "string" && mayBePack(chosen) ? true : builtIn.call(this, value, options);
  };
}

/** Yes or no; what a variable holds is text. */
function flag(field: string): Validator {
  return validator(field, (value) =>
    isBlank(value) || ["true", "false"].includes(plain(value)) ? undefined : t("forms.flag", { value: quoted(value) }),
  );
}

/** Any text, as long as a rule of the field has nothing against it. */
function words(
  field: string,
  complain: (node: FormNode, value: string) => string | undefined = () => undefined,
): Validator {
  return validator(field, function (value) {
    return complain(this, isBlank(value) ? "" : plain(value).trim());
  });
}

/** Complain of what is blank, or ends otherwise. */
function file(value: string, ending: string): string | undefined {
  if (value === "") return t("forms.missing");
  return value.endsWith(ending) ? undefined : t("forms.ending", { value: quoted(value), ending });
}

/** Complain of an address that is none, or of another scheme. */
function address(value: string, schemes: readonly string[]): string | undefined {
  if (value === "") return t("forms.missing");
  const url = URL.canParse(value) ? new URL(value) : undefined;
  // An address may hold a login: the sentence does not repeat it.
  return url !== undefined && schemes.includes(url.protocol.slice(0, -1)) && url.hostname !== ""
    ? undefined
    : t("forms.address", { schemes: list(schemes.map((scheme) => `${scheme}://`)) });
}

/** Complain of a language that is none. */
function language(value: string): string | undefined {
  if (value === "") return t("forms.missing");
  try {
    Intl.getCanonicalLocales(value);
    return undefined;
  } catch {
    return t("forms.language", { value: quoted(value) });
  }
}

/** The file of a model of one's own, where the choice beside it says so. */
const modelFile = words("modelFile", (node, value) =>
  now(node, "model") === "file" ? file(value, ".json") : undefined,
);

/** "x, y, width, height" in pixels; blank is the whole picture. */
function region(field: string): Validator {
  return words(field, (_, value) => {
    if (value === "") return undefined;
    const parts = value.split(",").map(numberIn);
    const [x = -1, y = -1, width = 0, height = 0] = parts;
    return parts.length === 4 && x >= 0 && y >= 0 && width > 0 && height > 0 ? undefined : t("forms.region");
  });
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

function isTime(value: unknown): boolean {
  return isVariable(value) || TIME.test(plain(value));
}

/** Times of the week: [{ days: [1], from: "08:00", to: "18:00" }]. */
function schedule(field: string): Validator {
  return validator(field, (rules) => {
    if (!Array.isArray(rules)) return undefined;
    for (const { days, from, to } of rules as { days?: unknown; from?: unknown; to?: unknown }[]) {
      if (!Array.isArray(days) || days.length === 0) return t("forms.days");
      if (![from, to].every(isTime)) return t("forms.time");
    }
    return undefined;
  });
}

const scheduleList = (node: FormNode): HTMLElement | null => document.getElementById(`${node.type}-schedule`);

/** Let the times of the week be edited in the form's list. */
function offerSchedule(node: FormNode): void {
  const times = scheduleList(node);
  if (times !== null) editSchedule(times, node["schedule"], isTime);
}

/** The times of the week as the form has them. */
function scheduleOf(node: FormNode): unknown[] {
  const times = scheduleList(node);
  return times === null ? [] : readSchedule(times);
}

/** A table whose every cell must say something: [{ camera: "door", zone: "outside" }]. */
function table(field: string, columns: readonly string[]): Validator {
  return validator(field, (rows) =>
    Array.isArray(rows) && rows.some((row: Record<string, unknown>) => columns.some((column) => isBlank(row[column])))
      ? t("forms.row")
      : undefined,
  );
}

/** Second factors and the log of a gate, as it is deployed. */
function offerGate(node: FormNode, place: string): void {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  document
    .getElementById(place)
    ?.replaceChildren(...gateTools(() => ({ id: node.id, gallery: text(now(node, "gallery")) })));
}

/** What a form says of a field beyond its validator. */
export interface FormOptions {
  /** Yes and no fields that are yes where a flow of earlier times does not say. */
  on?: readonly string[];
}

/**
 * Make the form of a node ready: variables in every field, expert fields folded away. Called first in oneditprepare.
 */
function prepare(node: FormNode, { on = [] }: FormOptions = {}): void {
  const form = document.getElementById(`${prefixOf(node)}-name`)?.closest<HTMLElement>("form");
  if (form === null || form === undefined) return;
  form.classList.add("facenet-form");
  forms.set(node, form);
  for (const field of Object.keys(node._def.defaults)) {
    const input = inputOf(node, field);
    if (input instanceof HTMLSelectElement) offerVariable(node, field, input);
    else if (input?.type === "checkbox") {
      if (node[field] === undefined && on.includes(field)) input.checked = true;
      offerText(node, field, input);
    }
  }
  for (const fold of form.querySelectorAll<HTMLDetailsElement>("details.facenet-expert")) foldAway(node, form, fold);
}

/** Let the region be drawn on a picture, below its field. */
function drawRegion(node: FormNode, field: string): void {
  const input = inputOf(node, field);
  if (input instanceof HTMLInputElement) offerDrawing(node, input);
}

/** Let a choice of a network have those of model packs, and say what is known of each. */
function offerPacks(node: FormNode, field: string): void {
  const input = inputOf(node, field);
  if (input instanceof HTMLSelectElement) offerModels(input, node[field]);
}

/** Show in a line of the form which τ comes out. @returns shows it at once, after a change */
function followThreshold(node: FormNode, line: string): () => void {
  const element = document.getElementById(line);
  const text = (value: unknown): string => (isBlank(value) ? "" : plain(value));
  const asked = (): Asked => ({
    gallery: text(now(node, "gallery")),
    question: text(now(node, "mode")),
    strangers: now(node, "distance") === "cohort" ? text(now(node, "wanted")) : "",
  });
  return element === null ? () => undefined : showThreshold(element, asked);
}

/** Let Node-RED look at the form again; it listens to the fields that were there when it opened. */
function changed(node: FormNode): void {
  inputOf(node, "name")?.dispatchEvent(new Event("change", { bubbles: true }));
}

function variableInput(node: FormNode, field: string): HTMLInputElement {
  return h("input", {
    type: "text",
    class: "facenet-variable",
    placeholder: "${NAME}",
    spellcheck: "false",
    "aria-label": t("forms.variable-of", { field: labelOf(node.type, field) }),
  });
}

/** One more option of a choice: a variable, whose name is written beside it. */
function offerVariable(node: FormNode, field: string, select: HTMLSelectElement): void {
  const value = node[field];
  // Node-RED fills a choice of config nodes by itself; what it has no option for must not be lost.
  const ofNodes = node._def.defaults[field]?.type !== undefined;
  if (ofNodes) {
    if (!isVariable(value)) return;
    select.append(h("option", { value }, value));
    select.value = value;
    return;
  }
  const option = h("option", { value: "${}", class: "facenet-variable-option" }, t("forms.variable"));
  const name = variableInput(node, field);
  select.append(option);
  select.after(name);
  if (typeof value === "string" && value.startsWith("${")) {
    option.value = value;
    name.value = value;
    option.selected = true;
  }
  const show = (): void => {
    name.hidden = !option.selected;
    select.classList.toggle("facenet-variable-chosen", option.selected);
  };
  name.addEventListener("input", () => {
    option.value = name.value.trim() === "" ? "${}" : name.value.trim();
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  select.addEventListener("change", show);
  show();
}

/** A button beside a yes and no that makes it a text, for a variable. */
function offerText(node: FormNode, field: string, box: HTMLInputElement): void {
  const { id } = box;
  const value = node[field];
  const name = variableInput(node, field);
  const label = box.labels?.[0];
  const toggle = h(
    "button",
    {
      type: "button",
      class: "red-ui-button red-ui-button-small facenet-variable-toggle",
      "aria-label": t("forms.variable-of", { field: labelOf(node.type, field) }),
      title: t("forms.variable"),
      "aria-pressed": "false",
    },
    "${}",
  );
  // The label stands behind its box, or at the head of the line.
  const last =
    label !== undefined && (box.compareDocumentPosition(label) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0 ? label : box;
  last.after(" ", toggle, " ", name);
  // Node-RED reads the field of this id, and the kind of the field decides what it keeps.
  const show = (asText: boolean): void => {
    box.id = asText ? `${id}-box` : id;
    name.id = asText ? id : `${id}-variable`;
    box.hidden = asText;
    name.hidden = !asText;
    toggle.setAttribute("aria-pressed", String(asText));
  };
  toggle.addEventListener("click", () => {
    show(name.hidden === true);
    (name.hidden ? box : name).focus();
    changed(node);
  });
  name.addEventListener("input", () => {
    changed(node);
  });
  const kept = typeof value === "string" && value !== "";
  if (kept) name.value = value;
  show(kept);
}

/** Fold expert fields away, unless one of them says something. */
function foldAway(node: FormNode, form: HTMLElement, fold: HTMLDetailsElement): void {
  const fields = Object.keys(node._def.defaults).filter((field) => {
    const input = inputOf(node, field);
    return input !== null && fold.contains(input);
  });
  const says = (field: string): boolean => {
    const definition = node._def.defaults[field];
    const value = node[field];
    if (definition === undefined || value === undefined) return false;
    return (
      plain(value) !== plain(definition.value) ||
      (definition.validate !== undefined && definition.validate.call(node, value, {}) !== true)
    );
  };
  fold.querySelector("summary")?.replaceChildren(t("forms.expert"));
  if (fields.some(says)) fold.open = true;
  // A mistake must not hide; Node-RED marks it after the same event.
  const look = (): void => {
    setTimeout(() => {
      if (fold.querySelector(".input-error") !== null) fold.open = true;
    });
  };
  for (const event of ["change", "keyup", "click"]) form.addEventListener(event, look);
}

/** Whether a choice is one of these, or a variable that may be. */
function mayBe(value: unknown, ...wanted: readonly string[]): boolean {
  return wanted.includes(plain(value)) || (typeof value === "string" && value.startsWith("${"));
}

const FacenetForms = {
  prepare,
  drawRegion,
  followThreshold,
  offerPacks,
  now,
  mayBe,
  number,
  choice,
  model,
  flag,
  text: words,
  file,
  address,
  language,
  modelFile,
  region,
  schedule,
  offerGate,
  offerSchedule,
  scheduleOf,
  table,
  isTime,
  isVariable,
  tellChange,
  say: (key: string, values?: Record<string, string | number>): string => t(`forms.${key}`, values),
};
Object.assign(globalThis, { FacenetForms });
migrateWhatComes();
