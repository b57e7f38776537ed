// The wall clock of a recording, as the camera's own zone has it, and lengths as fine as they matter. Pure, and quick enough for a ruler.

import { t } from "../texts.js";
import { above } from "./scale.js";

const ZONE = /(Z|[+-]\d\d:?\d\d)$/;
const two = (value) => String(value).padStart(2, "0");

/** The ISO time of second 0 as the clocks of `seconds` show it: over months of recordings they are put forward and back. */
function origin(source, seconds) {
  const place = above(source.parts ?? [], seconds, (part) => part.start) - 1;
  const shown = place > 0 ? source.parts[place].clock : null;
  if (!shown) return { iso: source.clock, from: 0 };
  return { iso: shown, from: source.parts[place].start };
}

/** The wall time of a second as a date whose UTC fields are the camera's own; `null` without a clock. */
export function wallDate(source, seconds) {
  if (!source?.clock) return null;
  const { iso, from } = origin(source, seconds);
  const zone = ZONE.exec(iso)?.[1];
  const bare = Date.parse(`${zone ? iso.slice(0, -zone.length) : iso}Z`);
  return Number.isNaN(bare) ? null : new Date(bare + Math.floor((seconds - from) * 1000 + 0.5));
}

/** `22:14:05`; `null` without a clock. */
export function wallClock(source, seconds) {
  const date = wallDate(source, seconds);
  return date && `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** The day of a second, in words; `null` without a clock. */
export function wallDay(source, seconds) {
  const date = wallDate(source, seconds);
  // Not by `Intl`: a browser takes its time over the first formatter, and this is asked for while a recording plays.
  return date && t("review.day", { d: date.getUTCDate(), month: t("review.months").split(" ")[date.getUTCMonth()], y: String(date.getUTCFullYear()) });
}

/** A length of time, short: `0.4 s`, `11 s`, `3 min 20 s`, `2 h 05 min`. */
export function lasts(seconds) {
  if (seconds < 9.95) return t("review.lasts.s", { s: Number(Math.max(0, seconds).toFixed(1)) });
  const whole = Math.round(seconds);
  if (whole < 60) return t("review.lasts.s", { s: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("review.lasts.min", { min: minutes, s: two(whole % 60) });
  return t("review.lasts.h", { h: Math.floor(minutes / 60), min: two(minutes % 60) });
}

/** `1:02.5`, `72.5`, `1:02:03` as seconds; `null` for what is no time. */
export function parsed(text) {
  const pieces = text.trim().replace(",", ".").split(":");
  if (!pieces.length || pieces.length > 3 || !pieces.every((piece, at) => (at === pieces.length - 1 ? /^\d+(\.\d+)?$/ : /^\d+$/).test(piece))) return null;
  const numbers = pieces.map(Number);
  if (numbers.slice(1).some((number) => number >= 60)) return null;
  return numbers.reduce((sum, number) => sum * 60 + number, 0);
}
