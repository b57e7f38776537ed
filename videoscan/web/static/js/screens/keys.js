// The keys of the service: made, listed, revoked. A key itself is shown once, when it is made.

import { get, post, remove, sentence } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { learn } from "../session.js";
import { dialog, sure, toast } from "../talk.js";
import { t } from "../texts.js";
import { moment } from "../times.js";

const SCOPES = ["read", "submit", "admin"];

/** The list, and the form below it. */
export function keyList(signal) {
  const list = h("ul", { class: "keys" });
  const name = h("input", { type: "text", id: "key-name", maxlength: 100, placeholder: t("keys.name.place"), autocomplete: "off" });
  const scope = h("select", { id: "key-scope" }, SCOPES.map((each) => h("option", { value: each }, t(`keys.${each}`))));
  const complaint = h("p", { class: "complaint", role: "alert" });
  const first = h("p", { class: "fine muted", hidden: true }, t("keys.first"));

  async function look() {
    try {
      const { keys } = await get("keys", { signal });
      first.hidden = keys.length > 0;
      scope.value = keys.length ? "submit" : "admin";
      fill(list, keys.length ? keys.map(row) : h("li", { class: "muted" }, t("keys.none")));
    } catch (fault) {
      complaint.textContent = sentence(fault) ?? "";
    }
  }

  function row(key) {
    const most = SCOPES.findLast((each) => key.scopes.includes(each));
    return h("li", {},
      icon("key"), h("span", { class: "key-name", dir: "auto" }, key.name), h("span", { class: "badge" }, t(`keys.${most}`)),
      h("span", { class: "fine muted" }, t("keys.since", { when: moment(key.created) })),
      h("button", { type: "button", class: "button plain bad", "aria-label": t("keys.remove.of", { name: key.name }), onclick: () => revoke(key) }, t("keys.remove")));
  }

  async function make(event) {
    event.preventDefault();
    complaint.textContent = name.value.trim() ? "" : t("keys.empty");
    if (!name.value.trim()) return;
    try {
      const made = await post("keys", { name: name.value.trim(), scopes: [scope.value] });
      name.value = "";
      // From the first key on somebody must be signed in: we are, with this one.
      if (!first.hidden) await post("login", { key: made.key }).catch(() => {});
      await learn();
      once(made);
      look();
    } catch (fault) {
      complaint.textContent = sentence(fault) ?? "";
    }
  }

  async function revoke(key) {
    if (!(await sure(t("keys.remove.sure", { name: key.name }), t("keys.remove.what"), { yes: t("keys.remove"), bad: true }))) return;
    try {
      await remove(`keys/${key.id}`);
      toast(t("keys.removed", { name: key.name }));
    } catch (fault) {
      toast(sentence(fault));
    }
    look();
  }

  look();
  return [
    list,
    h("form", { class: "key-form", onsubmit: make },
      h("div", { class: "field" }, h("label", { for: "key-name" }, t("keys.name")), name),
      h("div", { class: "field" }, h("label", { for: "key-scope" }, t("keys.scope")), scope),
      h("button", { type: "submit", class: "button" }, icon("add"), t("keys.make"))),
    first, complaint,
  ];
}

/** Shows a new key, this once. */
function once(made) {
  const field = h("input", { type: "text", readonly: true, value: made.key, class: "secret", "aria-label": t("keys.made", { name: made.name }), onfocus: () => field.select() });
  const copy = h("button", {
    type: "button", class: "button main",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(made.key);
        copy.textContent = t("do.copied");
      } catch {
        field.select();
      }
    },
  }, icon("copy"), t("do.copy"));
  const shown = dialog(t("keys.made", { name: made.name }), [
    h("p", { class: "muted" }, t("keys.made.once")), field,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => shown.close() }, t("do.close")), copy)]);
}
