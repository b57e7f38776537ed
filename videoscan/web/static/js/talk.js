// Short words with the person: toasts that go by themselves, and questions that wait for an answer.

import { add, fill, h } from "./dom.js";
import { t } from "./texts.js";

const STAY = 6000;
let place = null;

const matters = new Map();

/** Where toasts appear; the shell makes it once. */
export function toastPlace() {
  place ??= h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  return place;
}

/**
 * Says something. `action` is `{ label, run }`, such as an undo. It goes after a few seconds, later while the pointer or the focus is on it;
 * what is said of the same `matter` takes its place. Returns what takes it away at once.
 */
export function toast(text, { action = null, stay = STAY, matter = null } = {}) {
  const element = h("div", { class: "toast" }, h("span", {}, text));
  if (matter) matters.get(matter)?.();
  let timer = 0;
  const gone = () => {
    clearTimeout(timer);
    element.remove();
  };
  const wait = () => { timer = setTimeout(gone, stay); };
  if (action) add(element, h("button", { type: "button", onclick: () => { gone(); action.run(); } }, action.label));
  add(element, h("button", { type: "button", "aria-label": t("do.close"), onclick: gone }, "✕"));
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, () => { clearTimeout(timer); wait(); });
  toastPlace().append(element);
  wait();
  if (matter) matters.set(matter, gone);
  return gone;
}

/** Opens a dialog with `children` (nodes); `close` closes it. Escape and a click beside it close it too; `onclose` is told. */
export function dialog(title, children, { onclose = null, wide = false } = {}) {
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
  const element = h("dialog", { "aria-labelledby": heading.id, class: wide ? "wide" : null }, h("div", { class: "inside" }, heading, children));
  element.addEventListener("close", () => {
    element.remove();
    onclose?.();
  });
  element.addEventListener("pointerdown", (event) => { if (event.target === element) element.close(); });
  document.body.append(element);
  element.showModal();
  element.scrollTop = 0; // the button that has the focus may stand at the end of what is read from its beginning
  return { element, close: () => element.close(), fill: (...nodes) => fill(element.firstElementChild, heading, ...nodes) };
}

/** Asks whether something is to be done; answers true or false. */
export function sure(title, text, { yes, bad = false } = {}) {
  return new Promise((done) => {
    let answer = false;
    const go = h("button", { type: "button", class: bad ? "button main bad" : "button main", onclick: () => { answer = true; shown.close(); } }, yes);
    const stay = h("button", { type: "button", class: "button", autofocus: true, onclick: () => shown.close() }, t("do.cancel"));
    const shown = dialog(title, [h("p", { class: "muted" }, text), h("div", { class: "buttons" }, stay, go)], { onclose: () => done(answer) });
  });
}
