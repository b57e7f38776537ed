// The form in which a person says what is so instead, or what was missed.

import { h } from "../dom.js";
import { may, me } from "../session.js";
import { t } from "../texts.js";
import { clock } from "../times.js";
import { counted } from "./lanes.js";
import { reviewer } from "./record.js";
import { parsed } from "./wall.js";

/** The form's element. `save(changes, comment)` answers whether it was taken; `cancel()` gives it up. */
export function editor(record, player, event, { fresh, save, cancel }) {
  const list = `tags-${Math.random().toString(36).slice(2)}`;
  const title = h("input", { name: "title", value: event.title, maxlength: 2000, required: true, autocomplete: "off" });
  const description = h("textarea", { name: "description", rows: 2, maxlength: 20_000 }, event.description);
  const tags = h("input", { name: "tags", value: event.tags.join(", "), list, autocomplete: "off" });
  const start = h("input", { name: "start", value: clock(event.start, { digits: 2 }), inputmode: "decimal", autocomplete: "off", class: "num" });
  const end = h("input", { name: "end", value: clock(event.end, { digits: 2 }), inputmode: "decimal", autocomplete: "off", class: "num" });
  const comment = h("input", { name: "comment", maxlength: 2000, autocomplete: "off" });
  const by = h("input", { name: "by", value: reviewer.get(), maxlength: 200, autocomplete: "name" });
  const complaint = h("p", { class: "complaint", role: "alert", hidden: true });
  const known = me().name !== null;

  const field = (name, input, after = null) => {
    input.id = `${list}-${input.name}`;
    return h("div", { class: `field field-${input.name}` }, h("label", { for: input.id }, name), after ? h("div", { class: "field-row" }, input, after) : input);
  };
  const here = (input) => h("button", { type: "button", class: "button", title: t("review.edit.here.long"), onclick: () => { input.value = clock(player.time, { digits: 2 }); } }, t("review.edit.here"));

  /** What is otherwise than before; throws a sentence for what cannot be. */
  function changes() {
    const found = {};
    const name = title.value.trim();
    if (!name) throw Object.assign(new Error(t("review.edit.title.missing")), { input: title });
    if (fresh || name !== event.title) found.title = name;
    const text = description.value.trim();
    if (text !== event.description) found.description = text;
    const words = [...new Set(tags.value.split(",").map((tag) => tag.trim()).filter(Boolean))];
    if (words.join("\n") !== event.tags.join("\n")) found.tags = words;
    for (const [key, input] of [["start", start], ["end", end]]) {
      const seconds = parsed(input.value);
      if (seconds === null) throw Object.assign(new Error(t("review.edit.time.bad", { text: input.value })), { input });
      if (fresh || input.value !== clock(event[key], { digits: 2 })) found[key] = Math.min(seconds, record.duration);
    }
    if ((found.start ?? event.start) >= (found.end ?? event.end)) throw Object.assign(new Error(t("review.edit.time.order")), { input: end });
    return found;
  }

  async function submit(happening) {
    happening?.preventDefault();
    for (const input of [title, start, end]) input.removeAttribute("aria-invalid");
    complaint.hidden = true;
    let found;
    try { found = changes(); } catch (fault) {
      complaint.textContent = fault.message;
      complaint.hidden = false;
      fault.input?.setAttribute("aria-invalid", "true");
      fault.input?.focus();
      return;
    }
    if (!known) reviewer.set(by.value.trim());
    if (!Object.keys(found).length) { cancel(); return; }
    button.disabled = true;
    try { await save(found, comment.value.trim() || null); } finally { button.disabled = false; }
  }

  const button = h("button", { type: "submit", class: "button main" }, t(fresh ? "review.add.save" : "do.save"));
  const form = h("form", { class: "editor", onsubmit: submit, "aria-label": t(fresh ? "review.add" : "review.edit") },
    h("datalist", { id: list }, counted(record.events).slice(0, 40).map(([tag]) => h("option", { value: tag }))),
    field(t("review.field.title"), title),
    field(t("review.field.description"), description),
    field(t("review.field.tags"), tags),
    field(t("review.field.start"), start, here(start)),
    field(t("review.field.end"), end, here(end)),
    field(t("review.field.comment"), comment),
    !known && may("submit") && field(t("review.field.by"), by),
    complaint,
    h("div", { class: "buttons" }, button, h("button", { type: "button", class: "button", onclick: cancel }, t("do.cancel"))));
  form.addEventListener("keydown", (happening) => {
    if (happening.key === "Escape") { happening.preventDefault(); happening.stopPropagation(); cancel(); }
    if (happening.key === "Enter" && (happening.ctrlKey || happening.metaKey)) submit(happening);
  });
  return form;
}
