// Looks through everything that was scanned: by words, or by a question that a model answers from the events.

import { get, query, sentence } from "../api.js";
import { askBox } from "../ask.js";
import { add, fill, h } from "../dom.js";
import { hitRow } from "../hits.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";

const PAGE = 20;
const REVIEWED = ["any", "no", "yes", "accepted", "edited", "added", "rejected"];
const ORDERS = ["best", "newest", "oldest"];
const EXAMPLES = [["\"red car\"", "phrase"], ["park*", "start"], ["-night", "not"]];

/** The screen. `params`: `q`, `ask`, and the filters `camera`, `from`, `to_time`, `tag`, `reviewed`, `order`. */
export function mount(root, params) {
  const control = new AbortController();
  let turn = 0;
  let asked = "";

  const words = h("input", { type: "search", name: "q", "aria-label": t("search.words"), placeholder: t("search.place"), autocomplete: "off", dataset: { find: "" } });
  const fields = {
    camera: h("input", { type: "text", id: "search-camera", placeholder: t("search.camera.place"), autocomplete: "off" }),
    tag: h("input", { type: "text", id: "search-tag", autocomplete: "off" }),
    from: h("input", { type: "datetime-local", id: "search-from", step: 1 }),
    to_time: h("input", { type: "datetime-local", id: "search-to_time", step: 1 }),
    reviewed: h("select", { id: "search-reviewed" }, REVIEWED.map((name) => h("option", { value: name === "any" ? "" : name }, t(`search.reviewed.${name}`)))),
  };
  const labels = { camera: "search.camera", tag: "search.tag", from: "search.from", to_time: "search.to", reviewed: "search.reviewed" };
  const order = h("select", { id: "search-order", "aria-label": t("search.order") }, ORDERS.map((name) => h("option", { value: name }, t(`search.${name}`))));
  const list = h("ol", { class: "hits", "aria-label": t("search.results") });
  const count = h("p", { class: "muted num", role: "status" });
  const bar = h("div", { class: "hits-bar", hidden: true }, count, h("div", { class: "hits-order" }, order));
  const below = h("div", { class: "hits-below" });
  const narrow = h("details", { class: "narrow" }, h("summary", {}, icon("filter"), t("search.filters")),
    h("div", { class: "narrow-fields" }, Object.entries(fields).map(([name, field]) => h("div", { class: "field" }, h("label", { for: field.id, class: "fine" }, t(labels[name])), field))));
  const finding = h("div", {},
    h("form", { class: "finding", role: "search", onsubmit: (event) => { event.preventDefault(); save(); } },
      h("span", { class: "finding-words" }, icon("search"), words), h("button", { type: "submit", class: "button main" }, t("search.go"))));
  const asking = h("div", { class: "asking", hidden: true }, askBox({ filters: chosen, signal: control.signal }));
  const mode = (name) => h("button", { type: "button", "aria-pressed": "false", dataset: { mode: name }, onclick: () => show(name) }, t(`search.${name}`));
  const modes = h("div", { class: "segments", role: "group", "aria-label": t("search.mode") }, mode("find"), mode("ask"));

  add(root, h("div", { class: "screen-head" }, h("h1", {}, t("search.title")), modes), finding, asking, narrow, bar, list, below);
  for (const field of [...Object.values(fields), order]) field.addEventListener("change", save);

  function chosen() {
    const told = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value.trim()]).filter(([, value]) => value));
    for (const name of ["camera", "tag", "reviewed"]) if (told[name]) told[name] = [told[name]];
    return told;
  }

  function show(name) {
    const question = name === "ask";
    for (const each of modes.children) each.setAttribute("aria-pressed", String(each.dataset.mode === name));
    finding.hidden = question;
    asking.hidden = !question;
    bar.hidden = true;
    for (const each of [list, below]) each.hidden = question;
    if (question) asking.querySelector("textarea").focus();
    else look();
  }

  /** Puts what is looked for into the address, so that it can be come back to and sent to somebody. */
  function save() {
    history.replaceState(null, "", `#/search${query({ q: words.value.trim(), ...chosen(), order: order.value === "best" ? "" : order.value })}`);
    if (!finding.hidden) look();
  }

  function read(told) {
    words.value = told.q ?? "";
    for (const [name, field] of Object.entries(fields)) field.value = told[name] ?? "";
    order.value = ORDERS.includes(told.order) ? told.order : "best";
    if (Object.values(fields).some((field) => field.value)) narrow.open = true;
    show(told.ask === undefined ? "find" : "ask");
  }

  async function look({ more = false } = {}) {
    const q = words.value.trim();
    turn += 1;
    const mine = turn;
    if (!q) {
      bar.hidden = true;
      fill(list);
      fill(below, teaching());
      return;
    }
    const offset = more ? list.children.length : 0;
    try {
      const found = await get(`search${query({ q, ...chosen(), order: order.value, limit: PAGE, offset })}`, { signal: control.signal });
      if (mine !== turn) return;
      asked = q;
      if (!offset) fill(list);
      add(list, found.hits.map((hit) => hitRow(hit)));
      bar.hidden = found.count === 0;
      count.textContent = t(found.more ? "search.count.more" : "search.count", { n: found.count });
      const rest = list.children.length < found.count;
      fill(below, found.count === 0 ? nothing() : rest && h("button", { type: "button", class: "button", onclick: () => look({ more: true }) }, t("do.more")));
    } catch (fault) {
      const text = sentence(fault);
      if (!text || mine !== turn) return;
      bar.hidden = true;
      fill(list);
      fill(below, h("p", { class: "complaint", role: "alert" }, text));
    }
  }

  function nothing() {
    return h("div", { class: "nothing" }, h("h2", {}, t("search.none")), h("p", {}, t("search.none.why")));
  }

  function teaching() {
    const example = ([text, kind]) => h("li", {},
      h("button", { type: "button", class: "chip", onclick: () => { words.value = `${words.value} ${text}`.trim(); words.focus(); } }, text), h("span", { class: "muted" }, t(`search.hint.${kind}`)));
    return h("div", { class: "nothing" }, icon("search"), h("p", {}, t("search.hint")), h("ul", { class: "examples" }, EXAMPLES.map(example)));
  }

  read(params);
  if (!asking.hidden) asking.querySelector("textarea").focus();
  else words.focus({ preventScroll: true });
  return { unmount: () => control.abort(), update: (told) => { if (told.q !== asked) read(told); } };
}
