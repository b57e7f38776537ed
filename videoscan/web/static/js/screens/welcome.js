// What is shown where there is no job yet: what this is, and the three steps of it.

import { post, sentence } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { about, whereTo } from "../profiles.js";
import { may } from "../session.js";
import { toast } from "../talk.js";
import { t } from "../texts.js";
import { addVideos, pick } from "./upload.js";

/** The empty state. `started` is called when a job was made. */
export function empty({ started }) {
  const allowed = may("submit");
  const where = h("p", { class: "fine muted" });
  about().then(({ service }) => { where.textContent = whereTo(service); }).catch(() => {});
  const choose = async () => {
    const files = await pick();
    if (files.length) addVideos({ files, started });
  };
  const sample = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      const job = await post("jobs/sample");
      location.hash = `#/jobs/${job.id}`;
    } catch (fault) {
      toast(sentence(fault));
      button.disabled = false;
    }
  };
  const step = (name, sign) => h("li", {}, icon(sign), h("h3", {}, t(`jobs.none.${name}`)), h("p", { class: "muted" }, t(`jobs.none.${name}.what`)));
  return h("section", { class: "welcome" },
    h("div", { class: "welcome-drop" },
      h("h2", {}, t("jobs.none")),
      h("p", { class: "muted" }, t("jobs.none.lead")),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button main", disabled: !allowed, onclick: choose }, icon("upload"), t("jobs.choose")),
        h("button", { type: "button", class: "button", disabled: !allowed, onclick: sample }, icon("play"), t("jobs.sample"))),
      where),
    h("ol", { class: "welcome-steps" }, step("one", "upload"), step("two", "film"), step("three", "accept")));
}
