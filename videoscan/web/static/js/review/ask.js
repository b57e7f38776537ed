// Questions to the model about what was seen, here or everywhere; its citations seek.

import { post, sentence } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock } from "../times.js";
import { hitRow } from "./everywhere.js";

/** An answer's text in pieces: words, and the labels of what it cites. */
export function cited(text, labels) {
  const sorted = labels.toSorted((a, b) => b.length - a.length).map((label) => label.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!sorted.length) return [{ text }];
  return text.split(new RegExp(`\\[?\\b(${sorted.join("|")})\\b\\]?`, "g")).map((piece, at) => (at % 2 ? { label: piece } : { text: piece })).filter((piece) => piece.label || piece.text);
}

export class Ask {
  constructor(record, { seek }) {
    this.record = record;
    this.seek = seek;
    this.question = h("textarea", { name: "question", rows: 2, maxlength: 4000, placeholder: t("review.ask.example"), "aria-label": t("review.ask"), onkeydown: (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.ask(); } } });
    this.all = h("input", { type: "checkbox", name: "everywhere" });
    this.go = h("button", { type: "submit", class: "button main" }, t("review.ask.go"));
    this.answers = h("div", { class: "answers", "aria-live": "polite" });
    this.element = h("section", { class: "panel", "aria-label": t("review.ask") },
      h("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); this.ask(); } }, this.question,
        h("div", { class: "buttons" }, h("label", { class: "check" }, this.all, t("review.ask.everywhere")), h("span", { class: "space" }), this.go)),
      h("p", { class: "muted fine" }, t("review.ask.note")), this.answers);
  }

  async ask() {
    const question = this.question.value.trim();
    if (!question || this.go.disabled) return;
    this.go.disabled = true;
    const answer = h("article", { class: "answer" }, h("h3", { dir: "auto" }, question), h("p", { class: "muted" }, t("review.asking")));
    this.answers.prepend(answer);
    try {
      const body = { question, ...(this.all.checked ? {} : { job: [this.record.id] }) };
      this.told(answer, question, await post("ask", body, { signal: this.record.control.signal }));
      this.question.value = "";
    } catch (fault) {
      const told = sentence(fault);
      if (told) fill(answer, h("h3", { dir: "auto" }, question), h("p", { class: "note warn" }, told));
    } finally {
      this.go.disabled = false;
    }
  }

  told(answer, question, found) {
    const cites = found.citations;
    const link = (label) => {
      const hit = cites[label];
      const here = hit.job === this.record.id;
      return here
        ? h("button", { type: "button", class: "link num", onclick: () => this.seek(hit) }, clock(hit.start))
        : h("a", { class: "num", href: `#/jobs/${hit.job}?t=${hit.start}&event=${encodeURIComponent(hit.id)}` }, `${hit.camera ?? hit.source} ${clock(hit.start)}`);
    };
    fill(answer, h("h3", { dir: "auto" }, question),
      h("p", { class: "answer-text", dir: "auto" }, cited(found.answer, Object.keys(cites)).map((piece) => (piece.label ? link(piece.label) : piece.text))),
      found.flags.map((flag) => h("p", { class: "note warn fine" }, flag)),
      Object.keys(cites).length ? h("ol", { class: "still-rows" }, Object.values(cites).map((hit) => hitRow(hit, this.record.id, this.seek))) : null,
      h("p", { class: "muted fine" }, icon("search"), " ", t("review.ask.rests", { n: found.shown, words: found.words.join(", ") })));
  }
}
