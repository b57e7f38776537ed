// One job as its screen knows it: the job, its timeline as far as it is, and what a person does to it. Tells of every change.

import { ApiError, getIfNew, get, patch, post } from "../api.js";
import { follow } from "../feed.js";
import { me } from "../session.js";
import { runs } from "./coverage.js";
import { lanes } from "./lanes.js";
import { Undo, seen } from "./undo.js";

const FINAL = new Set(["done", "failed", "cancelled"]);
const CALM = 700;
const HIDDEN = 10_000;
const NAME = "videoscan.reviewer";

/** What the person is called who reviews on this browser, where no key says so. */
export const reviewer = {
  get() { try { return localStorage.getItem(NAME) ?? ""; } catch { return ""; } },
  set(name) { try { localStorage.setItem(NAME, name); } catch { /* it lasts as long as the page */ } },
};

/**
 * Events: `job` (its state or progress), `timeline` (all of it), `event` (detail: the event that was corrected), `note` (detail: a text),
 * `link` (detail: `live`, `lost`, `ended`).
 */
export class Record extends EventTarget {
  constructor(id) {
    super();
    this.id = id;
    this.job = null;
    this.watching = null;
    this.timeline = null;
    this.events = [];
    this.runs = [];
    this.lanes = lanes([]);
    this.notes = [];
    this.undone = new Undo();
    this.spans = new Map();
    this.etag = null;
    this.last = "";
    this.mine = new Map();
    this.told = new Map();
    this.ordered = 0;
    this.control = new AbortController();
  }

  get path() { return `jobs/${this.id}`; }
  get ended() { return FINAL.has(this.job?.state); }
  get duration() { return this.timeline?.source.duration ?? this.job?.progress?.duration ?? 0; }
  get failures() { return this.timeline?.windows.filter((window) => window.status === "failed") ?? []; }

  /** Windows that the budget left out; before it has ended, those to come look the same. */
  get skips() { return this.ended ? this.timeline?.windows.filter((window) => window.status === "skipped") ?? [] : []; }

  /** The stretches whose windows alone are asked again now, as far as their place is known: `{ index, start, end }`. */
  get asking() {
    return this.ended ? [] : (this.job?.windows ?? []).map((index) => this.spans.get(index)).filter(Boolean);
  }

  get source() { return this.timeline?.source ?? null; }

  /** Whether corrections are taken now: not while a scan is under way. A camera's day goes on and on: there they lie beside what grows. */
  get settled() { return this.timeline !== null && (this.ended || ["stream", "day"].includes(this.job.kind)); }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  /** Reads everything once; `known` is called when the job is there and its timeline is not yet. Throws `ApiError` where there is no such job. */
  async load(known) {
    const signal = this.control.signal;
    this.job = await get(this.path, { signal });
    known();
    if (this.job.kind === "folder") return;
    // The answer says whether there is a timeline: asking for one that is not there would be an error in the browser's log.
    const looking = get(`${this.path}/preview`, { signal });
    if (this.job.state === "done") await this.read();
    this.watching = await looking;
    if (this.watching.timeline && !this.timeline) await this.read();
  }

  async read() {
    const found = await getIfNew(`${this.path}/timeline`, this.etag, { signal: this.control.signal });
    if (!found) return false;
    this.etag = found.etag;
    this.take(found.value);
    return true;
  }

  take(timeline) {
    this.told.clear();
    this.timeline = timeline;
    this.events = timeline.events;
    this.runs = runs(timeline.coverage);
    // While one of them is asked again, the timeline grows anew and does not have it yet.
    for (const { index, start, end, status } of timeline.windows) if (status !== "described") this.spans.set(index, { index, start, end });
    this.sort();
  }

  sort() {
    this.events.sort((a, b) => a.start - b.start);
    this.lanes = lanes(this.events);
    this.places = new Map(this.events.map((event, at) => [event.id, at]));
  }

  /** The event of an id or of one that was merged into it. */
  event(id) {
    const at = this.places?.get(id);
    return at !== undefined ? this.events[at] : (this.events.find((event) => event.aliases?.includes(id)) ?? null);
  }

  // --- growth ------------------------------------------------------------------------------------------------------------------

  /** Follows what happens; the feed is let go while nobody looks, because a browser has few connections. */
  follow() {
    const open = () => {
      if (this.feed || this.control.signal.aborted) return;
      this.feed = follow(this.id, { event: (...told) => this.heard(...told), state: (state) => this.tell("link", state) }, { after: this.last, stay: true });
    };
    let later = 0;
    const seenChange = () => {
      clearTimeout(later);
      if (document.visibilityState === "visible") open();
      else later = setTimeout(() => { this.feed?.close(); this.feed = null; }, HIDDEN);
    };
    document.addEventListener("visibilitychange", seenChange, { signal: this.control.signal });
    open();
  }

  heard(kind, entry, id) {
    if (id) this.last = id;
    const data = entry.data ?? entry;
    if (kind === "progress") {
      this.job = { ...this.job, state: entry.state ?? this.job.state, progress: entry.progress, eta: entry.eta };
      this.tell("job");
      if (!this.timeline && entry.progress?.sampled) this.soon();
    } else if (kind === "state") {
      this.restate();
    } else if (kind === "window" || kind === "timeline") {
      this.soon();
    } else if (kind === "event") {
      const own = this.mine.get(data.id) ?? 0;
      if (own) this.mine.set(data.id, own - 1);
      else this.soon();
    } else if (kind === "note") {
      if (!this.notes.includes(data.text)) this.notes.push(data.text);
      this.tell("note", data.text);
    }
  }

