// Keys that do something wherever the focus is, and the sheet that shows them.

import { h, typing } from "../dom.js";
import { dialog } from "../talk.js";
import { t } from "../texts.js";

const SHEET = [
  ["move", [["j", "next"], ["k", "previous"], ["t", "open"], ["Space", "play"], ["←", "back"], ["→", "forward"], [",", "frame.back"], [".", "frame.on"], ["<", "slower"], [">", "faster"]]],
  ["judge", [["a", "accept"], ["r", "reject"], ["e", "edit"], ["n", "add"], ["u", "undo"]]],
  ["look", [["+", "zoom.in"], ["−", "zoom.out"], ["0", "zoom.all"], ["z", "zoom.event"], ["o", "enlarge"], ["f", "full"], ["m", "sound"]]],
  ["find", [["/", "find"], ["?", "help"], ["Esc", "escape"]]],
];

const CHOSEN = ".row-main, .shot-picture";

/** Listens until `signal` ends it; `acts` holds a function for each of the names above. */
export function keys(acts, signal) {
  const bound = {
    j: acts.next, k: acts.previous, t: acts.open, " ": acts.play, ArrowLeft: acts.back, ArrowRight: acts.forward, ",": acts.frameBack, ".": acts.frameOn, "<": acts.slower, ">": acts.faster,
    a: acts.accept, r: acts.reject, e: acts.edit, n: acts.add, u: acts.undo, "+": acts.zoomIn, "=": acts.zoomIn, "-": acts.zoomOut, "−": acts.zoomOut, 0: acts.zoomAll, z: acts.zoomEvent,
    o: acts.enlarge, f: acts.full, m: acts.sound, "?": acts.help, Escape: acts.escape,
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event)) return;
    if (document.querySelector("dialog[open]")) return;
    const act = bound[event.key];
    if (!act) return;
    const at = event.target;
    // A button or a link that has the focus keeps its own keys; what was chosen in a list is what one plays next.
    if (event.key === " " && at instanceof Element && at.matches("button, summary, a[href], [type=checkbox]") && !at.matches(CHOSEN)) return;
    if (event.key.startsWith("Arrow") && at instanceof Element && at.matches("input[type=range], [type=radio]")) return;
    event.preventDefault();
    act(event);
  }, { signal });
  // A button is pressed when the key is let go.
  document.addEventListener("keyup", (event) => { if (event.key === " " && event.target instanceof Element && event.target.matches(CHOSEN)) event.preventDefault(); }, { signal });
}

/** The sheet of keys. */
export function help() {
  const close = h("button", { type: "button", class: "button", autofocus: true }, t("do.close"));
  const group = ([name, lines]) => h("div", {}, h("h3", {}, t(`review.keys.${name}`)), h("dl", {}, lines.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(`review.key.${what}`))))));
  const shown = dialog(t("review.keys"), [h("div", { class: "key-sheet" }, SHEET.map(group)), h("p", { class: "muted fine" }, t("review.keys.bar")), h("div", { class: "buttons" }, close)], { wide: true });
  close.addEventListener("click", shown.close);
}
