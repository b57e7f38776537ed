// Which part of the recording a time bar shows, and where on it a second lies. Pure: no element is touched.

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
const SMALLEST = 1;

/** A window [from, to) of [0, duration), in seconds, drawn `width` pixels wide. */
export class Scale {
  constructor(duration, width = 1) {
    this.duration = Math.max(duration, 0.001);
    this.width = Math.max(width, 1);
    this.from = 0;
    this.to = this.duration;
  }

  /** Seconds that are shown. */
  get span() { return this.to - this.from; }

  /** Whether all of it is shown. */
  get whole() { return this.span >= this.duration - 1e-9; }

  /** How many times nearer than the whole. */
  get zoom() { return this.duration / this.span; }

  /** Where a second lies, in pixels from the left edge of what is shown. */
  x(seconds) { return (seconds - this.from) / this.span * this.width; }

  /** The second at a pixel, held within the recording. */
  t(pixel) { return clamp(this.from + pixel / this.width * this.span, 0, this.duration); }

  /** Shows [from, from + span), held within the recording and at least a second wide. */
  show(from, span) {
    const wide = clamp(span, Math.min(SMALLEST, this.duration), this.duration);
    this.from = clamp(from, 0, this.duration - wide);
    this.to = this.from + wide;
  }

  /** Comes `factor` times nearer; the second under `pixel` stays where it is. */
  zoomAt(factor, pixel = this.width / 2) {
    const at = this.from + pixel / this.width * this.span;
    const span = clamp(this.span / factor, Math.min(SMALLEST, this.duration), this.duration);
    this.show(at - pixel / this.width * span, span);
  }

  /** Moves what is shown by so many pixels. */
  pan(pixels) { this.show(this.from + pixels / this.width * this.span, this.span); }

  /** Shows all. */
  fit() { this.show(0, this.duration); }

  /** Moves what is shown, if it must, so that a stretch is in sight with some room around it. Whether it moved. */
  reveal(start, end = start) {
    const room = this.span * 0.08;
    if (start >= this.from + (this.from > 0 ? room : 0) && end <= this.to - (this.to < this.duration ? room : 0)) return false;
    const before = this.from;
    this.show(end - start > this.span ? start - room : (start + end) / 2 - this.span / 2, this.span);
    return this.from !== before;
  }

  /** The recording has become longer; whoever saw all of it, or its end, goes on seeing that. */
  grow(duration) {
    if (duration === this.duration) return;
    const { whole, span, to } = this;
    const atEnd = to >= this.duration - 1e-6;
    this.duration = Math.max(duration, 0.001);
    if (whole) this.fit();
    else this.show(atEnd ? this.duration - span : this.from, span);
  }
}

/**
 * Marks on the ruler: `{ at, major }`, `room` pixels apart at least. `offset` is the second of its day at which the recording begins, where
 * there is a wall clock: then marks lie on whole minutes of the clock, not of the recording.
 */
export function ticks(scale, { room = 88, offset = 0 } = {}) {
  const least = room * scale.span / scale.width;
  const step = STEPS.find((each) => each >= least) ?? STEPS.at(-1);
  const minor = STEPS.filter((each) => each < step && Math.abs(step / each - Math.round(step / each)) < 1e-9 && each * scale.width / scale.span >= 9)[0] ?? step;
  const marks = [];
  for (let number = Math.ceil((scale.from + offset) / minor - 1e-9); ; number += 1) {
    const at = number * minor - offset;
    if (at > scale.to) break;
    const share = number * minor / step;
    marks.push({ at, major: Math.abs(share - Math.round(share)) < 1e-6 });
  }
  return { step, marks };
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/** The first place in a sorted list whose key is above `value`. */
export function above(list, value, key = (each) => each) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
