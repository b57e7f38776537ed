// Signing in with a key. The key becomes a cookie that scripts cannot read; it is kept nowhere else.

import { sentence } from "../api.js";
import { add, h } from "../dom.js";
import { signIn } from "../session.js";
import { t } from "../texts.js";

/** The screen. */
export function mount(root) {
  const field = h("input", { type: "password", name: "key", id: "login-key", autocomplete: "current-password", spellcheck: "false", "aria-describedby": "login-complaint" });
  const complaint = h("p", { class: "complaint", id: "login-complaint", role: "alert" });
  const go = h("button", { type: "submit", class: "button main" }, t("login.go"));

  async function submit(event) {
    event.preventDefault();
    const key = field.value.trim();
    complaint.textContent = key ? "" : t("login.empty");
    field.toggleAttribute("aria-invalid", !key);
    if (!key) return;
    go.disabled = true;
    try {
      await signIn(key);
      const wanted = sessionStorage.getItem("videoscan.wanted");
      sessionStorage.removeItem("videoscan.wanted");
      location.replace(wanted && wanted !== "#/login" ? wanted : "#/");
    } catch (fault) {
      complaint.textContent = fault.status === 401 ? t("login.wrong") : sentence(fault);
      field.setAttribute("aria-invalid", "true");
      field.select();
    } finally {
      go.disabled = false;
    }
  }

  add(
    root,
    h("form", { class: "login", onsubmit: submit },
      h("h1", {}, t("login.title")),
      h("p", { class: "muted" }, t("login.lead"), " ", h("code", {}, "videoscan keys add NAME")),
      // Password managers file the key under this name.
      h("input", { type: "text", name: "username", autocomplete: "username", value: "videoscan", hidden: true }),
      h("div", { class: "field" }, h("label", { for: "login-key" }, t("login.key")), field, complaint),
      h("div", { class: "buttons" }, go)),
  );
  field.focus();
  return () => {};
}
