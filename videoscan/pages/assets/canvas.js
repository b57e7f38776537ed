// The picture: draws the state as SVG, and turns pointers and keys on it into changes of the state.
const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), stage = $("stage"), picture = $("picture");
const WIDE = Number(editor.dataset.width), HIGH = Number(editor.dataset.height);
const SNAP = 10, NEAR = 11, KNOB = 6, DOT = 4, STILL = 4; // screen pixels
const coarse = matchMedia("(pointer: coarse)");
let cross = null; // where the keyboard draws
let pointer = null; // where the mouse is, for the rubber line
let drag = null;

const svg = (name, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const scale = () => WIDE / (canvas.getBoundingClientRect().width || WIDE); // picture units per screen pixel
const points = (corners) => corners.map(([x, y]) => `${(x * WIDE).toFixed(2)},${(y * HIGH).toFixed(2)}`).join(" ");
const distance = (a, b) => Math.hypot((a[0] - b[0]) * WIDE, (a[1] - b[1]) * HIGH) / scale();

function snapped([x, y]) {
  const near = (v, side) => { const reach = SNAP * scale() / side; return v < reach ? 0 : v > 1 - reach ? 1 : v; };
  return [near(x, WIDE), near(y, HIGH)];
}
function pointOf(happening) {
  const box = canvas.getBoundingClientRect();
  const at = [(happening.clientX - box.left) / box.width, (happening.clientY - box.top) / box.height];
  return at.map((v) => Math.min(1, Math.max(0, v)));
}
const mayClose = (at) => draft !== null && draft.length >= 3 && distance(draft[0], at) <= (coarse.matches ? 2 : 1) * NEAR;

function drawShapes() {
  $("shapes").replaceChildren(...state.regions.map((region, i) => {
    const at = points(region.corners);
    return svg("g", {
      class: `region ${region.kind}${i === chosen ? " chosen" : ""}`, tabindex: 0, role: "button", "data-region": i, "data-key": `region-${i}`,
      "aria-label": `Region ${i + 1}: ${NAMES[region.kind]}, ${region.corners.length} corners`, "aria-pressed": i === chosen,
    }, svg("polygon", { class: "casing", points: at }), svg("polygon", { class: `shape ${region.kind}`, points: at }));
  }));
  // A pixel counts inside of any "only here" (everywhere without one), and outside of all that is ignored.
  const some = state.regions.some((r) => r.kind === "include");
  const parts = [svg("rect", { width: WIDE, height: HIGH, fill: some ? "#fff" : "#000" })];
  for (const [kind, fill] of [["include", "#000"], ["exclude", "#fff"]]) {
    for (const region of state.regions) if (region.kind === kind) parts.push(svg("polygon", { points: points(region.corners), fill, "fill-rule": "evenodd" }));
  }
  $("m-ignored").replaceChildren(...parts);
}
function drawDraft() {
  const unit = scale(), parts = [];
  if (draft) {
    const open = points(draft), tip = drag?.what === "draft" ? null : pointer || cross;
    parts.push(svg("polyline", { class: "casing", points: open }), svg("polyline", { class: `shape ${kind}`, points: open }));
    if (tip && draft.length) parts.push(svg("polyline", { class: `shape rubber ${kind}`, points: points([draft[draft.length - 1], mayClose(tip) ? draft[0] : tip]) }));
    draft.forEach(([x, y], i) => parts.push(svg("circle", { cx: x * WIDE, cy: y * HIGH, r: (i ? DOT : KNOB + 1) * unit, class: i === 0 && draft.length >= 3 ? "closes" : "" })));
  }
  $("draft").replaceChildren(...parts);
}
function drawHandles() {
  const region = draft ? null : state.regions[chosen], unit = scale(), parts = [];
  if (region) {
    const { corners } = region, reach = (coarse.matches ? 22 : 12) * unit;
    const knob = ([x, y], attributes, r) => svg("g", attributes, svg("circle", { class: "reach", cx: x * WIDE, cy: y * HIGH, r: reach }), svg("circle", { class: "knob", cx: x * WIDE, cy: y * HIGH, r: r * unit }));
    corners.forEach(([x, y], i) => {
      const [x1, y1] = corners[(i + 1) % corners.length], middle = [(x + x1) / 2, (y + y1) / 2];
      if (distance([x, y], [x1, y1]) > 4 * NEAR) parts.push(knob(middle, { class: "handle middle", "data-middle": i, "aria-hidden": "true" }, DOT));
    });
    corners.forEach(([x, y], i) => parts.push(knob([x, y], {
      class: `handle${i === corner ? " chosen" : ""}`, "data-corner": i, "data-key": `corner-${i}`, tabindex: 0, role: "button",
      "aria-label": `Corner ${i + 1} of ${corners.length}: ${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`,
    }, KNOB)));
  }
  $("handles").replaceChildren(...parts);
}
function drawCross() {
  const at = $("cross");
  at.toggleAttribute("hidden", !cross);
  if (!cross) return;
  const [x, y] = [cross[0] * WIDE, cross[1] * HIGH], arm = 14 * scale();
  const d = `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`;
  at.replaceChildren(svg("path", { d, class: "under" }), svg("path", { d }));
}
function drawCanvas() {
  const key = canvas.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  canvas.classList.toggle("drawing", drawing || draft !== null);
  picture.classList.toggle("black", state.blackOut);
  drawShapes();
  drawDraft();
  drawHandles();
  drawCross();
  if (key) (canvas.querySelector(`[data-key="${key}"]`) || canvas).focus({ preventScroll: true });
}

stage.addEventListener("pointerdown", (happening) => {
  if (happening.button !== 0 || drag) return;
  happening.preventDefault();
  const at = pointOf(happening), hit = happening.target.closest("[data-corner], [data-middle], [data-region]");
  cross = null;
  pointer = happening.pointerType === "mouse" ? at : null;
  canvas.focus({ preventScroll: true });
  stage.setPointerCapture(happening.pointerId);
  const begin = { id: happening.pointerId, from: at, moved: false };
  if (draft) {
    if (mayClose(at)) return close();
    // The second half of a double click.
    if (draft.length >= 3 && distance(draft[draft.length - 1], at) < STILL) return close();
    drag = { ...begin, what: "draft" };
    addCorner(snapped(at));
  } else if (hit && hit.dataset.corner !== undefined) {
    drag = { ...begin, what: "corner" };
    choose(chosen, Number(hit.dataset.corner));
  } else if (hit && hit.dataset.middle !== undefined) {
    drag = { ...begin, what: "corner" };
    insertCorner(Number(hit.dataset.middle));
    show();
  } else if (hit && !drawing) {
    const index = Number(hit.dataset.region);
    drag = { ...begin, what: "region", corners: state.regions[index].corners };
    choose(index);
  } else {
    drag = { ...begin, what: "draft" };
    addCorner(snapped(at));
  }
});
stage.addEventListener("pointermove", (happening) => {
  const at = pointOf(happening);
  tell(at);
  if (!drag) {
    if (draft && happening.pointerType === "mouse") { pointer = at; drawDraft(); }
    return;
  }
  if (happening.pointerId !== drag.id) return;
  drag.moved ||= distance(drag.from, at) >= STILL;
  if (!drag.moved) return;
  if (drag.what === "draft" && draft) draft[draft.length - 1] = snapped(at);
  else if (drag.what === "corner") placeCorner(chosen, corner, snapped(at));
  else if (drag.what === "region") state.regions[chosen].corners = shift(drag.corners, at[0] - drag.from[0], at[1] - drag.from[1]);
  drawCanvas();
});
function endDrag(happening) {
  if (!drag || happening.pointerId !== drag.id) return;
  const { what } = drag;
  drag = null;
  if (what !== "draft") settle(); else drawCanvas();
}
stage.addEventListener("pointerup", endDrag);
stage.addEventListener("pointercancel", endDrag);
stage.addEventListener("pointerleave", () => { pointer = null; tell(null); drawDraft(); });

// Keys on the picture and on what lies on it.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (happening) => {
  if (happening.ctrlKey || happening.metaKey || happening.altKey) return;
  const { key, target } = happening, step = happening.shiftKey ? 0.001 : 0.01;
  const onCorner = target.dataset?.corner, onRegion = target.dataset?.region;
  const [dx, dy] = (ARROWS[key] || [0, 0]).map((v) => v * step);
  if (ARROWS[key] && onCorner !== undefined) {
    corner = Number(onCorner);
    const [x, y] = state.regions[chosen].corners[corner];
    placeCorner(chosen, corner, [x + dx, y + dy].map(round));
    settle();
    tell(state.regions[chosen].corners[corner] || null);
  } else if (ARROWS[key] && onRegion !== undefined) {
    choose(Number(onRegion));
    state.regions[chosen].corners = shift(state.regions[chosen].corners, dx, dy);
    settle();
  } else if (ARROWS[key]) {
    cross = (cross || [0.5, 0.5]).map((v, i) => round(v + [dx, dy][i]));
    pointer = null;
    tell(cross);
    drawCanvas();
  } else if ((key === " " || key === "Enter") && onRegion !== undefined && !draft) {
    choose(Number(onRegion));
  } else if (key === "+" && onCorner !== undefined) {
    insertCorner(Number(onCorner));
    const added = corner;
    settle();
    canvas.querySelector(`[data-corner="${added}"]`)?.focus();
  } else if (key === " " && target === canvas) {
    cross ||= [0.5, 0.5];
    if (mayClose(cross)) close(); else addCorner([...cross]);
  } else return;
  happening.preventDefault();
  happening.stopPropagation();
});
canvas.addEventListener("focusin", (happening) => {
  const { corner: at } = happening.target.dataset;
  if (at !== undefined && Number(at) !== corner && !drag) {
    corner = Number(at);
    for (const handle of canvas.querySelectorAll(".handle")) handle.classList.toggle("chosen", handle.dataset.corner === at);
  }
});
canvas.addEventListener("blur", () => { cross = null; drawCross(); });
