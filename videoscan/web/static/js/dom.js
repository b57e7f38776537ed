// Builds elements. Text goes in as text: nothing here ever parses markup, so that a title with tags in it is shown and never run.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `h("button", { class: "button", onclick: save, disabled: false }, "Save")`.
 * Attributes: `on...` functions are listeners; `style` takes an object (custom properties too); `dataset` an object; `true` sets an
 * attribute without a value, `false`, `null` and `undefined` leave it out. Children: nodes, texts, numbers, arrays of these; `null`
 * and `false` are left out.
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, what] of Object.entries(value)) setStyle(element, key, what);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" && "value" in element && element.tagName !== "LI") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

/** Sets one property of an element's style; through the object model, which the page's policy allows. */
export function setStyle(element, name, value) {
  if (name.startsWith("--")) element.style.setProperty(name, value);
  else element.style[name] = value;
}

/** Appends children, as `h` takes them. */
export function add(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replaces all children. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, ...children);
}

/** Listens until `signal` of an AbortController ends it: a screen aborts one controller when it goes. */
export function on(target, type, listener, options = {}) {
  target.addEventListener(type, listener, options);
}

/** Whether a key press is meant for a field that takes text, and not for the page. */
export function typing(event) {
  const at = event.target;
  if (!(at instanceof Element)) return false;
  return at.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=range], [type=button])");
}

/** Moves the focus to where a reader should go on, without scrolling. */
export function focusOn(element) {
  if (!element.hasAttribute("tabindex") && !element.matches("a, button, input, select, textarea")) element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: true });
}
