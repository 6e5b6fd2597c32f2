/**
 * A list that renders only the rows on the screen and fetches only their pages, so that 100,000 rows open as fast as
 * ten.
 */
import { fill, h } from "./dom.js";
import { release } from "./pictures.js";

export interface Page<Row> {
  total: number;
  rows: readonly Row[];
}

export interface VirtualListOptions<Row> {
  label: string;
  /** Pixels; the same for all. */
  rowHeight: number;
  fetch(offset: number, limit: number, signal: AbortSignal): Promise<Page<Row>>;
  /** What stands in the row's button. */
  render(row: Row): readonly Node[];
  onOpen(row: Row): void;
  onTotal(total: number): void;
  onError(error: unknown): void;
}

const PAGE = 50;
/** Rows rendered beyond each edge, so that a scroll shows no gap. */
const BEYOND = 6;

export class VirtualList<Row extends { id: string }> {
  readonly element: HTMLElement;
  readonly #list: HTMLUListElement;
  readonly #options: VirtualListOptions<Row>;
  readonly #items = new Map<number, { item: HTMLLIElement; row: Row | undefined }>();
  readonly #resized: ResizeObserver;
  #pages = new Map<number, readonly Row[] | "loading">();
  #stop = new AbortController();
  #total = 0;
  /** The row that Tab reaches; the arrows move it. */
  #active = 0;
  #scrolled = 0;
  #focusWhenThere = false;
  #scheduled = false;

  constructor(options: VirtualListOptions<Row>) {
    this.#options = options;
    this.#list = h("ul", { class: "facenet-virtual", role: "list", "aria-label": options.label });
    this.element = h(
      "div",
      {
        class: "facenet-scroll",
        scroll: () => {
          this.#onScroll();
        },
        keydown: (event) => {
          this.#onKey(event as KeyboardEvent);
        },
      },
      this.#list,
    );
    this.#resized = new ResizeObserver(() => {
      this.#schedule();
    });
    this.#resized.observe(this.element);
  }

  /** Fetch anew; from the top when something else is asked for, in place when the same may have changed. */
  reload(fromTop: boolean): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    if (fromTop) {
      this.#active = 0;
      this.element.scrollTop = 0;
      this.#scrolled = 0;
      this.#pages.clear();
      void this.#load(0);
      return;
    }
    // What is shown stays until the newer page is there.
    const shown = new Set([...this.#items.keys()].map((index) => Math.floor(index / PAGE)));
    for (const page of this.#pages.keys()) {
      if (!shown.has(page)) this.#pages.delete(page);
    }
    for (const page of shown.size === 0 ? [0] : shown) void this.#load(page);
  }

  /** Put the focus on the row that had it last. */
  focus(): void {
    this.#focusWhenThere = true;
    // What is taken out of the page forgets how far it was scrolled.
    this.element.scrollTop = this.#scrolled;
    this.#reveal();
    this.#render();
  }

  close(): void {
    this.#stop.abort();
    this.#resized.disconnect();
    release(this.#list);
  }

  async #load(page: number): Promise<void> {
    if (!Array.isArray(this.#pages.get(page))) this.#pages.set(page, "loading");
    const { signal } = this.#stop;
    try {
      const { total, rows } = await this.#options.fetch(page * PAGE, PAGE, signal);
      if (signal.aborted) return;
      this.#pages.set(page, rows);
      this.#total = total;
      this.#active = Math.max(0, Math.min(this.#active, total - 1));
      this.#list.style.height = `${total * this.#options.rowHeight}px`;
      this.#options.onTotal(total);
      this.#render();
    } catch (error) {
      if (signal.aborted) return;
      this.#pages.delete(page);
      this.#options.onError(error);
    }
  }

  #onScroll(): void {
    if (this.element.isConnected) this.#scrolled = this.element.scrollTop;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#render();
    });
  }

  #render(): void {
    const { rowHeight } = this.#options;
    const first = Math.max(0, Math.floor(this.element.scrollTop / rowHeight) - BEYOND);
    const last = Math.min(
      this.#total - 1,
      Math.ceil((this.element.scrollTop + this.element.clientHeight) / rowHeight) + BEYOND,
    );
    for (const [index, { item }] of this.#items) {
      if (index < this.#total && ((index >= first && index <= last) || item.contains(document.activeElement)))
        continue;
      release(item);
      item.remove();
      this.#items.delete(index);
    }
    for (let index = first; index <= last; index += 1) this.#renderRow(index);
    const stop = this.#items.has(this.#active) ? this.#active : Math.min(last, first + BEYOND);
    for (const [index, { item }] of this.#items)
      item.querySelector("button")?.setAttribute("tabindex", index === stop ? "0" : "-1");
    if (!this.#focusWhenThere) return;
    const target = this.#items.get(this.#active)?.item.querySelector("button");
    if (target == null) return;
    this.#focusWhenThere = false;
    target.focus({ preventScroll: true });
  }

  #renderRow(index: number): void {
    const page = Math.floor(index / PAGE);
    const rows = this.#pages.get(page);
    if (rows === undefined) void this.#load(page);
    const row = rows === undefined || rows === "loading" ? undefined : rows[index - page * PAGE];
    const shown = this.#items.get(index);
    if (shown !== undefined && (shown.row === row || row === undefined)) return;
    const item = shown?.item ?? h("li", { class: "facenet-virtual-item", "aria-posinset": index + 1 });
    item.setAttribute("aria-setsize", String(this.#total));
    item.style.height = `${this.#options.rowHeight}px`;
    item.style.top = `${index * this.#options.rowHeight}px`;
    const focused = item.contains(document.activeElement);
    release(item);
    if (row === undefined) fill(item, h("span", { class: "facenet-row facenet-row-waiting", "aria-hidden": "true" }));
    else {
      const open = (): void => {
        this.#active = index;
        this.#options.onOpen(row);
      };
      fill(
        item,
        h(
          "button",
          {
            type: "button",
            class: "facenet-row",
            tabindex: "-1",
            click: open,
            focus: () => {
              this.#active = index;
            },
          },
          ...this.#options.render(row),
        ),
      );
    }
    this.#items.set(index, { item, row });
    if (shown === undefined) this.#insert(index, item);
    if (focused) item.querySelector("button")?.focus({ preventScroll: true });
  }

  /** In the order of the rows, which is the order of reading. */
  #insert(index: number, item: HTMLLIElement): void {
    const next = [...this.#items.keys()].filter((each) => each > index).sort((a, b) => a - b)[0];
    this.#list.insertBefore(item, next === undefined ? null : (this.#items.get(next)?.item ?? null));
  }

  #onKey(event: KeyboardEvent): void {
    const { rowHeight } = this.#options;
    const visible = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 1);
    const moves: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + visible,
      PageUp: this.#active - visible,
      Home: 0,
      End: this.#total - 1,
    };
    const target = moves[event.key];
    if (target === undefined || this.#total === 0) return;
    event.preventDefault();
    this.#active = Math.max(0, Math.min(this.#total - 1, target));
    this.focus();
  }

  /** Scroll as little as brings the active row onto the screen. */
  #reveal(): void {
    const { rowHeight } = this.#options;
    const top = this.#active * rowHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + rowHeight > this.element.scrollTop + this.element.clientHeight)
      this.element.scrollTop = top + rowHeight - this.element.clientHeight;
    this.#scrolled = this.element.scrollTop;
  }
}
