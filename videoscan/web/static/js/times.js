// Times, spans and sizes as a person reads them. Seconds are those of the video, zero at its first picture.

import { locale, written } from "./texts.js";

/** Seconds as a clock reads: `4:05`, `1:02:03`; with `digits` decimals where they matter. */
export function clock(seconds, { digits = 0 } = {}) {
  const scale = 10 ** digits;
  const whole = Math.floor(Math.max(0, seconds) * scale + 1e-6) / scale;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Seconds as an address holds them: to the thousandth, never before the moment that is meant, or it would lead to the picture before. */
export function stamp(seconds) {
  return String(Math.ceil(Math.max(0, seconds) * 1000 - 1e-3) / 1000);
}

/** A length of time in words: `2 h 5 min`, `45 s`; `coarse` for what is only guessed. */
export function length(seconds, { coarse = false } = {}) {
  const unit = (value, name) => new Intl.NumberFormat(locale(), { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  const whole = Math.round(Math.max(0, seconds));
  if (whole < 60) return unit(whole, "second");
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return !coarse && whole < 600 && whole % 60 ? `${unit(Math.floor(whole / 60), "minute")} ${unit(whole % 60, "second")}` : unit(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return unit(Math.round(hours / 24), "day");
  return minutes % 60 ? `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}` : unit(hours, "hour");
}

/** Wall-clock time of a moment of the video: `source.clock` is ISO 8601, of second 0. `null` where the source has no clock. */
export function wall(source, seconds) {
  if (!source?.clock) return null;
  return new Date(Date.parse(source.clock) + seconds * 1000);
}

/** A wall-clock time as it was where the camera is: `iso` is ISO 8601 with its zone, which is kept. */
export function wallText(iso, seconds = 0, { date = false } = {}) {
  const zone = /(Z|[+-]\d\d:?\d\d)$/.exec(iso)?.[1] ?? "Z";
  const minutes = zone === "Z" ? 0 : (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
  const moved = new Date(Date.parse(iso) + seconds * 1000 + minutes * 60_000);
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: "UTC" };
  if (date) Object.assign(options, { year: "numeric", month: "short", day: "numeric" });
  return new Intl.DateTimeFormat(locale(), options).format(moved);
}

/** How long ago something was, or the date when that says more. */
export function ago(iso, now = Date.now()) {
  const at = Date.parse(iso);
  const passed = (now - at) / 1000;
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" });
  if (passed < 45) return relative.format(0, "second");
  if (passed < 3600) return relative.format(-Math.round(passed / 60), "minute");
  if (passed < 86_400) return relative.format(-Math.round(passed / 3600), "hour");
  if (passed < 7 * 86_400) return relative.format(-Math.round(passed / 86_400), "day");
  return new Intl.DateTimeFormat(locale(), { year: "numeric", month: "short", day: "numeric" }).format(at);
}

/** A moment of this machine's day, whole: for titles and tables. */
export function moment(iso) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(Date.parse(iso));
}

/** Bytes: `3.4 MB`. */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let step = 0;
  let value = count;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(locale(), { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: digits }).format(value);
}

/** A number as the language writes it. */
export function number(value, options = null) {
  return written(value, options);
}

/** A share of 0..1 as a percentage. */
export function percent(share) {
  return written(share, { style: "percent", maximumFractionDigits: 0 });
}
