// What there is to know of the scan as a whole: its summary and chapters, what was looked at and what was not and why, what it cost.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { bytes, clock, moment, number, percent } from "../times.js";
import { byWindow, gaps, reasonOf, totals, windowOf } from "./coverage.js";
import { lasts } from "./wall.js";

const FEW = 12;

/** A text with the events it cites as what seeks to them. */
function cited(text, record, seek) {
  const ids = new Map(record.events.flatMap((event) => [event.id, ...(event.aliases ?? [])].map((id) => [id, event])));
  return text.split(/([A-Za-z0-9_.-]{4,64})/).map((piece) => {
    const event = ids.get(piece);
    return event ? h("button", { type: "button", class: "link num", onclick: () => seek(event) }, clock(event.start)) : piece;
  });
}

/** Money, as the language writes it; a currency that nobody knows as it is. */
function money({ amount, currency }) {
  try { return number(amount, { style: "currency", currency, maximumFractionDigits: amount < 1 ? 4 : 2 }); } catch { return `${amount} ${currency}`; }
}

/** Who described it. The endpoint's host only: its address may hold more. */
function described({ kind, model, endpoint }) {
  if (kind === "offline") return t("review.offline");
  let host = null;
  try { host = endpoint && new URL(endpoint).hostname; } catch { /* an address of another kind */ }
  return [kind, model, host].filter(Boolean).join(" · ");
}

export class About {
  constructor(record, { seek, choose, retry }) {
    Object.assign(this, { record, seek, choose, retry });
    this.element = h("section", { class: "panel", "aria-label": t("review.about") });
  }

  /** Draws it anew. Who has just asked a stretch again stays at it. */
  renew() {
    const { timeline, job } = this.record;
    const at = this.element.contains(document.activeElement) ? document.activeElement.closest("li[data-window]")?.dataset.window : undefined;
    fill(this.element, timeline ? [this.summary(timeline), this.looked(timeline), this.chapters(timeline)] : null, this.facts(timeline, job), this.notes());
    if (at !== undefined) this.element.querySelector(`li[data-window="${at}"] button`)?.focus({ preventScroll: true });
  }

  summary(timeline) {
    const notes = [timeline.describer.note, ...(timeline.source.flags ?? []), ...(timeline.flags ?? [])].filter(Boolean);
    return [
      timeline.summary && h("div", { class: "part" }, h("h2", {}, t("review.summary")), h("p", { class: "prose", dir: "auto" }, cited(timeline.summary, this.record, this.choose))),
      notes.map((note) => h("p", { class: "note fine", dir: "auto" }, note)),
    ];
  }

  looked(timeline) {
    const seconds = totals(this.record.runs);
    const missing = gaps(this.record.runs).flatMap((run) => byWindow(run, this.record.skips));
    const duration = timeline.source.duration - seconds.absent;
    const seen = seconds.described + seconds.unchanged;
    const share = missing.length ? Math.min(seen / Math.max(duration, 0.001), 0.999) : 1;
    const failed = this.record.failures;
    const left = this.record.skips;
    const legend = Object.entries(seconds).filter(([, time]) => time > 0);
    const { asking } = this.record;
    const again = (run) => {
      const window = windowOf(run);
      if (window === null) return null;
      if (asking.some(({ index }) => index === window)) return now();
      return this.retry?.(t("review.retry.one"), { window, label: t("review.retry.one.of", { from: clock(run.start), to: clock(run.end) }) });
    };
    const now = () => h("span", { class: "gap-asked" }, h("span", { class: "spinner", "aria-hidden": "true" }), t("review.again.now"));
    const line = (run) => h("li", { "data-window": windowOf(run) }, h("span", { class: `swatch ${run.state}`, "aria-hidden": "true" }), h("span", {},
      h("button", { type: "button", class: "link num", onclick: () => this.seek(run.start) }, `${clock(run.start)}–${clock(run.end)}`), " ", h("span", { class: "num muted" }, lasts(run.end - run.start)),
      h("span", { class: "gap-reason", dir: "auto" }, reasonOf(run))), again(run));
    const asked = ({ index, start, end }) => h("li", { "data-window": index }, h("span", { class: "swatch failed", "aria-hidden": "true" }),
      h("span", {}, h("button", { type: "button", class: "link num", onclick: () => this.seek(start) }, `${clock(start)}–${clock(end)}`), " ", h("span", { class: "num muted" }, lasts(end - start))), now());
    const apart = asking.filter(({ index }) => !missing.some((run) => windowOf(run) === index));
    return h("div", { class: "part" }, h("h2", {}, t("review.coverage")),
      h("p", {}, t(missing.some((run) => run.state !== "absent") ? "review.looked.part" : "review.looked.all", { seen: lasts(seen), whole: lasts(duration), share: percent(share) })),
      h("ul", { class: "legend" }, legend.map(([state, time]) => h("li", {}, h("span", { class: `swatch ${state}`, "aria-hidden": "true" }), t(`review.state.${state}`), h("span", { class: "num muted" }, lasts(time))))),
      apart.length ? h("ul", { class: "gaps" }, apart.map(asked)) : null,
      missing.length ? h("ul", { class: "gaps" }, missing.slice(0, FEW).map(line)) : null,
      missing.length > FEW ? h("details", {}, h("summary", {}, t("review.gaps.more", { n: missing.length - FEW })), h("ul", { class: "gaps" }, missing.slice(FEW, 500).map(line))) : null,
      left.length ? h("div", { class: "skipped-part" }, h("p", {}, t("review.skipped.windows", { n: left.length })), h("p", { class: "muted fine" }, t(timeline.budget?.per === "day" ? "review.skipped.anew.day" : "review.skipped.anew")), failed.length ? null : this.retry?.(t("review.retry.skipped", { n: left.length }))) : null,
      failed.length ? h("div", { class: "failed-part" }, h("p", {}, t("review.failed.windows", { n: failed.length })), h("p", { class: "muted fine", dir: "auto" }, [...new Set(failed.map((window) => window.error?.message).filter(Boolean))].slice(0, 3).join(" · ")), this.retry?.()) : null);
  }

