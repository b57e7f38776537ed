// The profiles, each with what it is for, what it comes to, and every value with what it does.

import { get, sentence } from "../api.js";
import { add, fill, h } from "../dom.js";
import { ordered, perHour, profileAbout, profileName } from "../profiles.js";
import { t } from "../texts.js";
import { length } from "../times.js";

/** The list. */
export function profileList({ service, profiles }) {
  return h("ul", { class: "profiles" }, ordered(profiles, service.profile).map((profile) => {
    const values = h("div", { class: "values" });
    const more = h("details", { ontoggle: () => { if (more.open && !values.firstChild) show(profile.name, values); } }, h("summary", {}, t("profiles.all")), values);
    const hour = profile.error ? null : perHour(profile, service);
    return h("li", {},
      h("h3", {}, profileName(profile.name), " ", h("code", { class: "muted" }, profile.name),
        !profile.shipped && h("span", { class: "badge" }, t("profiles.yours")), profile.name === service.profile && h("span", { class: "badge" }, t("profiles.usual"))),
      h("p", { dir: "auto" }, profileAbout(profile)),
      profile.error && h("p", { class: "complaint", dir: "auto" }, t("profiles.wrong", { why: profile.error })),
      h("p", { class: "fine muted num" }, [profile.every && t("profiles.every", { time: length(profile.every) }), hour].filter(Boolean).join(" · ")),
      profile.fields.length > 0 && h("p", { class: "fine muted" }, t("profiles.fields", { names: profile.fields.join(", ") })),
      !profile.error && more);
  }));
}

async function show(name, place) {
  fill(place, h("span", { class: "spinner" }));
  try {
    const { values } = await get(`profiles/${name}`);
    fill(place);
    let table = "";
    for (const value of values) {
      const [group, ...rest] = value.key.split(".");
      if (group !== table) {
        table = group;
        add(place, h("h4", {}, h("code", {}, rest.length ? `[${group}]` : group)));
      }
      add(place, h("div", { class: "value" },
        h("p", { class: "value-is" }, h("code", {}, rest.join(".") || group), h("code", { class: "is" }, value.value === null ? t("profiles.unset") : JSON.stringify(value.value)), h("span", { class: "fine muted" }, value.origin)),
        value.about && h("p", { class: "fine muted", dir: "auto" }, value.about)));
    }
  } catch (fault) {
    fill(place, h("p", { class: "complaint", role: "alert" }, sentence(fault) ?? ""));
  }
}
