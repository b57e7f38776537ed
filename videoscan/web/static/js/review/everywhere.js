// A search of all timelines from within one: what is found here seeks, what is found elsewhere leads there.

import { get, query, sentence } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock, wallText } from "../times.js";

const PAGE = 30;

/** A row of what was found; `here(hit)` is called for those of `job`, others are links. */
export function hitRow(hit, job, here) {
  const mine = hit.job === job;
  const inside = [
    h("span", { class: "row-picture" }, hit.picture ? h("img", { src: `${hit.picture}?side=176`, alt: "", loading: "lazy", decoding: "async", width: 88, height: 50 }) : icon("film")),
    h("span", { class: "row-words" },
      h("span", { class: "row-when num" }, h("b", {}, clock(hit.start)), hit.wall_start && h("span", {}, wallText(hit.wall_start, 0, { date: true }))),
      h("span", { class: "row-title" }, h("bdi", {}, hit.title)),
      h("span", { class: "row-tags" }, h("bdi", {}, mine ? t("review.here") : (hit.camera ?? hit.source)))),
  ];
  if (mine) return h("li", { class: "row still" }, h("button", { type: "button", class: "row-main", onclick: () => here(hit) }, inside));
  if (!hit.job) return h("li", { class: "row still" }, h("span", { class: "row-main" }, inside));
  return h("li", { class: "row still" }, h("a", { class: "row-main", href: `#/jobs/${hit.job}?t=${hit.start}&event=${encodeURIComponent(hit.id)}` }, inside));
}

/** The panel: `search(text)` looks, `close()` is called by its button. */
export class Everywhere {
  constructor(record, { seek, close }) {
    this.record = record;
    this.seek = seek;
    this.list = h("ol", { class: "still-rows" });
    this.head = h("p", { class: "muted", role: "status" });
    this.more = h("button", { type: "button", class: "button", hidden: true, onclick: () => this.next() }, t("do.more"));
    this.element = h("section", { class: "panel", "aria-label": t("review.everywhere") },
      h("div", { class: "panel-head" }, h("h2", {}, t("review.everywhere")), h("button", { type: "button", class: "button plain icon-only", "aria-label": t("do.close"), onclick: close }, icon("close"))),
      this.head, this.list, this.more);
  }

  async search(text) {
    this.text = text;
    this.count = 0;
    fill(this.list);
    fill(this.head, t("review.searching"));
    await this.next();
  }

  async next() {
    const { text } = this;
    this.more.hidden = true;
    try {
      const found = await get(`search${query({ q: text, limit: PAGE, offset: this.count })}`, { signal: this.record.control.signal });
      if (text !== this.text) return;
      this.count += found.hits.length;
      fill(this.head, found.count ? t("review.found", { n: found.count, text }) : t("review.found.none", { text }), found.more ? " +" : "");
      this.list.append(...found.hits.map((hit) => hitRow(hit, this.record.id, this.seek)));
      this.more.hidden = found.hits.length < PAGE;
    } catch (fault) {
      const told = sentence(fault);
      if (told) fill(this.head, told);
    }
  }
}

