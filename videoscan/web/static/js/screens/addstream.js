// Adding a live source. Its login goes to the service and is never shown again.

import { post, sentence } from "../api.js";
import { h } from "../dom.js";
import { about, ordered, profileAbout, profileName } from "../profiles.js";
import { dialog, toast } from "../talk.js";
import { t } from "../texts.js";

/** Opens the dialog; `added` is called when a source is watched. */
export async function addStream({ added }) {
  let known;
  try {
    known = await about();
  } catch (fault) {
    toast(sentence(fault));
    return;
  }
  const usable = ordered(known.profiles.filter((profile) => !profile.error), known.service.profile);
  const name = h("input", { type: "text", id: "stream-name", maxlength: 100, autocomplete: "off", placeholder: t("streams.name.place") });
  const url = h("input", { type: "text", id: "stream-url", inputmode: "url", maxlength: 2048, autocomplete: "off", spellcheck: "false", placeholder: "rtsp://…" });
  const user = h("input", { type: "text", id: "stream-user", autocomplete: "off", spellcheck: "false" });
  const password = h("input", { type: "password", id: "stream-password", autocomplete: "new-password" });
  const profile = h("select", { id: "stream-profile" }, usable.map((each) => h("option", { value: each.name }, profileName(each.name))));
  const meaning = h("p", { class: "fine" });
  const complaint = h("p", { class: "complaint", role: "alert" });
  const go = h("button", { type: "submit", class: "button main" }, t("streams.add"));
  const say = () => { meaning.textContent = profileAbout(usable.find((each) => each.name === profile.value)); };
  profile.value = usable.some((each) => each.name === "surveillance") ? "surveillance" : known.service.profile;
  profile.addEventListener("change", say);
  say();

  async function submit(event) {
    event.preventDefault();
    complaint.textContent = name.value.trim() && url.value.trim() ? "" : t("streams.empty");
    if (complaint.textContent) return;
    go.disabled = true;
    const credentials = user.value || password.value ? { username: user.value, password: password.value } : undefined;
    try {
      const made = await post("streams", { name: name.value.trim(), url: url.value.trim(), profile: profile.value, credentials });
      toast(t("streams.added", { name: made.name }), { stay: 3000 });
      shown.close();
      added();
    } catch (fault) {
      complaint.textContent = sentence(fault);
    } finally {
      go.disabled = false;
    }
  }

  const optional = () => h("span", { class: "muted fine" }, " ", t("streams.optional"));
  const field = (label, control, ...more) => h("div", { class: "field" }, h("label", { for: control.id }, label, more[0]?.optional && optional()), control, more.filter((each) => !each.optional));
  const shown = dialog(t("streams.add"), h("form", { class: "add", novalidate: true, onsubmit: submit },
    field(t("streams.name"), name),
    field(t("streams.url"), url, h("p", { class: "fine" }, t("streams.url.hint"))),
    h("div", { class: "twin" }, field(t("streams.user"), user, { optional: true }), field(t("streams.password"), password, { optional: true })),
    h("p", { class: "fine muted" }, t("streams.login.hint")),
    field(t("streams.profile"), profile, meaning),
    complaint,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => shown.close() }, t("do.cancel")), go)));
  name.focus();
}
