// The list beside the picture: events, and between them what nobody looked at and where nothing changed. It follows the playhead.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock } from "../times.js";
import { gaps, reasonOf, stateName } from "./coverage.js";
import { empty, fits, pieces, stateOf } from "./filters.js";
import { colour } from "./lanes.js";
import { above } from "./scale.js";
import { VirtualList } from "./virtual.js";
import { lasts, wallClock } from "./wall.js";

const HEIGHTS = { event: 76, gap: 42, quiet: 26 };
/** Seconds without an event that are worth a line of their own. */
const QUIET = 60;

/** How much of a thumbnail what changed may fill, and how many times nearer it is shown at most: beyond it, nobody would know where. */
const MARGIN = 0.6;
const NEAREST = 4;

/** How much an event matters, in three steps; 0 where nobody said. */
export const weight = ({ importance }) => (importance === null ? 0 : importance >= 0.67 ? 3 : importance >= 0.34 ? 2 : 1);

const SIGNS = { accepted: "accept", rejected: "reject", edited: "edit", added: "add" };

/** The rows of a list: `{ kind, key, ... }` in order of time. What lies between events is shown only where nothing is filtered out. */
export function rowsOf(record, filter) {
  const shown = record.events.filter(fits(filter));
  const rows = shown.map((event) => ({ kind: "event", key: event.id, at: event.start, event }));
  if (!empty(filter)) return { rows, shown };
  const missing = gaps(record.runs).map((run) => ({ kind: "gap", key: `gap ${run.start}`, at: run.start, run }));
  const quiet = [];
  let until = 0;
  const space = (from, to) => {
    if (to - from < QUIET) return;
    if (missing.some(({ run }) => run.start < to && run.end > from)) return;
    quiet.push({ kind: "quiet", key: `quiet ${from}`, at: from, from, to });
  };
  for (const event of shown) {
    space(until, event.start);
    until = Math.max(until, event.end);
  }
  if (shown.length) space(until, record.duration);
  const all = [...rows, ...missing, ...quiet].sort((a, b) => a.at - b.at);
  return { rows: all, shown };
}

/** How many times nearer to look at a region, and where then the left and upper edge lie, as shares of the picture. */
export function closeUp(region) {
  if (!region) return { near: 1, left: 0, top: 0 };
  const [x0, y0, x1, y1] = region;
  const near = Math.min(NEAREST, MARGIN / Math.max(x1 - x0, y1 - y0, 0.01));
  if (near < 1.25) return { near: 1, left: 0, top: 0 };
  const place = (from, to) => Math.min(Math.max((from + to) / 2 - 0.5 / near, 0), 1 - 1 / near);
  return { near, left: place(x0, x1), top: place(y0, y1) };
}

/** Events: `choose` (detail: event), `seek` (detail: seconds), `accept`, `reject` (detail: event). */
export class EventList extends EventTarget {
  constructor(record, player) {
    super();
    this.record = record;
    this.player = player;
    this.filter = null;
    this.current = null;
    this.playing = null;
    this.list = h("ol", { class: "rows" });
    this.none = h("div", { class: "rows-none", hidden: true });
    this.host = h("div", { class: "rows-host" }, this.list, this.none);
    this.news = h("button", { type: "button", class: "rows-news", hidden: true, onclick: () => this.toEnd() });
    this.element = h("div", { class: "rows-frame" }, this.host, this.news);
    this.virtual = new VirtualList(this.host, this.list, {
      make: (row) => this.row(row),
      key: (row) => row.key,
      heightOf: (row) => HEIGHTS[row.kind],
      same: (before, now) => before === now || (before !== undefined && before.kind === now.kind && this.alike(before, now)),
    });
    this.virtual.drawn = () => this.reachable();
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("focusin", (event) => this.focusRow(event));
  }

