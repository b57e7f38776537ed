// The field and the buttons above the list: what is shown here, and the way to a search of everything.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { NONE, STATES, empty, stateOf } from "./filters.js";
import { colour, counted } from "./lanes.js";

const TAGS = 24;

/** Events: `filter` (detail: the filter), `everywhere` (detail: a text). */
export class FilterBar extends EventTarget {
  constructor(record) {
    super();
    this.record = record;
    this.filter = { ...NONE };
    this.field = h("input", {
      type: "search", placeholder: t("review.find"), "aria-label": t("review.find"), autocomplete: "off", spellcheck: "false", "data-find": true,
      oninput: () => this.change({ text: this.field.value }),
      onkeydown: (event) => {
        if (event.key === "Escape") { event.stopPropagation(); this.clear(); this.field.blur(); }
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.elsewhere();
      },
    });
    this.count = h("p", { class: "count num muted", role: "status", "aria-live": "polite" });
    this.open = h("button", { type: "button", class: "button icon-only", "aria-label": t("review.filter"), title: t("review.filter"), "aria-expanded": "false", onclick: () => this.toggle() }, icon("filter"));
    this.panel = h("div", { class: "filters", hidden: true });
    this.everywhere = h("button", { type: "button", class: "link", hidden: true, onclick: () => this.elsewhere() }, t("review.everywhere"));
    this.reset = h("button", { type: "button", class: "link", hidden: true, onclick: () => { this.clear(); this.field.focus(); } }, t("review.filter.clear"));
    this.under = h("div", { class: "find-under fine" }, this.count, this.everywhere, this.reset);
    this.element = h("div", { class: "find" },
      h("div", { class: "find-row" }, h("div", { class: "find-field" }, icon("search"), this.field), this.open),
      this.panel,
      this.under);
  }

  change(part) {
    this.filter = { ...this.filter, ...part };
    this.dispatchEvent(new CustomEvent("filter", { detail: this.filter }));
  }

  clear() {
    this.field.value = "";
    this.change({ ...NONE });
    this.renew();
  }

  elsewhere() { this.dispatchEvent(new CustomEvent("everywhere", { detail: this.field.value.trim() })); }

  toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.open.setAttribute("aria-expanded", String(open));
    if (open) this.renew();
  }

  /** Presses or releases a tag, as a lane's name does too. */
  flip(tag) {
    const { tags } = this.filter;
    this.change({ tags: tags.includes(tag) ? tags.filter((each) => each !== tag) : [...tags, tag] });
    this.renew();
  }

  /** Says how many are left. */
  told(left) {
    const all = this.record.events.length;
    const narrowed = !empty(this.filter);
    this.count.textContent = narrowed ? t("review.count.of", { n: all, left }) : t("review.count", { n: all });
    this.under.classList.toggle("unseen", !narrowed);
    this.everywhere.hidden = !this.filter.text.trim();
    this.reset.hidden = !narrowed;
    this.open.classList.toggle("on", narrowed && !(this.filter.text && empty({ ...this.filter, text: "" })));
  }

  /** How much of something, 0 to 1, an event must have at least: a slider, where any event says so. */
  least(what) {
    if (!this.record.events.some((event) => event[what] !== null)) return null;
    const said = (share) => (share ? t("review.filter.sure", { share }) : t("review.filter.any"));
    const share = Math.round(this.filter[what] * 100);
    const told = h("output", { class: "num" }, said(share));
    const range = h("input", {
      type: "range", min: 0, max: 95, step: 5, value: share, "aria-label": t(`review.filter.${what}`),
      oninput: (event) => {
        const value = Number(event.target.value);
        told.textContent = said(value);
        this.change({ [what]: value / 100 });
      },
    });
    return h("label", { class: "filter-range" }, h("span", { class: "fine muted" }, t(`review.filter.${what}`)), range, told);
  }

  /** Draws the buttons anew, by what there is to filter by. */
  renew() {
    if (this.panel.hidden) return;
    const { record, filter } = this;
    const states = new Map();
    for (const event of record.events) states.set(stateOf(event), (states.get(stateOf(event)) ?? 0) + 1);
    const chip = (name, pressed, flip, count = null, lane = null) => h("button", {
      type: "button", class: "chip", "aria-pressed": String(pressed), style: lane === null ? {} : { "--lane": `var(--lane-${lane})` }, onclick: () => { flip(); this.renew(); },
    }, lane !== null && h("span", { class: "dot" }), h("bdi", {}, name), count !== null && h("span", { class: "num count-of" }, count));
    const flipState = (state) => () => this.change({ states: filter.states.includes(state) ? filter.states.filter((each) => each !== state) : [...filter.states, state] });
    const alerted = record.events.filter((event) => event.alerts?.length).length;
    const lanes = new Map(record.lanes.lanes.map((tag, at) => [tag, colour(record.lanes, at)]));
    const group = (name, ...inside) => h("div", { class: "filter-group", role: "group", "aria-label": name }, h("span", { class: "fine muted", "aria-hidden": "true" }, name), h("div", { class: "chips" }, inside));
    fill(this.panel,
      group(t("review.filter.state"), STATES.filter((state) => states.has(state) || filter.states.includes(state)).map((state) => chip(t(`review.${state}`), filter.states.includes(state), flipState(state), states.get(state) ?? 0))),
      alerted || filter.alerts ? group(t("review.filter.alerts"), chip(t("review.filter.alerted"), filter.alerts, () => this.change({ alerts: !filter.alerts }), alerted)) : null,
      this.least("importance"), this.least("confidence"),
      group(t("review.filter.tags"), counted(record.events).slice(0, TAGS).map(([tag, count]) => chip(tag, filter.tags.includes(tag), () => this.flip(tag), count, lanes.get(tag) ?? null))));
  }
}
