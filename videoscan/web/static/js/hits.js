// Events that were found, with their words marked, their picture and both of their times.

import { add, h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./texts.js";
import { clock, wallText } from "./times.js";

/** Where an event of another screen is: its job at its moment. `null` for one that was scanned elsewhere. */
export function momentOf(hit) {
  return hit.job ? `#/jobs/${hit.job}?t=${hit.start}&event=${encodeURIComponent(hit.id)}` : null;
}

/** One hit as a list item; `label` is how a text cites it. */
export function hitRow(hit, { label = null } = {}) {
  const to = momentOf(hit);
  const found = Object.fromEntries(hit.context.map((each) => [each.field, each]));
  const title = marked(found.title, hit.title);
  const name = to ? h("a", { class: "name", href: to, dir: "auto" }, title) : h("span", { class: "name", dir: "auto" }, title);
  const wall = hit.wall_start ? wallText(hit.wall_start, 0, { date: true }) : null;
  const shot = h("span", { class: "shot" }, icon("film"));
  if (hit.picture) picture(shot, hit.picture);
  return h("li", { class: "hit", id: label ? `cited-${label}` : null },
    shot,
    h("div", { class: "what" },
      h("h3", {}, name),
      (found.description || hit.description) && h("p", { class: "words", dir: "auto" }, marked(found.description, hit.description)),
      found.attributes && h("p", { class: "words", dir: "auto" }, marked(found.attributes, "")),
      h("p", { class: "fine tags" }, hit.tags.slice(0, 6).map((tag) => h("span", { class: "tag", dir: "auto" }, tag)),
        hit.review && hit.review !== "no" && known(hit.review) && h("span", { class: "badge" }, t(`search.reviewed.${hit.review}`)))),
    h("div", { class: "where fine" },
      wall && h("span", { class: "num strong" }, wall),
      h("span", { class: wall ? "num muted" : "num strong" }, wall ? t("search.at", { time: clock(hit.start) }) : clock(hit.start)),
      h("span", { class: "muted", dir: "auto" }, hit.camera ?? hit.source.split("/").pop()),
      !to && h("span", { class: "muted" }, t("search.elsewhere"))));
}

function known(review) {
  return ["yes", "accepted", "edited", "added", "rejected"].includes(review);
}

function picture(shot, address) {
  const image = h("img", { alt: "", loading: "lazy", decoding: "async", src: address });
  image.addEventListener("error", () => image.remove(), { once: true });
  shot.replaceChildren(image);
}

/** A text with the words that were found in it; places count characters, not the units that JavaScript counts. */
function marked(context, plain) {
  if (!context) return plain;
  const letters = [...context.text];
  const parts = [];
  let at = 0;
  for (const [start, end] of context.matches) {
    parts.push(letters.slice(at, start).join(""), h("mark", {}, letters.slice(start, end).join("")));
    at = end;
  }
  parts.push(letters.slice(at).join(""));
  return add(h("span", {}), parts);
}
