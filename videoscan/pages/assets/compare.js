// Comparing: a dropped frame beside the kept one that stands for it; a kept one beside the kept one before it.
const viewer = $("viewer"), stage = $("stage"), hint = $("hint");
const modes = [...document.querySelectorAll("#modes button")];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const BLINK = 600; // milliseconds: well under three flashes a second
let shown = null, mode = "side", timer = 0, front = 1;

const leaders = frames.filter((f) => f.matches("button.shot"));
const hasPicture = (f) => f.querySelector("img") !== null;

function partner(frame) {
  if (frame.dataset.kind === "dropped") {
    const leader = groupOf.get(frame).querySelector("button.shot");
    return leader && hasPicture(leader) ? leader : null;
  }
  return leaders[leaders.indexOf(frame) - 1] || null;
}
function relation(frame, other) {
  if (!other) return frame.dataset.kind === "kept" ? "nothing before it to compare with" : "the frame that stands for it has no picture here";
  if (frame.dataset.kind === "kept") return `beside the frame kept before it, ${other.dataset.exact}`;
  return frame.dataset.reason === "thinned"
    ? `beside the last frame that was shown, ${other.dataset.exact}: they differ`
    : `${other.dataset.exact} stands for it`;
}

// Pictures laid over each other must be alike in size, or the sharper one alone would make a difference.
function figure(frame, { small }) {
  const made = document.createElement("figure"), caption = document.createElement("figcaption");
  const twin = small ? frame.querySelector(".twin") : null, pic = frame.querySelector(".pic");
  const source = twin || frame.querySelector("img");
  const image = new Image();
  image.src = source.src;
  image.alt = `Frame ${frame.dataset.frame} at ${frame.dataset.exact}`;
  image.width = source.getAttribute("width");
  image.height = source.getAttribute("height");
  const holder = document.createElement("span");
  holder.className = "pic";
  holder.append(image);
  const layers = pic || groupOf.get(frame).querySelector(".lead .pic");
  for (const layer of layers ? layers.querySelectorAll(".over") : []) {
    if (frame === shown && frame.dataset.kind === "kept" || !layer.classList.contains("boxes")) holder.append(layer.cloneNode(true));
  }
  const kind = document.createElement("b");
  kind.textContent = frame.dataset.kind;
  caption.append(kind, ` ${frame.dataset.exact}`);
  made.append(holder, caption);
  return made;
}
function fit() {
  const image = stage.querySelector("img");
  if (!image) return;
  const ratio = image.width && image.height ? image.getAttribute("width") / image.getAttribute("height") : 16 / 9;
  const beside = mode === "side" && stage.children.length > 1;
  const stacked = beside && innerWidth < 720 && ratio > 1;
  stage.style.gridTemplateColumns = stacked || !beside ? "auto" : "auto auto";
  const wide = (innerWidth * 0.96 - 6) / (beside && !stacked ? 2 : 1), high = (innerHeight * 0.96 - 130) / (stacked ? 2 : 1);
  stage.style.setProperty("--wide", `${Math.floor(Math.min(wide, high * ratio, 1280))}px`);
}
function blink() {
  clearInterval(timer);
  if (mode !== "flicker" || stage.children.length < 2) return;
  swap(1);
  if (!calm.matches) timer = setInterval(swap, BLINK);
}
function swap(to) {
  front = to === undefined ? 1 - front : to;
  [...stage.children].forEach((f, i) => f.classList.toggle("off", i !== front));
}
function draw() {
  const other = partner(shown), alone = !other;
  const over = mode !== "side" && !alone, small = over && shown.dataset.kind === "dropped";
  stage.className = `stage ${alone ? "single" : mode}`;
  stage.replaceChildren(...[other, shown].filter(Boolean).map((f) => figure(f, { small })));
  $("title").textContent = `Frame ${shown.dataset.frame} · ${shown.dataset.exact} · ${told(shown)}`;
  $("subtitle").textContent = relation(shown, other);
  for (const button of modes) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    button.disabled = alone;
  }
  hint.textContent = alone ? "" : { side: "", flicker: calm.matches ? "Space: the other picture" : "Space: pause, and the other picture", difference: "What differs is bright, four times as much as it is" }[mode];
  const list = openable(), place = list.indexOf(shown);
  $("previous").disabled = place <= 0;
  $("next").disabled = place < 0 || place === list.length - 1;
  fit();
  blink();
}
const openable = () => frames.filter((f) => f.matches("button") && hasPicture(f) && !groupOf.get(f).hidden && !f.parentElement.hidden && !(f.dataset.kind === "kept" && groupOf.get(f).classList.contains("context")));
function open(frame) {
  if (!frame || !hasPicture(frame)) return;
  shown = frame;
  draw();
  if (!viewer.open) viewer.showModal();
}
function turn(by) {
  const list = openable(), next = list[list.indexOf(shown) + by];
  if (!next) return;
  choose(groups.indexOf(groupOf.get(next)), { scroll: false });
  uncover(next);
  open(next);
}
function switchTo(next) {
  mode = next;
  if (partner(shown)) draw();
}
document.addEventListener("click", (happening) => {
  const frame = happening.target.closest("button[data-what]");
  if (frame) open(frame);
  else if (happening.target === viewer || happening.target.closest("#close")) viewer.close();
});
for (const button of modes) button.addEventListener("click", () => switchTo(button.dataset.mode));
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
viewer.addEventListener("close", () => {
  clearInterval(timer);
  if (shown) {
    shown.scrollIntoView({ block: "nearest" });
    shown.focus({ preventScroll: true });
  }
  shown = null;
});
window.addEventListener("resize", () => { if (shown) fit(); });
viewer.addEventListener("keydown", (happening) => {
  if (happening.ctrlKey || happening.metaKey || happening.altKey) return;
  const by = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 }[happening.key];
  const next = { 1: "side", 2: "flicker", 3: "difference" }[happening.key];
  if (by) turn(by);
  else if (next) switchTo(next);
  else if (happening.key === "m") $("show-mask")?.click();
  else if (happening.key === " " && mode === "flicker" && !happening.target.closest("button")) {
    clearInterval(timer);
    swap();
  } else return;
  happening.preventDefault();
});
