// Which events are shown. Pure: a filter is a plain value, kept in the address where it can be sent to somebody.

export const NONE = Object.freeze({ text: "", tags: [], states: [], confidence: 0, importance: 0, alerts: false, open: false });

export const STATES = ["open", "accepted", "rejected", "edited", "added"];

/** What became of an event: `open` where nobody has reviewed it. */
export const stateOf = (event) => event.review?.state ?? "open";

/** Whether a filter leaves everything. */
export function empty(filter) {
  return !filter.text.trim() && !filter.tags.length && !filter.states.length && !filter.confidence && !filter.importance && !filter.alerts;
}

const folded = (text) => text.toLocaleLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

const texts = new WeakMap();

/** All words of an event, folded; worked out once for each. */
function textOf(event) {
  let text = texts.get(event);
  if (text === undefined) {
    const facts = Object.entries(event.attributes ?? {}).map(([name, value]) => `${name} ${value}`);
    text = folded([event.title, event.description, ...event.tags, ...facts, ...(event.alerts ?? [])].join("\n"));
    texts.set(event, text);
  }
  return text;
}

/** A function that says whether an event is shown. Every word must be there, every tag, and one of the states. */
export function fits(filter) {
  const words = folded(filter.text).split(/\s+/).filter(Boolean);
  return (event) =>
    words.every((word) => textOf(event).includes(word)) &&
    filter.tags.every((tag) => event.tags.includes(tag)) &&
    (!filter.states.length || filter.states.includes(stateOf(event))) &&
    (!filter.confidence || (event.confidence ?? 1) >= filter.confidence) &&
    (!filter.importance || (event.importance ?? 0) >= filter.importance) &&
    (!filter.alerts || (event.alerts ?? []).length > 0);
}

/** Where words stand in a text: pieces `[text, found]`, for marking them. */
export function pieces(text, sought) {
  const words = sought.trim().split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!words.length) return [[text, false]];
  return text.split(new RegExp(`(${words.join("|")})`, "giu")).map((piece, at) => [piece, at % 2 === 1]).filter(([piece]) => piece);
}
