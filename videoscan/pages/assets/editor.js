// The rest of the page: the list of regions, the TOML that follows what is drawn (and is followed when somebody writes it), the keys.
const toml = $("toml"), complaint = $("complaint"), hint = $("hint");
let spoken = -Infinity;

const camera = () => (form() === "camera" ? { match: $("match").value.trim() || "*", name: $("name").value.trim() } : null);
const form = () => document.querySelector("[name=form]:checked").value;
const text = () => written(state.regions, state.blackOut, camera());

function say(words) {
  hint.textContent = words;
  spoken = performance.now();
}
function usual() {
  if (draft) return draft.length < 3 ? "Click on: a region has three corners at least. Backspace takes one back, Esc gives up." : "Enter, the first corner or a double click closes. Backspace takes one back, Esc gives up.";
  if (drawing) return `Click the first corner of what to ${kind === "exclude" ? "ignore" : "look at"}.`;
  if (state.regions[chosen]) return "Drag the region, its corners, or a dot between them. Delete removes. Click beside it for another.";
  return "Click in the picture, corner after corner, round what does not matter: a clock, a road, a neighbour’s window.";
}
function tell(at) {
  $("place").textContent = at ? `${at[0].toFixed(DIGITS)}  ${at[1].toFixed(DIGITS)}` : "";
}
function show() {
  drawCanvas();
  drawList();
  for (const input of document.querySelectorAll("[name=kind]")) input.checked = input.value === kind;
  const [name, key] = !draft ? ["New region", "N"] : draft.length < 3 ? ["Give up", "Esc"] : ["Finish", "Enter"];
  $("draw-name").textContent = name;
  $("draw-key").textContent = key;
  $("draw").setAttribute("aria-pressed", String(drawing));
  $("undo").disabled = !past.length && !draft;
  $("redo").disabled = !future.length;
  $("remove").disabled = !draft && !state.regions[chosen];
  $("black-out").checked = state.blackOut;
  $("black-out").disabled = !state.regions.length;
  if (performance.now() - spoken > 1500) hint.textContent = usual();
  if (document.activeElement !== toml) write();
}
function write() {
  toml.value = text();
  complain(null);
}
function complain(why) {
  complaint.hidden = !why;
  complaint.textContent = why ? `Not loaded: ${why}.` : "";
  toml.setAttribute("aria-invalid", String(Boolean(why)));
}

function drawList() {
  const focused = document.activeElement?.closest("#list") ? document.activeElement.dataset.key : null;
  $("count").textContent = state.regions.length;
  $("none").hidden = state.regions.length > 0;
  $("list").replaceChildren(...state.regions.map((region, i) => {
    const item = document.createElement("li"), pick = document.createElement("button"), drop = document.createElement("button");
    item.className = i === chosen ? "chosen" : "";
    pick.type = drop.type = "button";
    pick.className = "pick";
    pick.dataset.key = `pick-${i}`;
    pick.setAttribute("aria-pressed", String(i === chosen));
    const name = document.createElement("b"), more = document.createElement("span");
    name.textContent = NAMES[region.kind];
    more.className = "muted num";
    more.textContent = `${region.corners.length} corners`;
    const swatch = svg("svg", { class: "swatch", viewBox: "0 0 18 14", "aria-hidden": "true" }, svg("rect", { class: `shape ${region.kind}`, x: 1, y: 1, width: 16, height: 12 }));
    pick.append(swatch, name, more);
    pick.addEventListener("click", () => choose(i));
    drop.className = "drop";
    drop.dataset.key = `drop-${i}`;
    drop.textContent = "×";
    drop.setAttribute("aria-label", `Delete region ${i + 1}`);
    drop.addEventListener("click", () => removeRegion(i));
    const swap = document.createElement("button");
    swap.type = "button";
    swap.className = "swap";
    swap.dataset.key = `swap-${i}`;
    swap.textContent = "⇄";
    swap.title = `Turn into “${NAMES[other(region.kind)]}”`;
    swap.setAttribute("aria-label", `Turn region ${i + 1} into “${NAMES[other(region.kind)]}”`);
    swap.addEventListener("click", () => { turn(i); });
    item.append(pick, swap, drop);
    return item;
  }));
  if (focused) ($("list").querySelector(`[data-key="${focused}"]`) || $("draw")).focus({ preventScroll: true });
}

