// One row of the list of jobs. It is changed in place, so that the focus stays and pictures are not loaded again.

import { BASE } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { profileName } from "../profiles.js";
import { may } from "../session.js";
import { t } from "../texts.js";
import { ago, clock, length, moment } from "../times.js";

const NEW_PICTURE = 6000;
const ACTS = { queued: ["cancel"], running: ["cancel"], done: ["delete"], failed: ["retry", "delete"], cancelled: ["retry", "delete"] };
const SIGNS = { folder: "folder", stream: "camera" };
const ICONS = { cancel: "stop", retry: "retry", delete: "trash" };

/** How far a job is, 0..1, `null` where nobody can tell. */
export function share(job) {
  const told = job.progress;
  if (!told) return null;
  if (told.decoded && told.windows) return (told.described + told.failed) / told.windows;
  return told.duration ? Math.min(1, told.position / told.duration) : null;
}

/** A row: `{ element, update(job, about) }`. `about`: `outcome` and `within` of the list. `acts` has what can be done. */
export function jobRow(first, about, acts) {
  const shot = h("span", { class: "shot" });
  const name = h("a", { class: "name", dir: "auto" }, first.name);
  const line = h("p", { class: "line fine muted" });
  const state = h("div", { class: "state" });
  const when = h("time", { class: "when fine muted" });
  const actions = h("div", { class: "acts", role: "group", "aria-label": t("job.actions", { name: first.name }) });
  const element = h("li", { class: "job" }, shot, h("div", { class: "what" }, h("h3", {}, name), line), state, when, actions);
  const picture = poster(shot);
  let shownActs = "";

  function update(job, { outcome, within }) {
    element.dataset.state = job.state;
    name.href = job.kind === "folder" ? `#/?folder=${job.id}` : `#/jobs/${job.id}`;
    picture(job, within);
    const parts = [job.kind === "folder" ? t("job.videos", { n: job.children?.length ?? total(within) }) : outcome && clock(outcome.duration), profileName(job.profile), job.question];
    fill(line, parts.filter(Boolean).map((part, place) => [place ? " · " : null, h("span", { dir: "auto" }, part)]));
    const at = job.finished ?? job.started ?? job.created;
    when.dateTime = at;
    when.title = moment(at);
    when.textContent = ago(at);
    fill(state, stateOf(job, outcome, within));
    if (shownActs !== job.state) {
      shownActs = job.state;
      fill(actions, may("submit") && ACTS[job.state].map((act) => h(
        "button",
        { type: "button", class: "button plain icon-only", title: t(`job.${act}`), "aria-label": t(`job.${act}.of`, { name: job.name }), onclick: () => acts[act](job) },
        icon(ICONS[act]),
      )));
    }
  }

  update(first, about);
  return { element, update };
}

function stateOf(job, outcome, within) {
  if (job.kind === "stream" && job.state === "running") {
    return [h("span", { class: "word" }, t("streams.state.playing")), h("p", { class: "fine muted num" }, t("job.windows", { n: job.progress?.described ?? 0 }))];
  }
  if (job.state === "running" || (job.state === "queued" && within)) return running(job, within);
  if (job.state === "queued") return h("span", { class: "muted" }, t("job.waiting"));
  if (job.state === "failed") {
    const why = job.error ? [job.error.message, job.error.hint].filter(Boolean).join(" — ") : "";
    return [h("span", { class: "word bad" }, t("state.failed")), h("p", { class: "fine why", dir: "auto", title: why }, why || failures(within))];
  }
  if (job.state === "cancelled") return h("span", { class: "word muted" }, t("state.cancelled"));
  if (within) return [h("span", { class: "word" }, t("state.done")), failures(within) && h("p", { class: "fine" }, failures(within))];
  const gaps = job.progress?.failed ?? 0;
  return [
    outcome && h("span", { class: outcome.events ? "word" : "word muted" }, outcome.events ? t("job.events", { n: outcome.events }) : t("job.quiet")),
    gaps > 0 && h("p", { class: "fine warn" }, t("job.unseen", { n: gaps })),
  ];
}

function running(job, within) {
  const done = within ? ((within.done ?? 0) + (within.failed ?? 0) + (within.cancelled ?? 0)) / total(within) : share(job);
  const told = job.progress;
  let text = t("job.starting");
  if (within) text = t("job.videos.done", { done: within.done ?? 0, n: total(within) });
  else if (told?.decoded && told.windows) text = t("job.describing", { done: told.described + told.failed, n: told.windows });
  else if (told?.duration) text = t("job.reading", { position: clock(told.position), duration: clock(told.duration) });
  else if (told?.position) text = t("job.read", { position: clock(told.position) });
  const left = job.eta === null ? null : t("job.left", { time: length(job.eta, { coarse: true }) });
  const meter = h("div", {
    class: done === null ? "meter unsure" : "meter", role: "progressbar", "aria-label": t("job.progress", { name: job.name }),
    "aria-valuenow": done === null ? null : Math.round(done * 100), "aria-valuemin": 0, "aria-valuemax": 100,
  }, h("i", { style: { "--share": String(done ?? 0) } }));
  return [meter, h("p", { class: "fine num between" }, h("span", {}, text), left && h("span", { class: "muted" }, left))];
}

function failures(within) {
  return within?.failed ? t("job.videos.failed", { n: within.failed }) : "";
}

function total(within) {
  return Object.values(within ?? {}).reduce((sum, each) => sum + each, 0);
}

/** Keeps the picture of a row: none before there is one, a newer one now and then while the job runs, the final one at its end. */
function poster(shot) {
  let shown = "";
  return (job, within) => {
    const told = job.progress;
    const there = within ? Boolean(within.done) : job.state === "done" || Boolean(told && told.described + told.failed);
    const stamp = job.state === "running" ? Math.floor(Date.now() / NEW_PICTURE) : job.finished ?? job.state;
    const wanted = there ? `${job.id}/poster.jpg?${stamp}` : "";
    if (wanted === shown && shot.firstChild) return;
    shown = wanted;
    const plain = () => fill(shot, icon(SIGNS[job.kind] ?? "film"));
    if (!wanted) {
      plain();
      return;
    }
    const image = h("img", { alt: "", decoding: "async", src: `${BASE}/jobs/${wanted}` });
    image.addEventListener("error", plain, { once: true });
    // The old picture stays until the new one is there.
    image.addEventListener("load", () => { if (shown === wanted) fill(shot, image); }, { once: true });
    if (!shot.firstChild) plain();
  };
}