  alike(before, now) {
    if (now.kind === "event") return before.event === now.event;
    if (now.kind === "gap") return before.run.end === now.run.end && before.run.reason === now.run.reason && before.run.state === now.run.state;
    return before.to === now.to;
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  /** Shows what a filter leaves. */
  show(filter) {
    const sought = this.filter !== null && this.filter.text !== filter.text;
    this.filter = filter;
    const { rows, shown } = rowsOf(this.record, filter);
    const before = this.shown;
    const following = before !== undefined && this.atEnd();
    this.shown = shown;
    this.places = new Map(rows.map((row, at) => [row.key, at]));
    this.virtual.set(rows);
    if (sought) this.virtual.renew();
    this.none.hidden = rows.length > 0;
    // A reader who is at the end goes on reading there; others are told that there is more.
    const fresh = before && shown.length > before.length && !this.record.ended && before.length ? shown.length - before.length : 0;
    if (fresh && !following) {
      this.waiting = (this.waiting ?? 0) + fresh;
      this.news.textContent = t("review.news", { n: this.waiting });
      this.news.hidden = false;
    }
    this.mark();
  }

  atEnd() {
    const { host } = this;
    return host.scrollTop + host.clientHeight >= host.scrollHeight - 80;
  }

  toEnd() {
    this.news.hidden = true;
    this.waiting = 0;
    this.virtual.reveal(this.virtual.items.length - 1);
  }

  /** What to say where nothing is listed. */
  say(...nodes) { this.none.replaceChildren(...nodes); }

  row(row) {
    const element = row.kind === "event" ? this.eventRow(row.event) : row.kind === "gap" ? this.gapRow(row.run) : this.quietRow(row);
    element.dataset.key = row.key;
    this.markRow(element, row.key);
    return element;
  }

  eventRow(event) {
    const { record, filter } = this;
    const state = stateOf(event);
    const wall = wallClock(record.source, event.start);
    const picture = event.evidence.find((each) => each.picture && each.region) ?? event.evidence.find((each) => each.picture);
    const marked = (text) => pieces(text, filter.text).map(([piece, found]) => (found ? h("mark", {}, piece) : piece));
    const lane = record.lanes.of.get(event.id);
    const words = [
      h("span", { class: "row-when num" }, h("b", {}, clock(event.start)), wall && h("span", {}, wall), h("span", {}, lasts(event.end - event.start)), this.weight(event)),
      h("span", { class: "row-title", title: event.title }, h("bdi", {}, marked(event.title))),
      h("span", { class: "row-tags" },
        event.alerts?.length ? h("span", { class: "row-alert" }, icon("alert"), h("bdi", {}, event.alerts.join(", "))) : null,
        event.confidence !== null && h("span", { class: "num", title: t("review.confidence") }, `${Math.round(event.confidence * 100)} %`),
        event.tags.map((tag) => h("bdi", { class: "row-tag" }, tag))),
    ];
    const verdict = (action, name) => h("button", { type: "button", class: `row-act ${action}`, tabindex: "-1", "data-act": action, "aria-label": `${name}: ${event.title}`, title: name }, icon(action));
    return h("li", { class: `row row-event ${state}`, style: { "--lane": `var(--lane-${colour(record.lanes, lane)})` } },
      h("button", { type: "button", class: "row-main", tabindex: "-1", "aria-label": `${clock(event.start)} ${event.title}${state === "open" ? "" : `, ${t(`review.${state}`)}`}${weight(event) === 3 ? `, ${t("review.matters", { share: Math.round(event.importance * 100) })}` : ""}` },
        h("span", { class: "row-picture" }, picture ? this.thumbnail(picture) : icon(event.origin === "person" ? "edit" : "film")),
        h("span", { class: "row-words" }, words)),
      h("span", { class: "row-state" }, state !== "open" && h("span", { class: `row-verdict ${state}`, title: t(`review.${state}`) }, icon(SIGNS[state]))),
      h("span", { class: "row-acts" }, verdict("accept", t("review.accept")), verdict("reject", t("review.reject"))));
  }

  /** How much it matters, as three bars of which one to all are full. */
  weight(event) {
    const level = weight(event);
    return level ? h("span", { class: `row-weight level-${level}`, title: t("review.matters", { share: Math.round(event.importance * 100) }) }, h("i"), h("i"), h("i")) : null;
  }

  /** What changed, near enough to be made out in a small picture; all of the picture where that is large anyway. */
  thumbnail(picture) {
    const { near, left, top } = closeUp(picture.region);
    const place = near > 1 ? { width: `${near * 100}%`, height: `${near * 100}%`, left: `${-left * near * 100}%`, top: `${-top * near * 100}%` } : {};
    return h("img", { src: this.player.evidence(picture, near > 2 ? 704 : near > 1 ? 352 : 176), alt: "", loading: "lazy", decoding: "async", width: 88, height: 50, style: place });
  }

  gapRow(run) {
    return h("li", { class: `row row-gap ${run.state}` },
      h("button", { type: "button", class: "row-main", tabindex: "-1" },
        h("span", { class: `swatch ${run.state}`, "aria-hidden": "true" }),
        h("span", { class: "row-words" },
          h("span", { class: "num" }, h("b", {}, stateName(run)), ` ${clock(run.start)}–${clock(run.end)} · ${lasts(run.end - run.start)}`),
          h("span", { class: "row-reason", dir: "auto", title: run.reason ?? "" }, reasonOf(run)))));
  }

  quietRow(row) {
    return h("li", { class: "row row-quiet num" }, t("review.quiet", { length: lasts(row.to - row.from) }));
  }

  // --- the current one and the one that plays -------------------------------------------------------------------------------------

  /** The event that is looked at. */
  choose(event, { reveal = true } = {}) {
    this.current = event?.id ?? null;
    if (event && reveal) this.virtual.reveal(this.places?.get(event.id) ?? -1, { near: true, smooth: true });
    this.mark();
  }

  /** The playhead has moved: rows of what goes on now are marked, and the first of them stays in sight while it plays. */
  at(seconds, { follow = false } = {}) {
    const now = this.going(seconds);
    const key = now.join(" ");
    if (key === this.nowKey) return;
    this.nowKey = key;
    this.now = new Set(now);
    this.mark();
    if (follow && now.length && !this.host.matches(":hover") && !this.host.contains(document.activeElement)) {
      this.virtual.reveal(this.places.get(now.at(-1)) ?? -1, { near: true, smooth: true });
    }
  }

  /** The ids of the shown events that are going on at a second. */
  going(seconds) {
    const shown = this.shown ?? [];
    const last = above(shown, seconds + 0.001, (event) => event.start);
    const found = [];
    for (let at = Math.max(0, last - 60); at < last; at += 1) if (shown[at].end > seconds) found.push(shown[at].id);
    return found;
  }

  /** The event before or after the current one, else before or after the playhead. */
  next(by, seconds) {
    const shown = this.shown ?? [];
    const at = shown.findIndex((event) => event.id === this.current);
    if (at >= 0) return shown[at + by] ?? null;
    const place = above(shown, seconds + 0.001, (event) => event.start);
    return (by > 0 ? shown[place] : shown[place - 1]) ?? null;
  }

  /** The next event that nobody has reviewed, from the current one or the playhead on and then from the beginning; `null` where all are. */
  nextOpen(seconds) {
    const shown = this.shown ?? [];
    const current = shown.findIndex((event) => event.id === this.current);
    const from = current >= 0 ? current + 1 : above(shown, seconds - 0.001, (event) => event.start);
    return [...shown.slice(from), ...shown.slice(0, from)].find((event) => stateOf(event) === "open") ?? null;
  }

  mark() {
    for (const [key, { element }] of this.virtual.rows) this.markRow(element, key);
    this.reachable();
  }

  /** Whoever comes by Tab lands on one row: the current one or, where that is not in sight, the first that does something. */
  reachable() {
    const buttons = [...this.list.querySelectorAll(".row-main")];
    const focused = buttons.find((button) => button === document.activeElement);
    const entry = this.virtual.element(this.current)?.querySelector(".row-main") ?? focused ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === entry ? 0 : -1;
    // Where no row does anything, the list itself is what the arrow keys move.
    if (entry) this.host.removeAttribute("tabindex");
    else this.host.tabIndex = 0;
  }

  markRow(element, key) {
    const chosen = key === this.current;
    if (chosen) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
    element.classList.toggle("now", this.now?.has(key) ?? false);
  }

  focusRow(event) {
    const row = event.target.closest(".row-main");
    if (row) row.tabIndex = 0;
  }

  /** Puts the focus on the current row, for whoever walks through the list by keys. */
  focusCurrent() { this.virtual.element(this.current)?.querySelector(".row-main")?.focus({ preventScroll: true }); }

  click(event) {
    const element = event.target.closest(".row");
    const row = element && this.virtual.items[this.places.get(element.dataset.key)];
    if (!row) return;
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act) this.tell(act, row.event);
    else if (row.kind === "event") this.tell("choose", row.event);
    else this.tell("seek", row.kind === "gap" ? row.run.start : row.from);
  }

  destroy() { this.virtual.destroy(); }
}
