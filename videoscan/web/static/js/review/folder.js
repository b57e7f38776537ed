// A folder's job: the recordings in it, each with a screen of its own.

import { get, query } from "../api.js";
import { add, fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { percent } from "../times.js";

const PAGE = 200;
const AGAIN = 2000;

/** The screen of a folder; what `mount` answers with. */
export function children(root, record) {
  const list = h("ol", { class: "children" });
  const head = h("header", { class: "screen-head" });
  let timer = 0;
  async function draw() {
    const jobs = [];
    let cursor = null;
    do {
      const page = await get(`jobs${query({ parent: record.id, limit: PAGE, cursor })}`, { signal: record.control.signal });
      jobs.push(...page.jobs);
      cursor = page.next;
    } while (cursor);
    record.job = await get(record.path, { signal: record.control.signal });
    fill(head, h("h1", {}, h("a", { class: "job-back", href: "#/", "aria-label": t("review.back") }, icon("back")), " ", h("bdi", {}, record.job.name)), h("p", { class: "muted" }, t("review.folder", { n: jobs.length })));
    const share = (job) => (job.progress?.duration ? Math.min(1, job.progress.position / job.progress.duration) : 0);
    fill(list, jobs.map((job) => h("li", {}, h("a", { href: `#/jobs/${job.id}` }, icon(job.kind === "folder" ? "folder" : "film"), h("bdi", {}, job.name)),
      h("span", { class: `job-state ${job.state}` }, t(`review.job.${job.state}`), job.state === "running" ? ` ${percent(share(job))}` : ""), job.error && h("p", { class: "muted", dir: "auto" }, job.error.message))));
    if (!record.ended) timer = setTimeout(() => draw().catch(() => { timer = setTimeout(draw, AGAIN); }), AGAIN);
  }
  add(root, head, list);
  draw().catch((fault) => { if (fault.name !== "AbortError") add(root, h("p", { class: "note bad" }, fault.message)); });
  return {
    unmount() {
      clearTimeout(timer);
      record.close();
    },
  };
}
