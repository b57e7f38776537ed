// One job: its video, its time bar, its events.

import { add, h } from "../dom.js";
import { t } from "../texts.js";

/** The screen. */
export function mount(root) {
  add(root, h("p", { class: "muted" }, t("review.loading")));
  return () => {};
}
