// What a timeline can be had as. Each is a file that the service makes on the spot, corrections included.

import { BASE, query } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock } from "../times.js";

const GROUPS = {
  read: ["html", "md", "csv"],
  watch: ["vtt", "srt", "chapters.vtt", "chapters.txt"],
  cut: ["edl", "otio", "xml", "llc", "ffmetadata"],
  compute: ["json", "jsonl"],
};

/** What is cut out of the footage, or rests on it: `[file, whether the footage must be there]`. */
const FOOTAGE = [["clips.zip", true], ["reel.mp4", true], ["evidence.zip", false]];
/** Events that an address names one by one; a longer list goes as a whole. */
const NAMED = 100;
/** Seconds that are shown around an event. */
const PAD = 2;

const stemOf = (name) => (name.replace(/\.[A-Za-z0-9]{2,4}$/, "").replace(/[\\/:*?"<>|\u0000-\u001f]+/g, "-").trim() || "timeline").slice(0, 100);

/** Where a video of one event is, with a little around it. */
export function clipOf(record, event) {
  return { href: `${BASE}/${record.path}/reel.mp4${query({ event: event.id, pad: PAD })}`, download: `${stemOf(record.job.name)} ${clock(event.start).replaceAll(":", "-")}.mp4` };
}

/** Whether anything can be cut out of a recording. */
export const hasFootage = (record) => record.job.kind === "scan" && record.watching !== null && record.watching.video !== "gone";

/** A button with a menu of links. `chosen()` gives the ids of the events that a filter leaves, `null` where there is none. */
export function exportMenu(record, { chosen }) {
  const stem = stemOf(record.job.name);
  const at = (rest) => `${BASE}/${record.path}/${rest}`;
  const link = (suffix) => h("a", { href: at(`timeline.${suffix}`), download: `${stem}.${suffix}` }, h("b", {}, t(`review.export.${suffix}`)), h("span", { class: "muted" }, `.${suffix}`));
  const group = (name, ...inside) => h("div", { role: "group", "aria-label": t(`review.export.group.${name}`) }, h("p", { class: "fine muted", "aria-hidden": "true" }, t(`review.export.group.${name}`)), inside);
  const note = h("p", { class: "fine muted", hidden: true });
  const cuts = FOOTAGE.filter(([, needs]) => !needs || hasFootage(record)).map(([file]) =>
    ({ file, element: h("a", { download: `${stem} ${file}` }, h("b", {}, t(`review.export.${file}`)), h("span", { class: "muted" }, `.${file.split(".")[1]}`)) }));
  const renew = () => {
    const ids = chosen();
    const named = ids && ids.length > 0 && ids.length <= NAMED ? ids : null;
    for (const { file, element } of cuts) element.href = at(file) + query({ event: named, pad: file === "evidence.zip" ? null : PAD });
    note.hidden = named === null;
    note.textContent = named ? t("review.export.named", { n: named.length }) : "";
  };
  renew();
  const element = h("details", { class: "menu", ontoggle: renew },
    h("summary", { class: "button", "aria-label": t("review.export") }, icon("download"), h("span", {}, t("review.export"))),
    h("div", { class: "menu-sheet wide" },
      group("read", h("a", { href: at("timeline.html"), target: "_blank", rel: "noopener" }, h("b", {}, t("review.export.open")), icon("link")), GROUPS.read.map(link)),
      record.job.kind === "scan" && group("footage", note, cuts.map((each) => each.element)),
      ["watch", "cut", "compute"].map((name) => group(name, GROUPS[name].map(link)))));
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
