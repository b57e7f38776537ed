// Everything that the page says, in its languages: one table of [English, Chinese], put together from a part per screen.

import { JOBS } from "./texts/jobs.js";
import { REVIEW } from "./texts/review.js";
import { SEARCH } from "./texts/search.js";
import { SETTINGS } from "./texts/settings.js";
import { SHELL } from "./texts/shell.js";
import { STREAMS } from "./texts/streams.js";

export const TEXTS = { ...SHELL, ...JOBS, ...REVIEW, ...SEARCH, ...SETTINGS, ...STREAMS };

/** Languages in the order of the table's columns, and what each calls itself. */
export const LANGUAGES = { en: "English", zh: "中文" };

const KEPT = "videoscan.language";
const COLUMNS = Object.keys(LANGUAGES);
const heard = new Set();

let current = first();

function first() {
  let chosen = null;
  try { chosen = localStorage.getItem(KEPT); } catch { /* a browser that keeps nothing */ }
  const wishes = chosen ? [chosen] : navigator.languages;
  return wishes.map((wish) => wish.split("-")[0].toLowerCase()).find((wish) => COLUMNS.includes(wish)) ?? "en";
}

/** The language in use, such as `en`; for `Intl` see `locale`. */
export function language() {
  return current;
}

/** What `Intl` is asked with. */
export function locale() {
  return current === "zh" ? "zh-CN" : "en-GB";
}

/** Takes another language, remembers it, and tells whoever listens. */
export function setLanguage(name) {
  if (!COLUMNS.includes(name) || name === current) return;
  current = name;
  try { localStorage.setItem(KEPT, name); } catch { /* it lasts as long as the page */ }
  for (const listener of heard) listener(name);
}

/** Calls `listener` at each change of language; returns what ends that. */
export function onLanguage(listener) {
  heard.add(listener);
  return () => heard.delete(listener);
}

/**
 * A text of the table: `t("app.fault", { what: "…" })`. `{name}` is replaced by that value; of "one|several" the number `n` chooses.
 * Numbers are written as the language does.
 */
export function t(key, values = {}) {
  const row = TEXTS[key];
  if (row === undefined) throw new Error(`no text ${key}`);
  const forms = row[COLUMNS.indexOf(current)].split("|");
  const text = forms.length > 1 && values.n !== 1 ? forms[1] : forms[0];
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? written(value) : String(value);
  });
}

const formats = new Map();

/** A number as the language writes it; `options` are those of `Intl.NumberFormat`. */
export function written(value, options = null) {
  // What both languages write alike needs no formatter: a browser takes its time over the first one.
  if (options === null && Number.isInteger(value)) return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const key = current + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options ?? {}));
  return formats.get(key).format(value);
}

/** Whether there is such a text: for words that come from the service, such as a profile's name. */
export function known(key) {
  return Object.hasOwn(TEXTS, key);
}
