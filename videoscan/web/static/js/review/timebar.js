// The time bar: a canvas with a slider's role for those who do not see it, zoomed and moved by wheel, fingers, drag and keys.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock } from "../times.js";
import { gaps, known, reasonOf, stateName } from "./coverage.js";
import { MOST } from "./lanes.js";
import { Painter, measures } from "./paint.js";
import { onTheme, palette } from "./palette.js";
import { Scale, above, clamp } from "./scale.js";
import { lasts, wallClock } from "./wall.js";

const NARROW = 640;
const SLOP = 5;
const PEEK = 40;
/** Pixels from the beginning of an event within which the pointer means that beginning. */
const SNAP = 6;
/** Pixels between two fingers below which nobody can say how much they spread. */
const NEAR = 8;

/**
 * Events: `seek` (detail: seconds), `choose` (detail: an event). `onlane(tag)` is called when a lane's name is pressed, `pictureAt(seconds)`
 * comes to the address of what to show of a moment that is pointed at, `null` for nothing.
 */
export class TimeBar extends EventTarget {
  constructor(record, { onlane, pictureAt }) {
    super();
    this.record = record;
    this.scale = new Scale(1);
    this.control = new AbortController();
    this.shown = null;
    this.hits = [];
    this.current = null;
    this.time = 0;
    this.hover = null;
    this.onlane = onlane;
    this.pictureAt = pictureAt;
    this.fingers = new Map();
    this.canvas = h("canvas", { class: "bar-canvas" });
    this.still = h("img", { alt: "", hidden: true, onload: () => { this.still.hidden = false; } });
    this.line = h("span", {});
    this.readout = h("output", { class: "bar-readout", hidden: true }, this.still, this.line);
    this.slider = h("div", { class: "bar-pane", role: "slider", tabindex: "0", "aria-label": t("review.bar"), "aria-valuemin": "0" }, this.canvas, this.readout);
    this.labels = h("div", { class: "bar-labels", role: "group", "aria-label": t("review.lanes") });
    this.told = h("ul", { class: "unseen", "aria-label": t("review.coverage") });
    const button = (label, sign, run) => h("button", { type: "button", "aria-label": label, title: label, onclick: run }, sign);
    this.out = button(t("review.zoom.out"), "−", () => this.zoom(0.5));
    this.all = button(t("review.zoom.all"), icon("all"), () => this.fit());
    this.zooms = h("div", { class: "bar-zoom", role: "group", "aria-label": t("review.zoom") }, button(t("review.zoom.in"), "+", () => this.zoom(2)), this.out, this.all);
    this.element = h("section", { class: "bar", "aria-label": t("review.bar.region") }, this.labels, this.slider, this.zooms, this.told);
    this.painter = new Painter(this.canvas);
    this.listen();
    onTheme(() => { this.colours = null; this.size(); this.draw(); }, this.control.signal);
    // Painted within the same frame: a canvas that takes another size is empty.
    this.watcher = new ResizeObserver(() => { if (this.slider.clientWidth !== this.scale.width) { this.size(); this.paint(); } });
    this.watcher.observe(this.slider);
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  // --- what is shown -----------------------------------------------------------------------------------------------------------

  /** The record has changed. */
  renew() {
    const { record, scale } = this;
    // Before anybody knows how long it is, there is no time to show; its place is kept.
    this.element.classList.toggle("unknown", !record.duration);
    if (!this.begun && record.duration) {
      scale.duration = Math.max(record.duration, 0.001);
      scale.fit();
      this.begun = true;
    } else if (record.duration) scale.grow(record.duration);
    this.longest = record.events.reduce((most, event) => Math.max(most, event.end - event.start), 0);
    this.slider.setAttribute("aria-valuemax", String(Math.round(record.duration)));
    this.names();
    this.tellCoverage();
    this.size();
    this.draw();
  }

  names() {
    const { lanes, named } = this.record.lanes;
    const key = JSON.stringify([lanes, this.pressed ?? []]);
    if (key === this.named) return;
    this.named = key;
    this.labels.replaceChildren(...lanes.map((tag, at) => {
      const style = { "--lane": `var(--lane-${at < named ? at : MOST})` };
      const name = tag ?? (named ? t("review.lane.other") : t("review.lane.all"));
      const pressed = (this.pressed ?? []).includes(tag);
      return tag === null
        ? h("span", { class: "bar-label", style }, h("bdi", {}, name))
        : h("button", { type: "button", class: "bar-label", style, "aria-pressed": String(pressed), title: t("review.lane.filter", { tag }), onclick: () => this.onlane(tag) }, h("bdi", {}, name));
    }));
  }

  /** What the canvas shows of the coverage, in words. */
  tellCoverage() {
    const missing = gaps(this.record.runs);
    const key = JSON.stringify(missing);
    if (key === this.spoken) return;
    this.spoken = key;
    const lines = missing.slice(0, 100).map((run) => `${stateName(run)}, ${clock(run.start)}–${clock(run.end)} (${lasts(run.end - run.start)})${run.reason ? `: ${reasonOf(run)}` : ""}`);
    this.told.replaceChildren(...(lines.length ? lines : [t("review.coverage.all")]).map((line) => h("li", {}, line)));
  }

  size() {
    const width = this.slider.clientWidth;
    if (!width) return;
    this.narrow = width < NARROW;
    this.hasWall = Boolean(this.record.source?.clock);
    this.sizes = measures({ lanes: Math.max(1, this.record.lanes.lanes.length), narrow: this.narrow, hasWall: this.hasWall });
    this.colours ??= palette(this.element, MOST);
    this.scale.width = width;
    this.painter.fit(width, this.sizes.height, this.colours);
    this.element.style.setProperty("--lane-height", `${this.sizes.lane}px`);
    this.element.style.setProperty("--lanes-top", `${this.sizes.top}px`);
  }

  draw() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => { this.wanted = false; this.paint(); });
  }

  paint() {
    if (!this.sizes || this.control.signal.aborted) return;
    const { record, scale } = this;
    this.painter.paint({
      scale, sizes: this.sizes, source: record.source, events: record.events, runs: record.runs, lanes: record.lanes, longest: this.longest ?? 0,
      shown: this.shown, current: this.current, hits: this.hits, time: this.time, hover: this.hover, hasWall: this.hasWall, narrow: this.narrow,
    });
    this.out.disabled = scale.whole;
    this.all.disabled = scale.whole;
  }

  /** Where the playhead is. While it plays, what is shown goes along. */
  at(seconds, { follow = false } = {}) {
    this.time = seconds;
    const whole = String(Math.floor(seconds));
    if (this.slider.getAttribute("aria-valuenow") !== whole) {
      this.slider.setAttribute("aria-valuenow", whole);
      this.slider.setAttribute("aria-valuetext", this.words(seconds));
    }
    if (follow && !this.scale.whole && (seconds > this.scale.to || seconds < this.scale.from)) this.scale.show(seconds - this.scale.span * 0.1, this.scale.span);
    this.draw();
  }

  words(seconds) {
    const wall = this.record.source ? wallClock(this.record.source, seconds) : null;
    return wall ? `${clock(seconds)}, ${wall}` : clock(seconds);
  }

  /** The event that is looked at; brought into sight. */
  choose(event) {
    this.current = event;
    if (event) this.scale.reveal(event.start, Math.min(event.end, event.start + this.scale.span * 0.8));
    this.draw();
  }

  /** What a filter leaves (a set of ids; `null`: everything), what a search found (seconds), and the tags that are filtered by. */
  narrowTo(shown, hits, tags) {
    this.shown = shown;
    this.hits = hits;
    this.pressed = tags;
    this.names();
    this.draw();
  }

  zoom(factor, pixel = null) {
    const { scale } = this;
    const at = scale.x(this.time);
    scale.zoomAt(factor, pixel ?? (at >= 0 && at <= scale.width ? at : scale.width / 2));
    this.draw();
  }

  fit() {
    this.scale.fit();
    this.draw();
  }

  /** Shows an event large. */
  zoomTo(event) {
    const span = Math.max(event.end - event.start, 2) * 3;
    this.scale.show((event.start + event.end - span) / 2, span);
    this.draw();
  }

  // --- pointers ----------------------------------------------------------------------------------------------------------------

  listen() {
    const { slider } = this;
    const on = (type, listener, options = {}) => slider.addEventListener(type, listener, { signal: this.control.signal, ...options });
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => { this.fingers.delete(event.pointerId); this.drag = null; });
    on("pointerleave", () => this.leave());
    on("dblclick", (event) => { const found = this.found(this.place(event)); if (found) this.zoomTo(found); else this.fit(); });
    on("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.slider.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.scale.pan((event.deltaX || event.deltaY) * unit);
    // A pinch on a touchpad comes as a wheel with Ctrl, in smaller steps.
    else this.scale.zoomAt(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.012 : 0.0022)), this.place(event).x);
    this.draw();
  }

  down(event) {
    if (event.button > 0) return;
    this.slider.focus({ preventScroll: true });
    this.slider.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size === 2) {
      this.drag = { kind: "pinch", held: null };
      this.pinch(this.drag);
      return;
    }
    const { sizes } = this;
    if (at.y >= sizes.map - 2 && !this.scale.whole) {
      this.drag = { kind: "map" };
      this.mapTo(at.x);
    } else if (event.pointerType === "mouse" && at.y >= sizes.track) {
      this.drag = { kind: "scrub" };
      this.tell("seek", this.aimed(at.x, event));
    } else this.drag = { kind: "press", from: at, last: at.x };
  }

  move(event) {
    const at = this.place(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, at);
    const { drag } = this;
    if (!drag) { this.over(at, event); return; }
    if (drag.kind === "pinch" && this.fingers.size === 2) {
      this.pinch(drag);
    } else if (drag.kind === "map") this.mapTo(at.x);
    else if (drag.kind === "scrub") { this.over(at, event); this.tell("seek", this.aimed(at.x, event)); }
    else {
      if (drag.kind === "press" && Math.abs(at.x - drag.from.x) > SLOP) drag.kind = this.scale.whole ? "scrub" : "pan";
      if (drag.kind === "pan") {
        this.scale.pan(drag.last - at.x);
        this.hover = null;
        this.readout.hidden = true;
        this.draw();
      }
      drag.last = at.x;
    }
  }

  up(event) {
    const { drag } = this;
    const at = this.place(event);
    this.fingers.delete(event.pointerId);
    if (this.fingers.size) { this.drag = null; return; }
    this.drag = null;
    if (drag?.kind !== "press") return;
    const found = this.found(at);
    if (found) this.tell("choose", found);
    else this.tell("seek", this.aimed(at.x, event));
  }

  /** The second that a pointer means: the beginning of an event that is near, else where it is. With Shift always where it is. */
  aimed(x, { shiftKey = false } = {}) {
    const { record, scale } = this;
    const at = scale.t(x);
    if (shiftKey) return at;
    const place = above(record.events, at, (event) => event.start);
    let best = at;
    let nearest = SNAP * scale.span / scale.width;
    for (const by of [-1, 1]) {
      for (let other = by < 0 ? place - 1 : place; other >= 0 && other < record.events.length; other += by) {
        const { id, start } = record.events[other];
        if (Math.abs(start - at) > nearest) break;
        if (this.shown && !this.shown.has(id)) continue;
        best = start;
        nearest = Math.abs(start - at);
        break;
      }
    }
    return best;
  }

  /** Keeps under each of two fingers what was under it when they came: exact, whichever of them is heard of first. */
  pinch(drag) {
    const { scale } = this;
    const [one, other] = [...this.fingers.values()];
    const apart = other.x - one.x;
    if (Math.abs(apart) < NEAR) return;
    const under = (x) => scale.from + x / scale.width * scale.span;
    drag.held ??= [under(one.x), under(other.x)];
    const [first, second] = drag.held;
    if ((second - first) * apart <= 0) return; // they have changed sides
    const span = (second - first) / apart * scale.width;
    scale.show(first - one.x / scale.width * span, span);
    this.draw();
  }

  mapTo(x) {
    this.scale.show(x / this.scale.width * this.scale.duration - this.scale.span / 2, this.scale.span);
    this.draw();
  }

  over(at, event) {
    const found = this.found(at);
    // What a press would do: over an event it chooses that, elsewhere it seeks.
    const seconds = found ? this.scale.t(at.x) : this.aimed(at.x, event);
    this.hover = clamp(found ? at.x : this.scale.x(seconds), 0, this.scale.width);
    const run = at.y >= this.sizes.track && at.y < this.sizes.ruler ? this.run(seconds) : null;
    const what = found ? found.title : run && !known(run.state) ? `${stateName(run)}${run.reason ? `: ${reasonOf(run)}` : ""}` : "";
    this.line.textContent = [this.words(seconds), what].filter(Boolean).join(" · ");
    this.peek(seconds);
    this.readout.hidden = false;
    const left = this.hover < this.scale.width / 2;
    this.readout.style.left = left ? `${this.hover + 10}px` : "auto";
    this.readout.style.right = left ? "auto" : `${this.scale.width - this.hover + 10}px`;
    this.slider.style.cursor = found ? "pointer" : "";
    this.draw();
  }

  /** Shows what was kept of a moment, once the pointer rests there for the blink of an eye. */
  peek(seconds) {
    clearTimeout(this.peeking);
    this.peeking = setTimeout(async () => {
      const address = await this.pictureAt(seconds);
      if (address === null) this.still.hidden = true;
      else if (this.still.getAttribute("src") !== address) this.still.src = address;
      else this.still.hidden = false;
    }, PEEK);
  }

  leave() {
    clearTimeout(this.peeking);
    this.hover = null;
    this.readout.hidden = true;
    this.draw();
  }

  run(seconds) {
    const { runs } = this.record;
    return runs[above(runs, seconds, (run) => run.start) - 1] ?? null;
  }

  /** The event at a place: the one that was aimed at, with a few pixels of mercy. */
  found({ x, y }) {
    const { scale, sizes, record } = this;
    if (!sizes || y >= sizes.track) return null;
    const lane = Math.floor((y - sizes.top) / sizes.lane);
    const mercy = 4 * scale.span / scale.width;
    const at = scale.from + x / scale.width * scale.span;
    const first = above(record.events, at - this.longest - mercy, (event) => event.start) - 1;
    let best = null;
    let distance = mercy;
    for (let place = Math.max(0, first); place < record.events.length; place += 1) {
      const event = record.events[place];
      if (event.start > at + mercy) break;
      if (record.lanes.of.get(event.id) !== lane || (this.shown && !this.shown.has(event.id))) continue;
      const away = at < event.start ? event.start - at : at > event.end ? at - event.end : 0;
      if (away <= distance) { best = event; distance = away; }
    }
    return best;
  }

  // --- keys --------------------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { Home: 0, End: this.scale.duration, PageUp: this.time - this.scale.span / 10, PageDown: this.time + this.scale.span / 10 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const seconds = clamp(to, 0, this.scale.duration);
    this.tell("seek", seconds);
    this.scale.reveal(seconds);
  }

  destroy() {
    clearTimeout(this.peeking);
    this.control.abort();
    this.watcher.disconnect();
  }
}
