// The event that is looked at: what was said of it, what it rests on, and what a person says of it.

import { fill, h, svg } from "../dom.js";
import { icon } from "../icons.js";
import { dialog } from "../talk.js";
import { t } from "../texts.js";
import { ago, clock } from "../times.js";
import { editor } from "./editor.js";
import { clipOf, hasFootage } from "./exports.js";
import { stateOf } from "./filters.js";
import { lasts, wallClock } from "./wall.js";

const BOOKKEEPING = ["joined with window", "the model told of a field that was not asked for"];

/** Outlines a region of a picture, `[x0, y0, x1, y1]` in 0..1. */
export function outline([x0, y0, x1, y1]) {
  const box = { x: 100 * x0, y: 100 * y0, width: 100 * (x1 - x0), height: 100 * (y1 - y0) };
  return svg("svg", { class: "outline", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", box));
}

/** An attribute's value as people read it. */
function inWords(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return t(value ? "review.yes" : "review.no");
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** `acts` holds what buttons do: accept, reject, save(changes, comment), seek(seconds), may(). */
export class Detail {
  constructor(record, player, acts) {
    Object.assign(this, { record, player, acts });
    this.event = null;
    this.editing = null;
    this.element = h("section", { class: "detail", "aria-label": t("review.detail") });
    this.show(null);
  }

  /** Shows an event; `null` for none. An edit under way is not lost: it stays until it is saved or given up. */
  show(event) {
    if (this.editing && event && this.editing.id === event.id && !this.editing.done) return;
    this.editing = null;
    this.event = event;
    this.element.classList.remove("editing");
    if (!event) {
      fill(this.element, h("p", { class: "detail-none muted" }, t(this.record.events.length ? "review.detail.none" : this.record.ended ? "review.detail.never" : "review.detail.nothing")));
      return;
    }
    const keep = this.element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    fill(this.element, this.words(event), this.shots(event));
    if (keep) this.element.querySelector(`[data-act="${keep}"]`)?.focus({ preventScroll: true });
  }

  words(event) {
    const { source } = this.record;
    const state = stateOf(event);
    const wall = wallClock(source, event.start);
    const facts = Object.entries(event.attributes ?? {}).map(([name, value]) => [name, inWords(value)]).filter(([, value]) => value);
    // What is said scrolls where there is little room; the buttons stand below it, and nothing runs under them.
    return h("div", { class: "detail-words" },
      h("div", { class: "detail-said" },
        h("p", { class: "detail-when num" },
          h("button", { type: "button", class: "link", "data-act": "start", onclick: () => this.acts.seek(event.start) }, clock(event.start, { digits: 1 })), "–",
          h("button", { type: "button", class: "link", "data-act": "end", onclick: () => this.acts.seek(event.end) }, clock(event.end, { digits: 1 })),
          h("span", { class: "muted" }, lasts(event.end - event.start)),
          wall && h("span", { class: "muted" }, wall),
          event.start - event.start_after >= 1 && event.origin !== "person" && h("span", { class: "muted" }, t("review.began", { time: clock(event.start_after) }))),
        h("h2", { class: `detail-title ${state}`, dir: "auto" }, event.title),
        event.description && h("p", { class: "detail-text", dir: "auto" }, event.description),
        facts.length ? h("dl", { class: "detail-facts" }, facts.map(([name, value]) => h("div", {}, h("dt", { dir: "auto" }, name), h("dd", { dir: "auto" }, value)))) : null,
        h("p", { class: "detail-tags" },
          event.tags.map((tag) => h("bdi", { class: "tag" }, tag)),
          event.alerts?.map((rule) => h("span", { class: "badge warn" }, icon("alert"), h("bdi", {}, rule))),
          event.origin !== "model" && h("span", { class: "badge" }, t(`review.origin.${event.origin}`)),
          event.confidence !== null && h("span", { class: "badge num" }, t("review.sure", { share: Math.round(event.confidence * 100) })),
          event.importance !== null && h("span", { class: "badge num" }, t("review.matters", { share: Math.round(event.importance * 100) })),
          (event.flags ?? []).filter((flag) => !BOOKKEEPING.some((begin) => flag.startsWith(begin))).map((flag) => h("span", { class: "badge", dir: "auto" }, flag))),
        this.reviewed(event)),
      this.buttons(event, state));
  }

  /** Who said what of it, and what the describer had said. */
  reviewed(event) {
    const { review } = event;
    if (!review) return null;
    const was = Object.entries(review.was ?? {}).filter(([name]) => ["title", "description", "tags", "start", "end"].includes(name));
    const shown = (name, value) => (name === "start" || name === "end" ? clock(value, { digits: 1 }) : inWords(value));
    return h("div", { class: `detail-review ${review.state}` },
      h("p", {}, icon({ accepted: "accept", rejected: "reject", edited: "edit", added: "add" }[review.state]),
        t(review.by ? `review.${review.state}.by` : `review.${review.state}`, { by: review.by ?? "" }), review.at && h("span", { class: "muted" }, ago(review.at))),
      review.comment && h("p", { dir: "auto" }, review.comment),
      was.map(([name, value]) => h("p", { class: "muted" }, t("review.was", { field: t(`review.field.${name}`) }), " ", h("s", { dir: "auto" }, shown(name, value)))));
  }

  buttons(event, state) {
    const settled = this.acts.may();
    const button = (act, name, sign, pressed) => h("button", {
      type: "button", class: "button", "data-act": act, disabled: !settled, "aria-pressed": pressed === null ? null : String(pressed), onclick: () => this.acts[act](event), title: settled ? null : this.acts.whyNot(),
    }, icon(sign), name);
    return h("div", { class: "detail-acts" },
      button("accept", t("review.accept"), "accept", state === "accepted"),
      button("reject", t("review.reject"), "reject", state === "rejected"),
      button("edit", t("review.edit"), "edit", null),
      h("span", { class: "detail-more" },
        hasFootage(this.record) && state !== "rejected" && h("a", { class: "button plain icon-only", "aria-label": t("review.clip"), title: t("review.clip"), "data-act": "clip", ...clipOf(this.record, event) }, icon("download")),
        h("button", { type: "button", class: "button plain icon-only", "aria-label": t("review.link"), title: t("review.link"), "data-act": "link", onclick: () => this.acts.link(event) }, icon("link"))));
  }

  shots(event) {
    const { evidence } = event;
    if (!evidence.length) return h("p", { class: "detail-shots muted" }, t(event.origin === "person" ? "review.shots.person" : "review.shots.none"));
    return h("ul", { class: "detail-shots", "aria-label": t("review.evidence") }, evidence.slice(0, 40).map((each, at) => {
      const label = t("review.shot", { time: clock(each.time, { digits: 1 }), frame: each.frame });
      const inside = each.picture
        ? [h("img", { src: this.player.evidence(each, 480), alt: label, loading: "lazy", decoding: "async" }), each.region && outline(each.region)]
        : h("span", { class: "shot-none" }, t("review.shot.none"));
      return h("li", { class: "shot" },
        h("button", { type: "button", class: "shot-picture", "aria-label": label, onclick: () => this.acts.seek(each.time, each), ondblclick: () => this.enlarge(at) }, inside),
        h("span", { class: "shot-under num" }, clock(each.time, { digits: 1 }),
          each.picture && h("button", { type: "button", class: "link", "data-act": `large-${at}`, onclick: () => this.enlarge(at), "aria-label": `${t("review.enlarge")}: ${label}` }, t("review.enlarge"))));
    }));
  }

  /** Shows a picture of the evidence as large as the window, with arrows to the others. */
  enlarge(at = 0) {
    const pictures = this.event?.evidence.filter((each) => each.picture) ?? [];
    if (!pictures.length) return;
    let place = Math.min(Math.max(0, at), pictures.length - 1);
    const stage = h("div", { class: "large" });
    const caption = h("p", { class: "num muted" });
    const draw = () => {
      const each = pictures[place];
      fill(stage, h("img", { src: this.player.evidence(each), alt: t("review.shot", { time: clock(each.time, { digits: 1 }), frame: each.frame }) }), each.region && outline(each.region));
      fill(caption, `${place + 1} / ${pictures.length} · ${clock(each.time, { digits: 1 })} · ${t("review.frame", { frame: each.frame })}`);
      this.acts.seek(each.time, each);
    };
    const turn = (by) => { if (pictures[place + by]) { place += by; draw(); } };
    const back = h("button", { type: "button", class: "button icon-only", "aria-label": t("review.before"), onclick: () => turn(-1) }, icon("back"));
    const on = h("button", { type: "button", class: "button icon-only", "aria-label": t("review.after"), onclick: () => turn(1) }, icon("forward"));
    const close = h("button", { type: "button", class: "button", autofocus: true }, t("do.close"));
    const shown = dialog(this.event.title, [stage, h("div", { class: "buttons" }, caption, pictures.length > 1 && [back, on], close)], { wide: true });
    shown.element.classList.add("viewer");
    close.addEventListener("click", shown.close);
    shown.element.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 }[event.key];
      if (by) { event.preventDefault(); turn(by); }
    });
    draw();
  }

  /** Opens the form: for the event that is shown, or for a new one that begins at `start`. */
  edit(event, start = null) {
    const fresh = event === null;
    const shown = event ?? { id: null, title: "", description: "", tags: [], start, end: Math.min(this.record.duration, start + 5), review: null };
    this.editing = { id: shown.id, done: false };
    const mine = this.editing;
    const close = () => {
      mine.done = true;
      if (this.editing === mine) this.editing = null;
      this.show(this.record.event(this.event?.id) ?? this.event ?? null);
      this.element.querySelector('[data-act="edit"]')?.focus({ preventScroll: true });
    };
    const form = editor(this.record, this.player, shown, {
      fresh,
      cancel: close,
      save: async (changes, comment) => {
        const saved = await (fresh ? this.acts.add(changes, comment) : this.acts.save(shown, changes, comment));
        if (saved) close();
        return saved;
      },
    });
    this.element.classList.add("editing");
    fill(this.element, form);
    form.querySelector("input").focus({ preventScroll: true });
    form.querySelector("input").select();
  }
}
