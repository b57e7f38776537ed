// The line at the top of one job: its name, its menus, and what can be done to it as a whole: asked again, cancelled, deleted.

import { remove } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { may } from "../session.js";
import { sure } from "../talk.js";
import { t } from "../texts.js";
import { daysMenu } from "./days.js";
import { closing, exportMenu } from "./exports.js";
import { help } from "./keys.js";
import { lasts, wallClock, wallDay } from "./wall.js";

/** Whether a job is a camera, or one of its days. */
export const watched = (job) => job.kind === "stream" || job.kind === "day";

export class Head {
  /**
   * `chosen()` are the ids of the events that a filter leaves, `null` for all; `add` begins an event of one's own; `complain(fault)` is
   * called when something could not be done. `signal` ends what it listens to.
   */
  constructor(record, { chosen, add, complain, signal }) {
    Object.assign(this, { record, chosen, add, complain, signal });
    this.element = h("header", { class: "job-head" });
  }

  /** Draws it anew, if what it shows has changed. */
  draw() {
    const { record } = this;
    const { job, source } = record;
    const key = JSON.stringify([job.state, job.name, record.duration, source?.clock, record.events.length, record.watching?.video]);
    if (key === this.drawn) return;
    this.drawn = key;
    const day = source && wallDay(source, 0);
    const line = [record.duration ? lasts(record.duration) : null, day && `${day} ${wallClock(source, 0)}–${wallClock(source, record.duration)}`, source?.camera].filter(Boolean);
    const can = may("submit");
    const act = (name, sign, run, bad = false) => h("button", { type: "button", class: bad ? "bad" : null, onclick: run }, icon(sign), t(name));
    fill(this.element,
      h("a", { class: "job-back", href: job.parent ? `#/jobs/${job.parent}` : "#/", "aria-label": t("review.back"), title: t("review.back") }, icon("back")),
      h("div", { class: "job-names" }, h("h1", {}, h("bdi", {}, job.name)), h("p", { class: "muted num" }, line.join(" · "))),
      job.state !== "done" && h("span", { class: `job-state ${job.state}` }, t(`review.job.${job.state}`)),
      h("span", { class: "space" }),
      can && this.record.settled && h("button", { type: "button", class: "button", "aria-label": t("review.add"), onclick: () => this.add() }, icon("add"), h("span", {}, t("review.add"))),
      watched(job) && daysMenu(job, this.signal),
      record.timeline && exportMenu(record, { chosen: this.chosen }),
      closing(h("details", { class: "menu" }, h("summary", { class: "button plain icon-only", "aria-label": t("review.more"), title: t("review.more") }, icon("more")), h("div", { class: "menu-sheet" },
        h("button", { type: "button", onclick: help }, h("kbd", {}, "?"), t("review.keys")),
        can && record.ended && job.kind !== "day" && act("review.retry", "retry", () => this.retry()),
        can && !record.ended && job.kind !== "day" && act("review.cancel", "stop", () => this.cancel()),
        can && record.ended && act("review.delete", "trash", () => this.remove(), true)))));
  }

  /** A button that asks again what has no answer, or of it `window` alone; `label` is what it is called where its name says too little. */
  retryButton(name = this.retryName(), { window = null, label = null } = {}) {
    const { job, ended } = this.record;
    if (!may("submit") || !ended || job.kind === "day" || (window !== null && job.kind !== "scan")) return null;
    return h("button", { type: "button", class: "button", "aria-label": label, onclick: () => this.retry(window) }, icon("retry"), name);
  }

  /** What the button is called that asks all that has no answer. */
  retryName() {
    const [failed, left] = [this.record.failures.length, this.record.skips.length];
    return t(failed && left ? "review.retry.both" : left ? "review.retry.skipped" : "review.retry.failed", { n: failed + left });
  }

  async retry(window = null) {
    try {
      await this.record.order(window === null ? "retry" : `windows/${window}/retry`);
    } catch (fault) { this.complain(fault); }
  }

  async cancel() {
    if (!(await sure(t("review.cancel.sure"), t("review.cancel.text"), { yes: t("review.cancel") }))) return;
    try {
      await this.record.order("cancel");
    } catch (fault) { this.complain(fault); }
  }

  async remove() {
    if (!(await sure(t("review.delete.sure"), t("review.delete.text", { name: this.record.job.name }), { yes: t("review.delete"), bad: true }))) return;
    try {
      await remove(this.record.path);
      location.hash = "#/";
    } catch (fault) { this.complain(fault); }
  }
}
