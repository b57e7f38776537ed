// The page without this is complete; with it, the strip of time and the list point at each other, the list can be narrowed, and
// frames can be compared (compare.js).
"use strict";
const $ = (id) => document.getElementById(id);
const frames = [...document.querySelectorAll('[data-what="frame"]')];
const groups = [...document.querySelectorAll(".group")];
const groupOf = new Map(frames.map((f) => [f, f.closest(".group")]));
// In order of time: a frame may stand under one that was kept long before it.
const timeOf = new Map(frames.map((f) => [f, Number(f.dataset.t)]));
const inTime = [...frames].sort((a, b) => timeOf.get(a) - timeOf.get(b));
const page = document.documentElement;
const bar = $("bar"), pane = $("window"), needle = $("needle"), readout = $("readout"), dock = $("dock");
const duration = bar ? Number(bar.dataset.duration) || 1 : 1;
let current = -1;
page.classList.add("live");

const two = (n) => String(n).padStart(2, "0");
const clock = (seconds) => {
  const s = Math.floor(seconds + 0.0005), h = Math.floor(s / 3600), tail = two(s % 60);
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${tail}` : `${Math.floor(s / 60)}:${tail}`;
};
const told = (f) => `${f.dataset.kind}: ${f.dataset.label.toLowerCase()}${f.dataset.score ? `, ${f.dataset.score}` : ""}`;

function choose(i, { scroll = true } = {}) {
  if (groups[current]) groups[current].removeAttribute("aria-current");
  current = i;
  const group = groups[i];
  if (!group) return;
  group.setAttribute("aria-current", "true");
  if (scroll) group.scrollIntoView({ block: "start" });
  reveal(Number(group.dataset.t) / duration);
}
function step(by) {
  let i = current < 0 && by < 0 ? groups.length : current;
  do i += by; while (groups[i] && groups[i].hidden);
  if (groups[i]) choose(i);
}
function nearest(at) {
  let low = 0, high = inTime.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (timeOf.get(inTime[middle]) <= at) low = middle; else high = middle - 1;
  }
  return inTime[low];
}

// A click or a link may lead to a frame that is folded away.
function uncover(frame) {
  const item = frame.closest(".extra");
  if (item) unfold(item.closest(".group").querySelector(".unfold"), true);
}
function unfold(button, open) {
  if (!button || (button.getAttribute("aria-expanded") === "true") === open) return;
  button.setAttribute("aria-expanded", String(open));
  button.textContent = open ? button.dataset.less : button.dataset.all;
  $(button.getAttribute("aria-controls")).classList.toggle("all", open);
}
for (const button of document.querySelectorAll(".unfold")) {
  button.hidden = false;
  button.addEventListener("click", () => unfold(button, button.getAttribute("aria-expanded") !== "true"));
}

// Zoom: the strip gets wider than its window. What was in the middle, or is chosen, stays in sight.
const widths = [1, 4, 16];
let level = 0;
function reveal(share) {
  const x = share * bar.offsetWidth, margin = pane.clientWidth * 0.1;
  if (x < pane.scrollLeft + margin || x > pane.scrollLeft + pane.clientWidth - margin) pane.scrollLeft = x - pane.clientWidth / 2;
}
function zoom(by) {
  const middle = (pane.scrollLeft + pane.clientWidth / 2) / bar.offsetWidth;
  const share = groups[current] ? Number(groups[current].dataset.t) / duration : middle;
  level = Math.min(widths.length - 1, Math.max(0, level + by));
  widths.forEach((_, i) => bar.classList.toggle(`zoom-${i}`, i === level));
  pane.scrollLeft = share * bar.offsetWidth - pane.clientWidth / 2;
  $("out").disabled = level === 0;
  $("in").disabled = level === widths.length - 1;
}

// Narrowing: pressed reasons add up; "near the threshold" narrows further. A kept frame that does not fit itself stays, pale, above
// the dropped ones that do: they are nothing without it.
const chips = [...document.querySelectorAll(".chip[data-reason]")], onlyNear = $("only-near");
const pressed = (chip) => chip !== null && chip.getAttribute("aria-pressed") === "true";
function narrow() {
  const reasons = new Set(chips.filter(pressed).map((c) => c.dataset.reason)), near = pressed(onlyNear);
  const all = !reasons.size && !near;
  const fits = (f) => all || ((!reasons.size || reasons.has(f.dataset.reason)) && (!near || "near" in f.dataset));
  const left = new Map(groups.map((group) => [group, 0]));
  let count = 0;
  for (const frame of frames) {
    const fit = fits(frame), group = groupOf.get(frame);
    if (frame.dataset.kind === "dropped") frame.parentElement.hidden = !fit;
    else group.classList.toggle("context", !fit);
    left.set(group, left.get(group) + fit);
    count += fit;
  }
  for (const [group, number] of left) {
    group.hidden = number === 0;
    const list = group.querySelector(".strip"), button = group.querySelector(".unfold");
    // What was asked for is not folded away again.
    if (list) list.classList.toggle("all", !all || pressedOpen(button));
    if (button) button.hidden = !all;
    for (const aside of group.querySelectorAll(".after, .together")) aside.hidden = !all;
  }
  $("count").textContent = (all ? "" : `${count.toLocaleString("en")} of `) + total;
  $("nomatch").hidden = count > 0;
  if (groups[current] && groups[current].hidden) choose(-1);
}
const pressedOpen = (button) => button !== null && button.getAttribute("aria-expanded") === "true";
const total = $("count") ? $("count").textContent : "";
function press(chip) {
  chip.setAttribute("aria-pressed", String(!pressed(chip)));
  narrow();
}

if (bar) {
  $("chips").hidden = $("zoom").hidden = false;
  zoom(0);
  $("in").addEventListener("click", () => zoom(1));
  $("out").addEventListener("click", () => zoom(-1));
  for (const chip of [...chips, onlyNear]) chip?.addEventListener("click", () => press(chip));
  const timeAt = (happening) => {
    const box = bar.getBoundingClientRect();
    return Math.min(1, Math.max(0, (happening.clientX - box.left) / box.width));
  };
  bar.addEventListener("pointermove", (happening) => {
    const share = timeAt(happening), at = share * duration, frame = nearest(at);
    needle.hidden = false;
    needle.style.left = `${share * 100}%`;
    needle.classList.toggle("left", happening.clientX > pane.getBoundingClientRect().left + pane.clientWidth / 2);
    const lost = happening.target.closest(".lost");
    readout.textContent = clock(at) + (lost ? `  ${lost.textContent}` : frame && timeOf.get(frame) <= at ? `  ${frame.dataset.label ? told(frame) : frame.dataset.kind}` : "");
  });
  bar.addEventListener("pointerleave", () => { needle.hidden = true; });
  bar.addEventListener("click", (happening) => {
    const frame = nearest(timeAt(happening) * duration);
    if (!frame) return;
    const group = groupOf.get(frame);
    if (group.hidden) return;
    choose(groups.indexOf(group), { scroll: false });
    uncover(frame);
    frame.scrollIntoView({ block: frame.dataset.kind === "kept" ? "start" : "center" });
    if (frame.dataset.kind === "dropped" && !frame.parentElement.hidden) frame.focus({ preventScroll: true });
  });
  const anchored = () => groups.findIndex((g) => `#${g.id}` === location.hash);
  window.addEventListener("hashchange", () => choose(anchored()));
  if (location.hash) choose(anchored());
  // What is scrolled to must not end up under the strip.
  const measure = () => page.style.setProperty("--dock", getComputedStyle(dock).position === "sticky" ? `${dock.offsetHeight}px` : "0px");
  new ResizeObserver(measure).observe(dock);
}
$("list")?.addEventListener("click", (happening) => {
  const group = happening.target.closest(".group");
  if (group && !happening.target.closest("a, button") && !String(getSelection())) choose(groups.indexOf(group), { scroll: false });
});

document.addEventListener("keydown", (happening) => {
  if (happening.ctrlKey || happening.metaKey || happening.altKey || $("viewer").open || !bar) return;
  const mask = $("show-mask");
  if (happening.key === "j") step(1);
  else if (happening.key === "k") step(-1);
  else if (happening.key === "+") zoom(1);
  else if (happening.key === "-") zoom(-1);
  else if (happening.key === "n" && onlyNear) press(onlyNear);
  else if (happening.key === "m" && mask) mask.click();
  else if (happening.key === "o" && groups[current]) open(groups[current].querySelector("button[data-what]"));
  else return;
  happening.preventDefault();
});
