// The state: what is drawn, what is chosen, and how it came to that. Whoever changes it calls `changed` once it is whole.
const begun = JSON.parse(editor.dataset.regions);
const state = { regions: ofTable(begun), blackOut: begun.black_out };
let chosen = -1; // a region
let corner = -1; // one of its corners
let draft = null; // the corners of a region that is being drawn
let kind = "exclude"; // of the next region
let drawing = false; // a click begins a new region even over one that is there
let saved = true; // whether somebody has taken the TOML since the last change
const past = [], future = [];
const MOST_STEPS = 500;
const snapshot = () => JSON.stringify(state);
let last = snapshot();

function changed({ taken = false } = {}) {
  const now = snapshot();
  if (now !== last) {
    past.push(last);
    if (past.length > MOST_STEPS) past.shift();
    future.length = 0;
    last = now;
    saved = taken;
  }
  show();
}
function travel(from, to) {
  if (draft) return giveUp();
  if (!from.length) return;
  to.push(last);
  last = from.pop();
  Object.assign(state, JSON.parse(last));
  chosen = corner = -1;
  saved = false;
  show();
}
const undo = () => travel(past, future), redo = () => travel(future, past);

function choose(region, at = -1) {
  chosen = region;
  corner = at;
  drawing = false;
  show();
}
function setKind(next) {
  kind = next;
  show();
}
function turn(index) {
  const region = state.regions[index], next = other(region.kind);
  if (isFull(state.regions, next)) return say(`There may be ${LIMITS.polygons} of a kind at most.`);
  region.kind = next;
  changed();
}
function giveUp() {
  draft = null;
  drawing = false;
  show();
}
function addCorner(point) {
  if (!draft) {
    if (isFull(state.regions, kind)) return say(`There may be ${LIMITS.polygons} of a kind at most.`);
    draft = [];
    chosen = corner = -1;
  }
  if (draft.length >= LIMITS.corners) return say(`A region has ${LIMITS.corners} corners at most.`);
  draft.push(point);
  show();
}
function close() {
  const corners = tidy(draft), fault = wrong({ corners });
  if (fault) return say(`The region ${fault}. Esc gives it up.`);
  state.regions.push({ kind, corners });
  draft = null;
  drawing = false;
  chosen = state.regions.length - 1;
  corner = -1;
  changed();
}
function rectangle() {
  if (isFull(state.regions, kind)) return say(`There may be ${LIMITS.polygons} of a kind at most.`);
  draft = null;
  state.regions.push({ kind, corners: [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]] });
  chosen = state.regions.length - 1;
  corner = -1;
  changed();
}
function removeRegion(index) {
  state.regions.splice(index, 1);
  chosen = corner = -1;
  if (!state.regions.length) state.blackOut = false;
  changed();
}
// Backspace, Delete and the button: whatever is nearest at hand.
function remove() {
  if (draft) {
    draft.pop();
    if (!draft.length) return giveUp();
    return show();
  }
  const region = state.regions[chosen];
  if (!region) return;
  if (corner < 0) return removeRegion(chosen);
  const corners = region.corners.filter((_, i) => i !== corner), fault = wrong({ corners });
  if (fault) return say(`Without this corner the region ${fault}. Delete the region instead.`);
  region.corners = corners;
  corner = Math.min(corner, corners.length - 1);
  changed();
}
function insertCorner(after) {
  const { corners } = state.regions[chosen], [x0, y0] = corners[after], [x1, y1] = corners[(after + 1) % corners.length];
  if (corners.length >= LIMITS.corners) return say(`A region has ${LIMITS.corners} corners at most.`);
  corners.splice(after + 1, 0, [(x0 + x1) / 2, (y0 + y1) / 2]);
  corner = after + 1;
}
// Moves that would leave nothing are not made.
function placeCorner(index, at, point) {
  const region = state.regions[index], corners = region.corners.map((c, i) => (i === at ? point : c));
  if (!wrong({ corners: corners.map(([x, y]) => [round(x), round(y)]) })) region.corners = corners;
}
function shift(corners, dx, dy) {
  const xs = corners.map((c) => c[0]), ys = corners.map((c) => c[1]);
  const right = Math.min(Math.max(dx, -Math.min(...xs)), 1 - Math.max(...xs));
  const down = Math.min(Math.max(dy, -Math.min(...ys)), 1 - Math.max(...ys));
  return corners.map(([x, y]) => [x + right, y + down]);
}
function settle() {
  for (const region of state.regions) {
    const corners = tidy(region.corners);
    region.corners = corners.length >= 3 ? corners : region.corners.map(([x, y]) => [round(x), round(y)]);
  }
  changed();
}
