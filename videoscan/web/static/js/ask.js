// A box for a question, and its answer with the moments that it rests on.

import { post, sentence } from "./api.js";
import { fill, h } from "./dom.js";
import { hitRow, momentOf } from "./hits.js";
import { icon } from "./icons.js";
import { about } from "./profiles.js";
import { may } from "./session.js";
import { t } from "./texts.js";
import { clock } from "./times.js";

/**
 * The box. `filters()` answers what narrows the question (camera, from, to_time, tag, reviewed); `seek(hit)` is called when a cited moment
 * is clicked: without it, or where it answers false, the address changes to the moment's job.
 */
export function askBox({ filters = () => ({}), seek = null, signal } = {}) {
  const field = h("textarea", { id: "ask-field", rows: 2, maxlength: 4000, placeholder: t("ask.place") });
  const pictures = h("input", { type: "checkbox" });
  const go = h("button", { type: "submit", class: "button main" }, t("ask.go"));
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const hint = h("p", { class: "fine muted" }, t("ask.hint"));

  async function submit(event) {
    event.preventDefault();
    const question = field.value.trim();
    if (!question) {
      field.focus();
      return;
    }
    go.disabled = true;
    fill(answer, h("p", { class: "muted waiting" }, h("span", { class: "spinner" }), t("ask.working")));
    try {
      fill(answer, shown(await post("ask", { question, pictures: pictures.checked, ...filters() }, { signal }), seek));
    } catch (fault) {
      const text = sentence(fault);
      if (text) fill(answer, h("p", { class: "complaint", role: "alert" }, text));
    } finally {
      go.disabled = false;
    }
  }

  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  const form = h("form", { class: "ask", onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: "ask-field" }, t("ask.label")), field, hint),
    h("div", { class: "ask-go" },
      h("label", { class: "check" }, pictures, h("span", {}, t("ask.pictures"), " ", h("span", { class: "muted" }, t("ask.pictures.why")))), go),
    answer);
  about().then(({ service }) => {
    if (service.asks && may("submit")) return;
    for (const each of [field, pictures, go]) each.disabled = true;
    hint.textContent = t("ask.none");
  }).catch(() => {});
  return form;
}

/** An answer: its text with a link for every citation, and the cited events below. */
function shown(told, seek) {
  const cited = Object.entries(told.citations);
  const place = new Map(cited.map(([label], index) => [label, index + 1]));
  const parts = told.answer.split(/\[([^[\]]+)\]/).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const links = piece.split(/[,;]\s*/).filter((label) => place.has(label));
    return links.length ? links.map((label) => citation(told.citations[label], place.get(label), seek)) : `[${piece}]`;
  });
  return [
    h("p", { class: "answer-text large", dir: "auto" }, told.known || told.answer ? parts : t("ask.unknown")),
    h("p", { class: "fine muted" }, t("ask.from", { n: told.found, shown: told.shown })),
    cited.length > 0 && [h("h2", {}, t("ask.sources")), h("ol", { class: "hits" }, cited.map(([label, hit]) => hitRow(hit, { label })))],
  ];
}

function citation(hit, number, seek) {
  const to = momentOf(hit);
  const act = (event) => { if (seek && seek(hit) !== false) event.preventDefault(); };
  const name = `${number} · ${clock(hit.start)}`;
  return to ? h("a", { class: "cite num", href: to, title: hit.title, onclick: act }, icon("play"), name) : h("span", { class: "cite num", title: hit.title }, name);
}
