// What a timeline can be had as. Each is a file that the service makes on the spot, corrections included.

import { BASE } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";

const GROUPS = [
  ["read", ["html", "md", "csv"]],
  ["watch", ["vtt", "srt", "chapters.vtt", "chapters.txt"]],
  ["cut", ["edl", "otio", "xml", "llc", "ffmetadata"]],
  ["compute", ["json", "jsonl"]],
];

/** A button with a menu of links; `name` is what files are called. */
export function exportMenu(id, name) {
  const stem = (name.replace(/\.[A-Za-z0-9]{2,4}$/, "").replace(/[\\/:*?"<>|\u0000-\u001f]+/g, "-").trim() || "timeline").slice(0, 100);
  const link = (suffix) => h("a", { href: `${BASE}/jobs/${id}/timeline.${suffix}`, download: `${stem}.${suffix}` }, h("b", {}, t(`review.export.${suffix}`)), h("span", { class: "muted" }, `.${suffix}`));
  const element = h("details", { class: "menu" },
    h("summary", { class: "button", "aria-label": t("review.export") }, icon("download"), h("span", {}, t("review.export"))),
    h("div", { class: "menu-sheet" },
      GROUPS.map(([group, suffixes]) => h("div", { role: "group", "aria-label": t(`review.export.group.${group}`) }, h("p", { class: "fine muted", "aria-hidden": "true" }, t(`review.export.group.${group}`)), suffixes.map(link))),
      h("a", { href: `${BASE}/jobs/${id}/timeline.html`, target: "_blank", rel: "noopener" }, h("b", {}, t("review.export.open")), icon("link"))));
  return closing(element);
}

/** A menu that goes when something else is pressed, or Escape is. */
export function closing(element) {
  element.addEventListener("toggle", () => {
    if (!element.open) return;
    const control = new AbortController();
    const close = () => { element.open = false; control.abort(); };
    document.addEventListener("pointerdown", (event) => { if (!element.contains(event.target)) close(); }, { signal: control.signal });
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
      element.querySelector("summary").focus();
    }, { signal: control.signal });
    element.addEventListener("click", (event) => { if (event.target.closest("a, button")) close(); }, { signal: control.signal });
  });
  return element;
}
