import { add, h } from "../dom.js";
import { t } from "../texts.js";

/** The screen. */
export function mount(root) {
  add(root, h("h1", {}, t("jobs.title")));
  return () => {};
}
