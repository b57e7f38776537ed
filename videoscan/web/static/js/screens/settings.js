// What a person chooses for this browser.

import { add, h } from "../dom.js";
import { LANGUAGES, language, setLanguage, t } from "../texts.js";
import { setTheme, theme } from "../theme.js";

/** The screen. */
export function mount(root) {
  add(
    root,
    h("h1", {}, t("settings.title")),
    choice(t("settings.language"), "language", Object.entries(LANGUAGES), language(), setLanguage),
    choice(t("settings.theme"), "theme", ["system", "light", "dark"].map((name) => [name, t(`settings.theme.${name}`)]), theme(), setTheme),
  );
  return () => {};
}

function choice(title, name, options, chosen, take) {
  const each = ([value, label]) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => take(value) }), label);
  return h("fieldset", { class: "field" }, h("legend", {}, title), h("div", { class: "segments" }, options.map(each)));
}
