// Paints the time bar on its canvas: lanes of events, what was looked at, the ruler, the playhead. Knows nothing of pointers and keys.

import { clock } from "../times.js";
import { pattern, strokes } from "./coverage.js";
import { colour } from "./lanes.js";
import { stateOf } from "./filters.js";
import { above, ticks } from "./scale.js";
import { wallClock } from "./wall.js";

/** Heights in pixels, from the top; `lanes` of them come first. */
export function measures({ lanes, narrow, hasWall }) {
  const lane = narrow ? 9 : 13;
  const top = 6;
  const track = top + lanes * lane + 5;
  const ruler = track + 15;
  const map = ruler + (hasWall ? 34 : 20);
  return { lane, top, track, trackHeight: 12, ruler, map, height: map + 9 };
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.patterns = {};
  }

  /** Takes a size and colours. */
  fit(width, height, colours) {
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    this.canvas.style.height = `${height}px`;
    this.ratio = ratio;
    this.colours = colours;
    this.patterns = {};
    const style = getComputedStyle(this.canvas);
    this.font = `500 11px ${style.fontFamily}`;
  }

  state(name) {
    this.patterns[name] ??= pattern(this.context, name, this.colours, this.ratio);
    return this.patterns[name];
  }

  /** Everything. `view` holds scale, sizes, events, runs, lanes, shown (a set of ids or null), current, hits, time, hover, band, source. */
  paint(view) {
    const { context: c, colours } = this;
    const { scale, sizes } = view;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, scale.width, sizes.height);
    this.ground(view);
    this.events(view);
    this.track(view);
    this.ruler(view);
    this.map(view);
    if (view.hover !== null) {
      c.fillStyle = colours.gap;
      c.fillRect(Math.round(view.hover), 0, 1, sizes.map - 2);
    }
    this.playhead(view);
  }

  ground({ scale, sizes, lanes }) {
    const { context: c, colours } = this;
    for (let lane = 0; lane < lanes.lanes.length; lane += 1) {
      if (lane % 2) continue;
      c.fillStyle = colours.faint;
      c.fillRect(0, sizes.top + lane * sizes.lane, scale.width, sizes.lane);
    }
  }

  events(view) {
    const { context: c, colours } = this;
    const { scale, sizes, events, lanes, shown, current, longest } = view;
    const first = above(events, scale.from - longest, (event) => event.start);
    const painted = new Map();
    for (let at = Math.max(0, first - 1); at < events.length; at += 1) {
      const event = events[at];
      if (event.start > scale.to) break;
      if (event.end < scale.from && event.start < scale.from) continue;
      const lane = lanes.of.get(event.id);
      const x = Math.max(-3, scale.x(event.start));
      const until = Math.min(scale.width + 3, Math.max(x + 3, scale.x(event.end)));
      const out = shown !== null && !shown.has(event.id);
      const rejected = stateOf(event) === "rejected";
      // Thousands of events on one pixel are one mark.
      const key = lane * 4 + (out ? 2 : 0) + (rejected ? 1 : 0);
      if ((painted.get(key) ?? -Infinity) >= until && event !== current) continue;
      painted.set(key, until);
      const y = sizes.top + lane * sizes.lane + 2;
      const height = sizes.lane - 4;
      c.globalAlpha = out ? 0.16 : 1;
      if (rejected) {
        c.strokeStyle = colours.gap;
        c.lineWidth = 1;
        c.strokeRect(x + 0.5, y + 0.5, Math.max(2, until - x - 1), height - 1);
      } else {
        c.fillStyle = colours.lanes[colour(lanes, lane)];
        c.fillRect(x, y, until - x, height);
        // Neighbours that touch stay two.
        if (until - x > 5) {
          c.fillStyle = colours.paper;
          c.fillRect(until - 1, y, 1, height);
        }
      }
      c.globalAlpha = 1;
    }
    if (current) {
      const y = sizes.top + lanes.of.get(current.id) * sizes.lane;
      const x = scale.x(current.start);
      const width = Math.max(5, scale.x(current.end) - x);
      c.strokeStyle = colours.ink;
      c.lineWidth = 2;
      c.strokeRect(x - 1, y + 1, width + 2, sizes.lane - 2);
    }
    for (const time of view.hits) {
      if (time < scale.from || time > scale.to) continue;
      const x = scale.x(time);
      c.fillStyle = colours.hit;
      c.beginPath();
      c.moveTo(x - 4, 0);
      c.lineTo(x + 4, 0);
      c.lineTo(x, 6);
      c.fill();
    }
  }

  track({ scale, sizes, runs }) {
    const { context: c, colours } = this;
    c.fillStyle = colours.gapFaint;
    c.fillRect(0, sizes.track, scale.width, sizes.trackHeight);
    for (const stroke of strokes(runs, scale)) {
      c.fillStyle = this.state(stroke.state);
      c.fillRect(stroke.x, sizes.track, stroke.width, sizes.trackHeight);
      if (stroke.state === "failed" || stroke.state === "lost") {
        c.fillStyle = colours.warn;
        c.fillRect(stroke.x, sizes.track, stroke.width, 1);
        c.fillRect(stroke.x, sizes.track + sizes.trackHeight - 1, stroke.width, 1);
      }
    }
  }

  ruler({ scale, sizes, source, hasWall, narrow }) {
    const { context: c, colours } = this;
    const { step, marks } = ticks(scale, { room: narrow ? 64 : 84 });
    const digits = step < 1 ? 1 : 0;
    c.font = this.font;
    c.textBaseline = "top";
    for (const { at, major } of marks) {
      const x = Math.round(scale.x(at));
      c.fillStyle = colours.gap;
      c.globalAlpha = major ? 1 : 0.55;
      c.fillRect(x, sizes.ruler, 1, major ? 5 : 3);
      c.globalAlpha = 1;
      if (!major) continue;
      const text = clock(at, { digits });
      const wide = c.measureText(text).width;
      const left = Math.min(Math.max(2, x - wide / 2), scale.width - wide - 2);
      c.fillStyle = colours.ink;
      c.fillText(text, left, sizes.ruler + 6);
      if (!hasWall) continue;
      const wall = wallClock(source, at) ?? "";
      const room = c.measureText(wall).width;
      c.fillStyle = colours.soft;
      c.fillText(wall, Math.min(Math.max(2, x - room / 2), scale.width - room - 2), sizes.ruler + 19);
    }
  }

  /** The whole recording in a line, and which part of it is shown; nothing when that is all of it. */
  map({ scale, sizes, runs }) {
    if (scale.whole) return;
    const { context: c, colours } = this;
    const y = sizes.map + 2;
    const share = scale.width / scale.duration;
    c.fillStyle = colours.line;
    c.fillRect(0, y, scale.width, 4);
    for (const run of runs) {
      if (run.state !== "failed" && run.state !== "lost") continue;
      c.fillStyle = colours.warn;
      c.fillRect(run.start * share, y, Math.max(1, (run.end - run.start) * share), 4);
    }
    c.fillStyle = colours.accent;
    c.fillRect(scale.from * share, y - 1, Math.max(6, scale.span * share), 6);
  }

  playhead({ scale, sizes, time }) {
    const { context: c, colours } = this;
    if (time < scale.from - 1e-6 || time > scale.to + 1e-6) return;
    const x = Math.round(scale.x(time));
    c.fillStyle = colours.ink;
    c.fillRect(x - 0.5, 0, 1.5, sizes.map - 3);
    c.beginPath();
    c.moveTo(x - 5, 0);
    c.lineTo(x + 5.5, 0);
    c.lineTo(x + 5.5, 4);
    c.lineTo(x + 0.25, 9);
    c.lineTo(x - 5, 4);
    c.fill();
  }
}
