// What was looked at and what was not, as the bar draws it and as people read it. Pure but for `pattern`, which paints a tile.

import { known as told, t } from "../texts.js";

export const STATES = ["described", "unchanged", "failed", "lost", "skipped", "absent"];

const PENDING = "not looked at yet";
const SPENT = /^the budget(?: of (.+?))?( of today)? (?:is|was) used up/;
const PLAIN = { "before --start": "before", "after --end": "after", "thinned: it changed, but dedup.max_rate was reached": "thinned" };

/** What became of a run, in a word. */
export const stateName = ({ state, reason }) => t(`review.state.${reason === PENDING ? "pending" : state}`);

/** Why nobody looked, in words; a failure's own name where there are none for it. */
export function reasonOf({ state, reason }) {
  const failure = /^window \d+: (\w+)$/.exec(reason ?? "")?.[1].toLowerCase();
  if (failure && told(`review.failure.${failure}`)) return t(`review.failure.${failure}`);
  if (reason === PENDING) return t("review.state.pending.why");
  const spent = SPENT.exec(reason ?? "");
  if (spent) return spent[1] ? t(spent[2] ? "review.skipped.budget.day" : "review.skipped.budget", { limit: spent[1] }) : t("review.skipped.budget.some");
  if (PLAIN[reason]) return t(`review.skipped.${PLAIN[reason]}`);
  return reason ?? t(`review.state.${state}.why`);
}

/** The index of the window that a stretch failed with or was skipped with, `null` for all else. */
export function windowOf({ state, reason, window = null }) {
  if (window !== null) return window;
  const found = state === "failed" && /^window (\d+): /.exec(reason ?? "");
  return found ? Number(found[1]) : null;
}

/** A stretch that the budget left out, in the pieces that can be asked again one by one, each with its `window`; any other as it is. */
export function byWindow(run, windows) {
  if (run.state !== "skipped" || !SPENT.test(run.reason ?? "")) return [run];
  const inside = windows.filter((each) => each.status === "skipped" && each.start < run.end && each.end > run.start);
  if (!inside.length) return [run];
  // Windows share pictures: a piece goes as far as the next one.
  return inside.map(({ index, start }, at) => ({ ...run, window: index, start: at ? start : run.start, end: inside[at + 1]?.start ?? run.end }));
}

/** Whether somebody looked. */
export const known = (state) => state === "described" || state === "unchanged";

/** Coverage in order of time, neighbours of one state and reason joined: `{ start, end, state, reason }`. */
export function runs(coverage) {
  const found = [];
  for (const { start, end, state, reason } of coverage) {
    const last = found.at(-1);
    if (last && last.state === state && (last.reason ?? null) === (reason ?? null)) last.end = end;
    else found.push({ start, end, state, reason: reason ?? null });
  }
  return found;
}

/** The runs that nobody looked at. */
export const gaps = (all) => all.filter((run) => !known(run.state));

/** Seconds by state. */
export function totals(all) {
  const seconds = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const run of all) seconds[run.state] += run.end - run.start;
  return seconds;
}

/**
 * What to paint of `all` on a scale, left to right: `{ x, width, state }` in pixels. Runs that were looked at and are thinner than a pixel
 * are drawn together, in the state that most of their time has; what nobody looked at is drawn however short it is.
 */
export function strokes(all, scale) {
  const painted = [];
  let pending = null;
  const flush = () => {
    if (pending) painted.push({ x: pending.x, width: pending.until - pending.x, state: pending.described * 2 >= pending.time ? "described" : "unchanged" });
    pending = null;
  };
  for (const run of all) {
    if (run.end <= scale.from) continue;
    if (run.start >= scale.to) break;
    const x = Math.max(0, scale.x(run.start));
    const until = Math.min(scale.width, scale.x(run.end));
    if (known(run.state) && until - x < 1) {
      pending ??= { x, until, described: 0, time: 0 };
      pending.until = until;
      pending.time += run.end - run.start;
      if (run.state === "described") pending.described += run.end - run.start;
      if (pending.until - pending.x >= 1) flush();
      continue;
    }
    flush();
    painted.push({ x, width: known(run.state) ? until - x : Math.max(2, until - x), state: run.state });
  }
  flush();
  return painted;
}

/** A tile of a state's pattern for a canvas: states differ in their pattern, not by colour alone. `colours` are those of `palette`. */
export function pattern(context, state, colours, ratio) {
  const side = { unchanged: 6, failed: 8, lost: 7, skipped: 5, absent: 9 }[state];
  if (!side) return colours.accentMid;
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(side * ratio);
  const paint = tile.getContext("2d");
  const scale = tile.width / side;
  paint.scale(scale, scale);
  const box = (colour, x, y, width, height) => {
    paint.fillStyle = colour;
    paint.fillRect(x, y, width, height);
  };
  if (state === "unchanged") {
    box(colours.accentFaint, 0, 0, side, side);
    box(colours.accentMid, 2, 2, 1.6, 1.6);
  } else if (state === "skipped" || state === "absent") {
    box(colours.gapFaint, 0, 0, side, side);
    if (state === "skipped") box(colours.gap, 0, 0, 1.6, side);
    else box(colours.gap, 1, side / 2 - 0.75, 5.5, 1.5);
  } else {
    box(colours.warnFaint, 0, 0, side, side);
    paint.strokeStyle = colours.warn;
    paint.lineWidth = state === "failed" ? 2.6 : 1;
    paint.beginPath();
    for (const at of [-side, 0, side]) {
      paint.moveTo(at, side);
      paint.lineTo(at + side, 0);
      if (state === "lost") {
        paint.moveTo(at, 0);
        paint.lineTo(at + side, side);
      }
    }
    paint.stroke();
  }
  const made = context.createPattern(tile, "repeat");
  made.setTransform(new DOMMatrix().scale(1 / scale));
  return made;
}
