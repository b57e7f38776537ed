// The live sources: the last picture of each, how it stands, what was seen, and what was not.

import { get, query, remove, sentence } from "../api.js";
import { add, fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { poll } from "../poll.js";
import { may } from "../session.js";
import { sure, toast } from "../talk.js";
import { t } from "../texts.js";
import { clock, length, wallText } from "../times.js";
import { addStream } from "./addstream.js";

const OFTEN = 2000;
const SELDOM = 8000;
const SHOWN = 4;

/** The screen. */
export function mount(root) {
  const control = new AbortController();
  const cards = new Map();
  const list = h("ul", { class: "streams", "aria-label": t("streams.list") });
  const below = h("div", {});
  const start = (more) => h("button", { type: "button", class: "button main", disabled: !may("submit"), onclick: () => addStream({ added: () => asking.now() }), ...more }, icon("add"), t("streams.add"));
  const head = start({ hidden: true });
  add(root, h("div", { class: "screen-head" }, h("h1", {}, t("streams.title")), head), list, below);

  function take({ streams }) {
    const ids = new Set(streams.map((stream) => stream.id));
    for (const [id, card] of cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      cards.delete(id);
    }
    for (const stream of streams) {
      let card = cards.get(stream.id);
      if (!card) {
        card = streamCard(stream, control.signal, () => asking.now());
        cards.set(stream.id, card);
        list.append(card.element);
      }
      card.update(stream);
    }
    list.hidden = head.hidden = !streams.length;
    fill(below, !streams.length && h("div", { class: "nothing streams-none" }, icon("camera"), h("h2", {}, t("streams.none")), h("p", {}, t("streams.none.lead")), start({})));
    return streams.some((stream) => stream.state === "running" || stream.state === "queued") ? OFTEN : SELDOM;
  }

  const asking = poll(() => "streams", take, (fault) => {
    if (!cards.size) fill(below, h("p", { class: "complaint", role: "alert" }, sentence(fault)));
  });
  return () => {
    asking.stop();
    control.abort();
  };
}

function streamCard(first, signal, changed) {
  const image = h("img", { alt: t("streams.picture", { name: first.name }), hidden: true });
  image.addEventListener("load", () => { image.hidden = false; });
  const badge = h("span", { class: "live" });
  const name = h("a", { class: "name", href: `#/jobs/${first.id}`, dir: "auto" }, first.name);
  const facts = h("p", { class: "fine num stream-facts" });
  const why = h("p", { class: "fine warn", dir: "auto" });
  const latest = h("ol", { class: "latest", "aria-label": t("streams.latest", { name: first.name }) });
  const off = h("button", { type: "button", class: "button plain icon-only", title: t("streams.remove"), "aria-label": t("streams.remove.of", { name: first.name }), onclick: take }, icon("trash"));
  const element = h("li", { class: "stream" },
    h("div", { class: "picture" }, icon("camera"), image, badge),
    h("div", { class: "stream-head" }, h("h2", {}, name), may("submit") && off),
    h("p", { class: "fine muted address", dir: "ltr" }, first.url), facts, why, latest);
  let told = null;

  async function take() {
    if (!(await sure(t("streams.remove.sure", { name: first.name }), t("streams.remove.what"), { yes: t("streams.remove"), bad: true }))) return;
    try {
      await remove(`streams/${first.id}`);
      toast(t("streams.removed", { name: first.name }));
    } catch (fault) {
      toast(sentence(fault));
    }
    changed();
  }

  function update(stream) {
    const { live } = stream;
    const state = stream.state === "failed" ? "failed" : live.state;
    element.dataset.state = stream.state === "queued" ? "queued" : state;
    badge.textContent = stream.state === "queued" ? t("streams.queued") : t(`streams.state.${state}`);
    // Before anything was seen there is none, whatever its address.
    if (stream.picture && live.position && (state === "playing" || image.hidden)) image.src = `${stream.picture}?${Date.now()}`;
    fill(facts, parts(live).filter(Boolean).map((part, place) => [place ? " · " : null, part]));
    why.textContent = stream.error?.message ?? live.fault ?? (state === "playing" ? "" : live.reason ?? "");
    // What is new is asked for when there is something new.
    const mark = `${live.events} ${live.windows}`;
    if (mark !== told) {
      told = mark;
      news();
    }
  }

  async function news() {
    try {
      const { entries } = await get(`jobs/${first.id}/feed/latest${query({ kind: ["found", "alert"], limit: 40 })}`, { signal });
      fill(latest, rows(entries));
    } catch { /* it is asked again when something is new */ }
  }

  return { element, update };
}

function parts(live) {
  return [
    live.day && t("streams.events", { n: live.events }),
    live.position && t("streams.at", { time: wallText(live.position) }),
    live.gaps > 0 ? h("span", { class: "warn" }, t("streams.gaps", { n: live.gaps, time: length(live.lost) })) : live.day && t("streams.whole"),
    live.failed > 0 && h("span", { class: "warn" }, t("streams.failed", { n: live.failed })),
    live.latency?.p50 && t("streams.behind", { time: length(live.latency.p50) }),
  ];
}

/** The last events; one that was told again as it went on stands once, with its alerts. */
function rows(entries) {
  const shown = new Map();
  const alerted = new Map(entries.filter((entry) => entry.kind === "alert").map((entry) => [entry.data.event, entry.data.rule]));
  for (const { kind, at, job, data } of entries) if (kind === "found" && !shown.has(data.event)) shown.set(data.event, { at, job, ...data });
  const events = [...shown.values()].slice(0, SHOWN);
  if (!events.length) return h("li", { class: "muted fine" }, t("streams.quiet"));
  return events.map((event) => h("li", {},
    h("time", { class: "fine muted", datetime: event.at, title: clock(event.start) }, wallText(event.at)),
    h("a", { href: `#/jobs/${event.job}?t=${event.start}&event=${encodeURIComponent(event.event)}`, dir: "auto" }, event.title),
    alerted.has(event.event) && h("span", { class: "badge alerted", dir: "auto" }, t("streams.alert", { rule: alerted.get(event.event) })),
    !event.complete && !alerted.has(event.event) && h("span", { class: "fine muted" }, t("streams.going"))));
}
