// Regions as values: {kind: "exclude" | "include", corners: [[x, y], ...]} with corners in 0..1, and what may stand in a profile.
"use strict";
const DIGITS = 4;
const round = (x) => Math.min(1, Math.max(0, Number(x.toFixed(DIGITS))));
const editor = document.getElementById("editor");
const LIMITS = JSON.parse(editor.dataset.limits);

// As the profile's own check does: the largest triangle on the first corner.
function area(corners) {
  const [x0, y0] = corners[0];
  let most = 0;
  for (const [x1, y1] of corners) {
    for (const [x2, y2] of corners) most = Math.max(most, Math.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2);
  }
  return most;
}
// What is wrong with a region, or null.
function wrong(region) {
  if (region.corners.length < 3) return "needs three corners";
  if (region.corners.length > LIMITS.corners) return `has more than ${LIMITS.corners} corners`;
  if (area(region.corners) < LIMITS.area) return "encloses nothing: its corners lie on one line";
  return null;
}
const isFull = (regions, kind) => regions.filter((r) => r.kind === kind).length >= LIMITS.polygons;
const same = (a, b) => a[0] === b[0] && a[1] === b[1];
// Neighbours that became one corner by rounding are one corner.
const tidy = (corners) => corners.map(([x, y]) => [round(x), round(y)]).filter((c, i, all) => !same(c, all[(i + 1) % all.length]));
const ofTable = (table) => [
  ...(table.include || []).map((corners) => ({ kind: "include", corners: corners.map(([x, y]) => [round(x), round(y)]) })),
  ...(table.exclude || []).map((corners) => ({ kind: "exclude", corners: corners.map(([x, y]) => [round(x), round(y)]) })),
];
const other = (kind) => (kind === "exclude" ? "include" : "exclude");
const NAMES = { exclude: "Ignore", include: "Only here" };
