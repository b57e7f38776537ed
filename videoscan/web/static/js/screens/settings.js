// What a person chooses for this browser, what the service is, which profiles there are, and who may come in.

import { add, h } from "../dom.js";
import { about } from "../profiles.js";
import { may, me, signOut } from "../session.js";
import { LANGUAGES, language, setLanguage, t } from "../texts.js";
import { setTheme, theme } from "../theme.js";
import { bytes, number } from "../times.js";
import { sentence } from "../api.js";
import { endpointCheck } from "./endpoint.js";
import { keyList } from "./keys.js";
import { profileList } from "./profiles.js";

/** The screen. */
export async function mount(root) {
  const control = new AbortController();
  add(root, h("div", { class: "screen-head" }, h("h1", {}, t("settings.title"))));
  const body = add(h("div", { class: "settings" }), section(t("settings.here"), null, browser()), section(t("settings.you"), null, you()));
  root.append(body);
  try {
    const known = await about();
    if (control.signal.aborted) return () => {};
    add(body,
      section(t("check.title"), null, endpointCheck(known.service, control.signal)),
      section(t("profiles.title"), t("profiles.lead"), profileList(known)),
      may("admin") && section(t("keys.title"), t("keys.lead"), keyList(control.signal)),
      section(t("settings.service"), null, service(known.service)));
  } catch (fault) {
    const text = sentence(fault);
    if (text) body.append(h("p", { class: "complaint", role: "alert" }, text));
  }
  return () => control.abort();
}

function section(title, lead, ...content) {
  return h("section", { class: "setting" }, h("div", { class: "setting-head" }, h("h2", {}, title), lead && h("p", { class: "fine muted" }, lead)), h("div", { class: "setting-body" }, content));
}

function browser() {
  return [
    choice(t("settings.language"), "language", Object.entries(LANGUAGES), language(), setLanguage),
    choice(t("settings.theme"), "theme", ["system", "light", "dark"].map((name) => [name, t(`settings.theme.${name}`)]), theme(), setTheme),
  ];
}

function choice(title, name, options, chosen, take) {
  const each = ([value, label]) => h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => take(value) }), label);
  return h("fieldset", { class: "pair" }, h("legend", {}, title), h("div", { class: "segments" }, options.map(each)));
}

function you() {
  const who = me();
  if (who.name === null) return h("p", {}, t("settings.open"));
  const most = ["admin", "submit", "read"].find((scope) => who.scopes.includes(scope));
  const out = h("button", {
    type: "button", class: "button",
    onclick: async () => {
      await signOut();
      location.hash = "#/login";
    },
  }, t("login.out"));
  return [h("p", {}, t("settings.signed", { name: who.name }), " ", t("settings.may", { scopes: t(`keys.${most}`) })), h("div", { class: "buttons" }, out)];
}

function service(told) {
  const rows = [
    [t("settings.version"), told.version],
    [t("settings.folders"), told.roots.join(", ") || t("settings.folders.none")],
    [t("settings.budget"), told.budget.join(", ") || t("settings.budget.none")],
    [t("settings.free"), bytes(told.free_bytes)],
    [t("settings.once"), number(told.at_once)],
  ];
  return h("dl", { class: "rows" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "num", dir: "auto" }, value))));
}
