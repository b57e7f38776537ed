// The line above the recording: how far the scan is, why it failed, what of it is missing and how to have that asked again.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock, percent } from "../times.js";
import { lasts } from "./wall.js";

export class Banner {
  /** `retry(name)` makes a button that asks again, `null` where nobody may; `toEdge`, `why` and `seen` are what the others do. */
  constructor(record, { retry, toEdge, why, seen }) {
    Object.assign(this, { record, retry, toEdge, why, seen });
    this.element = h("div", { class: "job-banner", role: "status", hidden: true });
  }

  /** What a reader should know of the scan: how far it is, why it failed, what of it is missing. */
  draw({ hidden, justDone, live }) {
    const { record, element } = this;
    const { job } = record;
    const failed = record.failures;
    const left = record.skips;
    const lasting = (windows) => lasts(windows.reduce((sum, window) => sum + window.end - window.start, 0));
    let inside = null;
    let kind = "";
    if (job.state === "running") {
      const { progress } = job;
      const share = progress?.duration ? Math.min(1, progress.decoded && progress.windows ? (progress.described + progress.failed) / progress.windows : progress.position / progress.duration) : null;
      const again = record.asking.map(({ start, end }) => `${clock(start)}–${clock(end)}`).join(", ");
      const told = again ? [t("review.again.at", { at: again })] : [progress && t("review.progress", { at: clock(progress.position), n: progress.described }), progress?.failed ? t("review.progress.failed", { n: progress.failed }) : null, job.eta ? t("review.progress.left", { time: lasts(job.eta) }) : null];
      inside = [h("span", { class: "num" }, h("span", { class: "live-dot", "aria-hidden": "true" }), share !== null && h("b", {}, `${percent(share)} `), told.filter(Boolean).join(" · ")), h("span", { class: `meter${share === null ? " unsure" : ""}`, style: { "--share": share ?? 0 } }, h("i")), h("button", { type: "button", class: "link", "aria-pressed": String(live), onclick: () => this.toEdge() }, t(live ? "review.live" : "review.edge"))];
      kind = "running";
    } else if (job.state === "queued") {
      inside = [h("span", { class: "spinner" }), h("span", {}, t("review.queued"))];
    } else if (job.state === "failed") {
      inside = [icon("alert"), h("span", { dir: "auto" }, h("b", {}, t("review.job.failed")), ` ${job.error?.message ?? ""}${job.error?.hint ? ` (${job.error.hint})` : ""}`), this.retry(t("review.retry"))];
      kind = "bad";
    } else if (job.state === "cancelled") {
      inside = [icon("stop"), h("span", {}, t("review.cancelled")), this.retry(t("review.go.on"))];
      kind = "warn";
    } else if (failed.length || left.length) {
      const told = [failed.length ? t("review.failed.banner", { n: failed.length, time: lasting(failed) }) : null, left.length ? t("review.skipped.banner", { n: left.length, time: lasting(left) }) : null];
      inside = [icon("alert"), h("span", {}, told.filter(Boolean).join(" ")), this.retry(), h("button", { type: "button", class: "link", onclick: () => this.why() }, t("review.why"))];
      kind = "warn";
    } else if (justDone) {
      const close = h("button", { type: "button", class: "link", onclick: () => this.seen() }, t("do.close"));
      inside = [icon("accept"), h("span", {}, t("review.just.done", { n: record.events.length })), close];
      kind = "done";
    }
    element.hidden = inside === null || hidden;
    element.className = `job-banner ${kind}`;
    if (inside) {
      const focused = element.contains(document.activeElement) ? document.activeElement.textContent : null;
      fill(element, inside);
      if (focused) [...element.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus({ preventScroll: true });
    }
  }
}