  /** Reads anew in a moment: much that is told comes at once. */
  soon() {
    if (this.pending || this.control.signal.aborted) return;
    this.pending = setTimeout(() => { this.pending = 0; this.refresh(); }, CALM);
  }

  async restate() {
    if (this.stating || this.ordered) { this.again = true; return; }
    this.stating = true;
    try {
      do {
        this.again = false;
        const before = this.job.state;
        this.job = await get(this.path, { signal: this.control.signal });
        this.tell("job");
        if (this.job.kind !== "folder" && (this.job.state !== before || !this.timeline)) {
          this.watching = await get(`${this.path}/preview`, { signal: this.control.signal });
          await this.refresh();
        }
      } while (this.again && !this.ordered);
    } catch (fault) {
      this.failed(fault);
    } finally {
      this.stating = false;
    }
  }

  /** Has the service do something with the job, by the route of that name. Raises what `post` raises. */
  async order(route) {
    // What the feed tells meanwhile is read afterwards: the answer may be older than that, and must not take its place.
    this.ordered += 1;
    try {
      this.job = await post(`${this.path}/${route}`);
      this.tell("job");
    } finally {
      this.ordered -= 1;
      this.restate();
    }
  }

  /** Reads what is new; nothing where there is nothing yet. */
  async refresh() {
    if (this.saving) { this.soon(); return; }
    try {
      if (!this.timeline) {
        this.watching = await get(`${this.path}/preview`, { signal: this.control.signal });
        if (!this.watching.timeline) return;
      }
      if (await this.read()) this.tell("timeline");
    } catch (fault) {
      this.failed(fault);
    }
  }

  failed(fault) {
    if (fault?.name === "AbortError" || (fault instanceof ApiError && fault.status === 0)) return;
    this.tell("fault", fault);
  }

  close() {
    this.control.abort();
    this.feed?.close();
    clearTimeout(this.pending);
  }

  // --- corrections -------------------------------------------------------------------------------------------------------------

  get by() { return me().name ?? (reviewer.get() || null); }

  /** Shows an event in place of the one with its id; `null` takes that one away. */
  put(id, event) {
    const at = this.places.get(id);
    if (event === null) { if (at !== undefined) this.events.splice(at, 1); }
    else if (at === undefined) this.events.push(event);
    else this.events[at] = event;
    this.sort();
    this.tell("event", event ?? { id });
  }

  /**
   * Says something of an event. What it will look like is shown at once, and taken back when the service refuses. Somebody else's
   * correction that was not seen here is not overwritten: then an `ApiError` 409 is thrown, and theirs is shown.
   */
  async correct(id, action, { changes = null, comment = null } = {}) {
    // Shown before it is sent: who judges quickly does not wait for the wire.
    const shown = this.event(id);
    if (action !== "undo") this.put(id, guessed(shown, action, changes));
    return this.inTurn(async () => {
      const before = this.told.get(id) ?? shown;
      const sent = { action, changes, comment, by: this.by, seen: seen(before) };
      const after = await this.send(id, () => patch(`${this.path}/events/${id}`, cleaned(sent)), before);
      if (action !== "undo") this.undone.push({ id, action, after: seen(after), title: before.title });
      return after;
    });
  }

  /** One correction after the other: each rests on what the one before came to. */
  inTurn(work) {
    const next = (this.turn ?? Promise.resolve()).then(work, work);
    this.turn = next.catch(() => {});
    return next;
  }

  /** Adds an event of a person's own. */
  add(changes, comment = null) {
    return this.inTurn(() => this.added(changes, comment));
  }

  async added(changes, comment) {
    this.saving = true;
    try {
      const { event } = await post(`${this.path}/events`, cleaned({ changes, comment, by: this.by }));
      this.mine.set(event.id, (this.mine.get(event.id) ?? 0) + 1);
      this.put(event.id, event);
      this.undone.push({ id: event.id, action: "add", after: seen(event), title: event.title });
      return event;
    } finally {
      this.saving = false;
    }
  }

  /** Takes back what was done last on this page; what that was, `null` where nothing was done. */
  undo() {
    return this.inTurn(() => this.takeBack());
  }

  async takeBack() {
    const last = this.undone.pop();
    if (!last) return null;
    const before = this.event(last.id);
    if (!before) return last;
    try {
      const sent = { action: "undo", by: this.by, seen: last.after };
      await this.send(last.id, () => patch(`${this.path}/events/${last.id}`, cleaned(sent)), before);
    } catch (fault) {
      if (fault.status !== 409) this.undone.push(last);
      throw fault;
    }
    return last;
  }

  async send(id, ask, before) {
    this.saving = true;
    this.mine.set(id, (this.mine.get(id) ?? 0) + 1);
    try {
      const { event } = await ask();
      this.told.set(id, event);
      this.put(id, event);
      return event;
    } catch (fault) {
      this.mine.set(id, this.mine.get(id) - 1);
      if (before) this.put(id, before);
      if (fault.status === 409) this.soon();
      throw fault;
    } finally {
      this.saving = false;
    }
  }
}

const STATES = { accept: "accepted", reject: "rejected", edit: "edited" };

/** What an event will look like when a correction is taken. */
function guessed(event, action, changes) {
  const review = { ...event.review, state: STATES[action], by: event.review?.by ?? null, at: null };
  return { ...event, ...changes, review };
}

function cleaned(table) {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== null && value !== undefined));
}
