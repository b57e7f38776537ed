// The days of a camera: each is a job of its own, which stays when the next one begins.

import { get, query } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { closing } from "./exports.js";

const SHOWN = 400;

/** A button with a menu of a camera's days, the latest first; `job` is the stream's or one of its days'. */
export function daysMenu(job, signal) {
  const stream = job.kind === "stream" ? job.id : job.parent;
  const sheet = h("div", { class: "menu-sheet days" }, h("p", { class: "muted" }, t("review.loading")));
  const element = h("details", { class: "menu" }, h("summary", { class: "button", "aria-label": t("review.days") }, icon("camera"), h("span", {}, t("review.days"))), sheet);
  element.addEventListener("toggle", async () => {
    if (!element.open) return;
    try {
      const { jobs, outcomes } = await get(`jobs${query({ parent: stream, limit: SHOWN })}`, { signal });
      const row = (day) => h("a", { href: `#/jobs/${day.id}`, "aria-current": day.id === job.id ? "page" : null },
        h("b", { class: "num" }, day.name.slice(-10)),
        h("span", { class: "muted num" }, day.state === "running" ? t("review.day.now") : outcomes[day.id] ? t("streams.events", { n: outcomes[day.id].events }) : null));
      fill(sheet, jobs.length ? jobs.map(row) : h("p", { class: "muted" }, t("review.days.none")));
    } catch (fault) {
      if (fault.name !== "AbortError") fill(sheet, h("p", { class: "muted" }, fault.message));
    }
  });
  return closing(element);
}