  chapters(timeline) {
    if (timeline.chapters.length < 2) return null;
    return h("div", { class: "part" }, h("h2", {}, t("review.chapters")), h("ol", { class: "chapters" }, timeline.chapters.map((chapter) => h("li", {},
      h("button", { type: "button", class: "link num", onclick: () => this.seek(chapter.start) }, clock(chapter.start)),
      h("div", {}, h("b", { dir: "auto" }, chapter.title), chapter.summary && h("p", { class: "muted", dir: "auto" }, cited(chapter.summary, this.record, this.choose)))))));
  }

  facts(timeline, job) {
    const usage = timeline?.usage ?? job.usage;
    const rows = [
      ["source", job.source],
      timeline?.source.camera && ["camera", timeline.source.camera],
      timeline && ["duration", clock(timeline.source.duration)],
      timeline && ["picture", `${timeline.source.width} × ${timeline.source.height}${timeline.source.fps ? ` · ${number(timeline.source.fps, { maximumFractionDigits: 2 })} fps` : ""}`],
      timeline && ["describer", described(timeline.describer)],
      job.question && ["question", job.question],
      ["profile", typeof job.profile === "string" ? job.profile : t("review.fact.profile.own")],
      timeline && ["frames", t("review.fact.frames.said", { sampled: number(timeline.frames.sampled), kept: number(timeline.frames.kept) })],
      usage?.requests ? ["sent", t("review.fact.sent.said", { images: number(usage.images), bytes: bytes(usage.image_bytes), requests: number(usage.requests), retries: number(usage.retries) })] : null,
      usage?.prompt_tokens ? ["tokens", t("review.fact.tokens.said", { prompt: number(usage.prompt_tokens), completion: number(usage.completion_tokens ?? 0) })] : null,
      usage?.cost && ["cost", `${money(usage.cost)}${usage.cost.prices_as_of ? ` (${t("review.fact.cost.date", { date: usage.cost.prices_as_of })})` : ""}`],
      job.finished && ["finished", moment(job.finished)],
      timeline?.timing.wall ? ["took", lasts(timeline.timing.wall)] : null,
    ].filter(Boolean);
    return h("div", { class: "part" }, h("h2", {}, t("review.facts")), h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, t(`review.fact.${name}`)), h("dd", { class: "num", dir: "auto" }, value)))));
  }

  notes() {
    const { notes } = this.record;
    return notes.length ? h("div", { class: "part" }, h("h2", {}, t("review.notes")), notes.slice(-20).map((note) => h("p", { class: "note fine", dir: "auto" }, icon("file"), " ", note))) : null;
  }
}
