/** What is used here of Node-RED's editor (4.x and 5.x) and of the jQuery UI that comes with it. */

interface FlowNode {
  id: string;
  type: string;
  z?: string;
  name?: string;
  /** Of a face-match node. */
  gallery?: string;
  threshold?: string | number;
  distance?: string;
  wanted?: string | number;
  /** Of a facenet-embed or face-gallery node. */
  model?: string;
  modelFile?: string;
  /** Of a face-gallery node. */
  before?: unknown;
  changed?: boolean;
  dirty?: boolean;
  /** Of a link node: those at its other ends. */
  links?: string[];
  /** Fields of forms. */
  [field: string]: unknown;
}

interface EditEvent {
  t: "edit";
  node: FlowNode;
  changes: Record<string, unknown>;
  changed: boolean;
  dirty: boolean;
  /** Of a node in a subflow: its instances, and whether they were changed before. */
  subflow?: { instances: { id: string; changed: boolean }[] };
}

interface HistoryEvent {
  t: "multi";
  events: EditEvent[];
  dirty: boolean;
}

interface SidebarTab {
  id: string;
  name: string;
  label: string;
  iconClass: string;
  content: HTMLElement;
  /** Whether it can be used while a node's form is open. */
  enableOnEdit: boolean;
  action?: string;
}

interface TrayOptions {
  title: string;
  width?: number;
  buttons: { id?: string; text: string; class?: string; click(): void }[];
  open(tray: ArrayLike<HTMLElement>): void;
  resize?(): void;
  close(): void;
  show?(): void;
  focusElement?: HTMLElement | false;
}

interface Notification {
  close(): void;
}

interface DialogOptions {
  modal: boolean;
  autoOpen: boolean;
  width: number;
  resizable: boolean;
  title: string;
  classes: Record<string, string>;
  buttons: { text: string; class?: string; id?: string; click(): void }[];
  close(): void;
}

interface EditableListOptions {
  addButton: string;
  removable: boolean;
  sortable: boolean;
  height: string;
  /** Fill an item; `data` is {} where it was added by the button. */
  addItem(container: ArrayLike<HTMLElement>, index: number, data: object): void;
}

declare const RED: {
  _(key: string, values?: Record<string, string | number>): string;
  i18n: { lang(): string };
  settings: {
    apiRootUrl?: string;
    get(key: string): unknown;
    getLocal(key: string): string | null;
    setLocal(key: string, value: string): void;
  };
  user: { hasPermission(permission: string): boolean };
  comms: {
    subscribe(topic: string, listener: (topic: string, data: unknown) => void): void;
    unsubscribe(topic: string, listener: (topic: string, data: unknown) => void): void;
  };
  events: {
    on(event: string, listener: (subject: FlowNode) => void): void;
    off(event: string, listener: () => void): void;
    emit(event: string, node: FlowNode): void;
  };
  plugins: { registerPlugin(id: string, definition: { onadd?(): void }): void };
  sidebar: { addTab(tab: SidebarTab): void; show(id: string): void };
  actions: { add(name: string, action: () => void): void };
  tray: { show(options: TrayOptions): void; close(): void };
  notify(content: HTMLElement, options: { type: "success" | "warning" | "error"; timeout?: number }): Notification;
  nodes: {
    filterNodes(filter: { type: string; z?: string }): FlowNode[];
    node(id: string): FlowNode | null | undefined;
    filterLinks(filter: { target: FlowNode }): { source: FlowNode }[];
    workspace(id: string): { label: string } | null | undefined;
    subflow(id: string): { name: string } | null | undefined;
    dirty(): boolean;
    dirty(state: boolean): void;
  };
  workspaces: { isLocked(id: string): boolean | undefined };
  history: { push(event: HistoryEvent): void; pop(): void; peek(): HistoryEvent | undefined };
  editor: { validateNode(node: FlowNode): void };
  view: { redraw(): void; focus(): void };
};

declare const $: (element: HTMLElement) => {
  dialog(options: DialogOptions): void;
  dialog(command: "open" | "close" | "destroy"): void;
  editableList(options: EditableListOptions): void;
  editableList(command: "addItem", data: object): void;
};
