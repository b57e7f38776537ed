// A list of thousands of rows of which only those in sight are in the document. Rows have heights that are known before they are made.

import { above, clamp } from "./scale.js";

const BEYOND = 6;

/** Where rows lie: tops of all of them, and the whole height. */
export function layout(items, heightOf) {
  const tops = new Float64Array(items.length + 1);
  for (let at = 0; at < items.length; at += 1) tops[at + 1] = tops[at] + heightOf(items[at]);
  return tops;
}

/** The rows [first, last) that a window from `top`, `height` high, shows, and a few beyond. */
export function inSight(tops, top, height) {
  const count = tops.length - 1;
  const first = clamp(above(tops, top) - 1 - BEYOND, 0, count);
  const last = clamp(above(tops, top + height) + BEYOND, 0, count);
  return [first, last];
}

/**
 * `host` scrolls; `list` (within it) gets the rows. `make(item, at)` makes a row's element, `key(item)` names it, `heightOf(item)` is its
 * height in pixels. A row is kept as long as it is in sight and `same(before, now)` says that it still shows what it should.
 */
export class VirtualList {
  constructor(host, list, { make, key, heightOf, same = Object.is }) {
    Object.assign(this, { host, list, make, key, heightOf, same });
    this.items = [];
    this.tops = layout([], heightOf);
    this.rows = new Map();
    this.wanted = false;
    this.later = () => this.schedule();
    host.addEventListener("scroll", this.later, { passive: true });
    this.watcher = new ResizeObserver(this.later);
    this.watcher.observe(host);
  }

  /** Shows other items. What stood at the top of the window stays there, whatever came before it. */
  set(items) {
    const anchor = this.anchor();
    this.items = items;
    this.tops = layout(items, this.heightOf);
    this.list.style.height = `${this.tops.at(-1)}px`;
    if (anchor) {
      const at = items.findIndex((item) => this.key(item) === anchor.key);
      if (at >= 0) this.host.scrollTop = this.tops[at] + anchor.offset;
    }
    this.draw();
  }

  /** The first row in sight that may serve as a hold, and how far the window begins behind its top. Nothing at the very top. */
  anchor() {
    const top = this.host.scrollTop;
    if (top <= 0 || !this.items.length) return null;
    const at = clamp(above(this.tops, top) - 1, 0, this.items.length - 1);
    return { key: this.key(this.items[at]), offset: top - this.tops[at] };
  }

  /** Scrolls so that a row is in sight. `near`: no farther than needed; otherwise to a third from the top. */
  reveal(at, { near = true, smooth = false } = {}) {
    if (at < 0 || at >= this.items.length) return;
    const [top, bottom] = [this.tops[at], this.tops[at + 1]];
    const [from, height] = [this.host.scrollTop, this.host.clientHeight];
    if (top >= from && bottom <= from + height) return;
    const to = near ? (top < from ? top - 8 : bottom - height + 8) : top - height / 3;
    const still = !smooth || Math.abs(to - from) > height * 2 || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.host.scrollTo({ top: to, behavior: still ? "instant" : "smooth" });
    this.draw();
  }

  schedule() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      this.draw();
    });
  }

  /** Brings the document up to date with what is in sight. */
  draw() {
    const [first, last] = inSight(this.tops, this.host.scrollTop, this.host.clientHeight);
    const staying = new Set();
    const fresh = [];
    for (let at = first; at < last; at += 1) {
      const item = this.items[at];
      const key = this.key(item);
      staying.add(key);
      let row = this.rows.get(key);
      if (!row || !this.same(row.item, item)) {
        const element = this.make(item, at);
        if (row) {
          const focused = row.element.contains(document.activeElement);
          row.element.replaceWith(element);
          if (focused) element.querySelector("button, a")?.focus({ preventScroll: true });
        } else fresh.push(element);
        row = { element, item, at: -1 };
        this.rows.set(key, row);
      }
      row.item = item;
      if (row.at !== at || row.top !== this.tops[at]) {
        row.at = at;
        row.top = this.tops[at];
        row.element.style.transform = `translateY(${row.top}px)`;
        row.element.setAttribute("aria-posinset", at + 1);
      }
      row.element.setAttribute("aria-setsize", this.items.length);
    }
    for (const [key, row] of this.rows) {
      if (staying.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    if (fresh.length) {
      this.list.append(...fresh);
      this.order();
    }
    this.drawn?.();
  }

  /** Puts rows in the order of time in the document too, for those who read it row by row. */
  order() {
    const rows = [...this.rows.values()].sort((a, b) => a.at - b.at);
    for (let place = rows.length - 2; place >= 0; place -= 1) {
      if (rows[place].element.nextSibling !== rows[place + 1].element) this.list.insertBefore(rows[place].element, rows[place + 1].element);
    }
  }

  /** The element of an item that is in sight. */
  element(key) { return this.rows.get(key)?.element ?? null; }

  /** Makes all rows anew, as after a change of what they show. */
  renew() {
    for (const row of this.rows.values()) row.item = undefined;
    this.draw();
  }

  destroy() {
    this.host.removeEventListener("scroll", this.later);
    this.watcher.disconnect();
  }
}