// What somebody wrote or pasted becomes what is drawn, as soon as it can be read.
function load(words) {
  let found;
  try {
    found = read(words);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    complain(fault.message);
    return false;
  }
  complain(null);
  draft = null;
  chosen = corner = -1;
  state.regions = found.regions;
  state.blackOut = found.blackOut;
  document.querySelector(`[name=form][value=${found.camera ? "camera" : "profile"}]`).checked = true;
  $("camera").hidden = !found.camera;
  if (found.camera) {
    $("match").value = found.camera.match;
    $("name").value = found.camera.name || "";
  }
  changed({ taken: true });
  return true;
}
toml.addEventListener("input", () => load(toml.value));
toml.addEventListener("blur", () => { if (complaint.hidden) write(); });
toml.addEventListener("paste", (happening) => {
  // A table that is pasted stands for the one that is there, wherever the caret is.
  const words = happening.clipboardData.getData("text");
  if (!/^\s*(?:#.*\n\s*)*\[/.test(words)) return;
  happening.preventDefault();
  toml.value = words;
  if (load(words)) say(`Loaded: ${state.regions.length} region${state.regions.length === 1 ? "" : "s"}.`);
});
document.addEventListener("paste", (happening) => {
  if (happening.target.closest?.("input, textarea")) return;
  const words = happening.clipboardData.getData("text");
  if (!words.trim()) return;
  happening.preventDefault();
  if (load(words)) {
    write();
    say(`Loaded: ${state.regions.length} region${state.regions.length === 1 ? "" : "s"}.`);
  }
});

function took(words) {
  saved = true;
  $("done").textContent = words;
}
$("copy").addEventListener("click", async () => {
  const words = text();
  write();
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    toml.focus();
    toml.select();
    if (!document.execCommand("copy")) return void ($("done").textContent = "Press Ctrl+C");
    toml.blur();
  }
  took("Copied");
});
$("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text()], { type: "application/toml" }));
  link.download = "regions.toml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  write();
  took("Saved as regions.toml");
});
window.addEventListener("beforeunload", (happening) => { if (!saved) happening.preventDefault(); });

for (const input of document.querySelectorAll("[name=kind]")) input.addEventListener("change", () => setKind(input.value));
for (const input of document.querySelectorAll("[name=form]")) input.addEventListener("change", () => { $("camera").hidden = form() !== "camera"; write(); });
for (const id of ["match", "name"]) $(id).addEventListener("input", write);
$("black-out").addEventListener("change", () => { state.blackOut = $("black-out").checked; changed(); });
$("draw").addEventListener("click", () => {
  if (draft) return draft.length < 3 ? giveUp() : close();
  drawing = !drawing;
  chosen = corner = -1;
  show();
  canvas.focus({ preventScroll: true });
});
$("rectangle").addEventListener("click", () => { rectangle(); canvas.querySelector(".region.chosen")?.focus({ preventScroll: true }); });
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("remove").addEventListener("click", remove);

document.addEventListener("keydown", (happening) => {
  const { key, target } = happening, writes = target.closest?.("input[type=text], textarea");
  if (writes) return;
  if ((happening.ctrlKey || happening.metaKey) && !happening.altKey && /^[zy]$/i.test(key)) {
    happening.preventDefault();
    return key.toLowerCase() === "y" || happening.shiftKey ? redo() : undo();
  }
  if (happening.ctrlKey || happening.metaKey || happening.altKey) return;
  if (key === "Enter" && draft && !target.closest("button, summary")) close();
  else if (key === "Escape") { if (draft || drawing) giveUp(); else choose(-1); }
  else if (key === "Backspace" || key === "Delete") remove();
  else if (key === "n" || key === "N") { if (!draft) $("draw").click(); }
  else if (key === "x" || key === "X") { if (!draft && state.regions[chosen]) turn(chosen); else setKind(other(kind)); }
  else return;
  happening.preventDefault();
});
new ResizeObserver(() => {
  // As large as its column, and no higher than the window leaves room for: the whole picture is in sight while one draws.
  const high = Math.max(240, innerHeight - 210);
  picture.style.maxWidth = `${Math.round(high * WIDE / HIGH)}px`;
  drawCanvas();
}).observe(stage);
window.addEventListener("resize", () => { picture.style.maxWidth = `${Math.round(Math.max(240, innerHeight - 210) * WIDE / HIGH)}px`; drawCanvas(); });
show();
