// One job: its recording, its time bar, its events, and what a person says of them.

import { sentence } from "../api.js";
import { add, fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { toast } from "../talk.js";
import { t } from "../texts.js";
import { number, stamp } from "../times.js";
import { Banner } from "../review/banner.js";
import { Controls } from "../review/controls.js";
import { Detail } from "../review/detail.js";
import { FilterBar } from "../review/filterbar.js";
import { empty, stateOf } from "../review/filters.js";
import { Head, watched } from "../review/head.js";
import { Judging } from "../review/judging.js";
import { help, keys } from "../review/keys.js";
import { Panel } from "../review/panel.js";
import { Player } from "../review/player.js";
import { Record } from "../review/record.js";
import { EventList } from "../review/rows.js";
import { TimeBar } from "../review/timebar.js";

const SMALL = "(max-width: 699px)";

/** The screen. `params`: `id`, and where to begin: `t` in seconds, `event` an event's id. */
export async function mount(root, params) {
  const record = new Record(params.id);
  const wait = h("p", { class: "review-wait muted", role: "status" });
  add(root, wait);
  // What it is called stands there at once: a day's timeline may be on its way for a while.
  const known = () => {
    document.title = `${record.job.name} · videoscan`;
    fill(wait, h("span", { class: "spinner" }), h("b", {}, h("bdi", {}, record.job.name)), h("span", {}, t("review.loading")));
  };
  try {
    await record.load(known);
  } catch (fault) {
    record.close();
    if (fault.status !== 404) throw fault;
    fill(root, h("div", { class: "nothing" }, h("h1", {}, t("review.unknown")), h("a", { href: "#/", class: "button" }, t("app.lost.home"))));
    return { unmount() {} };
  }
  wait.remove();
  if (record.job.kind === "folder") return (await import("../review/folder.js")).children(root, record);
  const screen = new Screen(root, record);
  screen.begin(params);
  return { unmount: () => screen.end(), update: (next) => screen.go(next) };
}

class Screen {
  constructor(root, record) {
    this.root = root;
    this.record = record;
    this.control = new AbortController();
    this.current = null;
    this.live = false;
    const player = new Player(record);
    this.player = player;
    this.controls = new Controls(record, player, { next: () => this.step(1), previous: () => this.step(-1), full: () => this.full() });
    this.bar = new TimeBar(record, { onlane: (tag) => this.filters.flip(tag), pictureAt: (seconds) => player.still(seconds) });
    this.list = new EventList(record, player);
    this.filters = new FilterBar(record);
    this.judging = new Judging(record, {
      current: () => this.current, choose: (event, how) => this.choose(event, how), added: () => { this.detail.editing = null; },
      gone: () => { this.current = null; this.bar.choose(null); this.detail.show(null); },
    });
    this.detail = new Detail(record, player, this.acts());
    // What few begin with comes after the first view.
    this.everywhere = new Panel(async () => new (await import("../review/everywhere.js")).Everywhere(record, { seek: (hit) => this.hit(hit), close: () => this.tab("events") }));
    this.ask = new Panel(async () => new (await import("../review/ask.js")).Ask(record, { seek: (hit) => this.hit(hit) }));
    this.about = new Panel(async () => new (await import("../review/about.js")).About(record, { seek: (seconds) => this.seek(seconds, { show: true }), choose: (event) => this.choose(event), retry: (...told) => this.head.retryButton(...told) }));
    this.head = new Head(record, {
      chosen: () => (empty(this.filters.filter) ? null : this.list.shown.map((event) => event.id)), add: () => this.beginAdd(),
      complain: (fault) => this.complain(fault), signal: this.control.signal,
    });
    this.banner = new Banner(record, {
      retry: (name) => this.head.retryButton(name), toEdge: () => this.toEdge(), why: () => this.tab("about"), seen: () => { this.justDone = false; this.drawBanner(); },
    });
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": t("review.side") });
    this.events = h("section", { class: "panel list-panel", "aria-label": t("review.events") }, this.filters.element, this.list.element);
    this.sorry = h("div", { class: "sorry", hidden: true });
    this.small = matchMedia(SMALL);
    this.layout = h("div", { class: "review" },
      this.head.element, this.banner.element, this.sorry,
      h("div", { class: "view" }, h("div", { class: "stage-frame" }, player.stage, this.controls.notice), this.controls.element),
      this.bar.element,
      this.detail.element,
      h("div", { class: "side" }, this.tabs, this.events, this.everywhere.place, this.ask.place, this.about.place));
  }

  begin(params) {
    add(this.root, this.layout);
    const { record, player, bar, list, filters } = this;
    const signal = this.control.signal;
    const on = (target, type, listener) => target.addEventListener(type, listener, { signal });
    on(player, "time", () => this.moved());
    on(player, "play", () => this.controls.state());
    on(player, "mode", () => { this.controls.mode(); this.drawBanner(); });
    on(bar, "seek", (event) => this.seek(event.detail));
    on(bar, "choose", (event) => this.choose(event.detail));
    on(list, "choose", (event) => this.pressed(event.detail));
    on(list, "seek", (event) => this.seek(event.detail, { show: true }));
    on(list, "accept", (event) => this.judging.correct(event.detail, "accept"));
    on(list, "reject", (event) => this.judging.correct(event.detail, "reject"));
    on(filters, "filter", () => this.narrow());
    on(filters, "everywhere", (event) => { this.tab("everywhere"); this.everywhere.do((panel) => panel.search(event.detail)); });
    on(record, "job", () => this.restate());
    on(record, "timeline", () => this.renew());
    on(record, "event", (event) => this.changed(event.detail));
    on(record, "note", () => this.renewAbout());
    on(record, "fault", (event) => { const told = sentence(event.detail); if (told) toast(told); });
    on(this.small, "change", () => this.drawTabs());
    keys(this.keyActs(), signal);
    this.shownState = record.job.state;
    this.tab("events");
    this.renew();
    player.open().catch((fault) => this.complain(fault));
    record.follow();
    this.go(params);
    // When it can be seen, and not only when it is in the document.
    requestAnimationFrame(() => setTimeout(() => {
      performance.mark("review-shown");
      this.fetchRest();
    }));
  }

  /** Has what is looked at later come while nobody waits for it: there then, even if the service is not. */
  fetchRest() {
    const rest = () => { if (!this.control.signal.aborted) for (const panel of [this.about, this.ask, this.everywhere]) panel.come(); };
    (globalThis.requestIdleCallback ?? setTimeout)(rest, { timeout: 3000 });
  }

  end() {
    this.control.abort();
    this.record.close();
    this.player.destroy();
    this.bar.destroy();
    this.list.destroy();
  }

  // --- what is shown -----------------------------------------------------------------------------------------------------------

  /** Goes where the address says. */
  go({ t: at, event: id }) {
    const event = id ? this.record.event(id) : null;
    const seconds = at === undefined ? NaN : Number(at);
    if (event) this.choose(event, { seek: Number.isNaN(seconds), remember: false });
    if (!Number.isNaN(seconds)) this.seek(seconds, { show: true, remember: false });
    // What a camera has just told of is written a moment later.
    this.awaited = id && !event && !this.record.ended ? id : null;
    if (id && !event && this.record.timeline && !this.awaited) toast(t("review.event.unknown"));
    // A camera is looked at for what is there now, a recording from its beginning.
    if (!event && Number.isNaN(seconds)) {
      if (watched(this.record.job) && !this.record.ended) this.toEdge();
      else this.moved();
    }
  }

  /** The timeline has changed. */
  renew() {
    const { record } = this;
    const { source } = record;
    if (source) this.layout.style.setProperty("--shape", `${source.width} / ${source.height}`);
    this.bar.renew();
    this.narrow();
    this.filters.renew();
    this.renewAbout();
    this.current = this.current && record.event(this.current.id);
    this.bar.current = this.current;
    this.detail.show(this.current);
    if (this.player.mode === "slides") this.player.readFrames().catch(() => {});
    else if (this.player.mode === "none") this.player.open().catch((fault) => this.complain(fault));
    this.head.draw();
    this.drawTabs();
    this.drawBanner();
    const come = this.awaited && record.event(this.awaited);
    if (come) {
      this.awaited = null;
      this.choose(come);
    } else if (this.live && !record.ended) this.toEdge();
    else this.moved();
  }

  /** Shows the newest picture, and stays with it until somebody goes elsewhere. */
  toEdge() {
    this.live = true;
    this.player.pause();
    this.player.seek(Math.max(0, this.edge()));
    this.bar.scale.reveal(this.player.time);
    this.bar.draw();
    this.drawBanner();
  }

  /** One event was corrected. */
  changed(event) {
    if (this.current?.id === event.id) {
      this.current = this.record.event(event.id);
      this.bar.current = this.current;
      this.detail.show(this.current);
    }
    this.bar.renew();
    this.narrow();
    this.filters.renew();
    this.drawTabs();
  }

  narrow() {
    const { filter } = this.filters;
    this.list.show(filter);
    const shown = this.list.shown;
    const narrowed = !empty(filter);
    this.bar.narrowTo(narrowed ? new Set(shown.map((event) => event.id)) : null, filter.text.trim() ? shown.map((event) => event.start) : [], filter.tags);
    this.filters.told(shown.length);
    this.list.say(...this.nothing(narrowed));
  }

  nothing(narrowed) {
    const { record } = this;
    if (narrowed) return [h("p", {}, t("review.none.filter"))];
    if (!record.timeline) return [h("p", {}, t(`review.none.${record.job.state}`))];
    if (!record.ended) return [h("span", { class: "spinner" }), h("p", {}, t("review.none.yet"))];
    const looked = record.runs.every((run) => run.state === "described" || run.state === "unchanged");
    return [h("p", {}, t(looked ? "review.none.quiet" : "review.none.part"))];
  }

  moved() {
    const { player } = this;
    const seconds = player.time;
    this.controls.at(seconds);
    this.bar.at(seconds, { follow: player.playing });
    this.list.at(seconds, { follow: player.playing });
    if (player.playing) this.following(seconds);
    const near = this.controls.regionsOn && this.current?.evidence.find((each) => each.region && Math.abs(each.time - seconds) < (player.playing ? 0.7 : 0.35));
    if (near !== this.outlined) {
      this.outlined = near;
      player.outline(near ? near.region : null);
    }
  }

  /** While it plays, what goes on now is what is told of beside the picture, unless somebody writes there. */
  following(seconds) {
    if (this.detail.editing || (this.current && seconds >= this.current.start && seconds < this.current.end)) return;
    const id = this.list.going(seconds).at(-1);
    if (!id || id === this.current?.id) return;
    this.current = this.record.event(id);
    this.bar.current = this.current;
    this.list.choose(this.current, { reveal: false });
    this.detail.show(this.current);
  }

  // --- moving ------------------------------------------------------------------------------------------------------------------

  seek(seconds, { show = false, remember = true } = {}) {
    this.live = false;
    this.player.seek(seconds);
    if (show) {
      this.bar.scale.reveal(this.player.time);
      this.bar.draw();
    }
    if (remember) this.remember();
  }

  choose(event, { seek = true, remember = true } = {}) {
    if (!event) return;
    this.live = false;
    this.current = event;
    this.bar.choose(event);
    this.list.choose(event);
    this.detail.show(event);
    if (seek) this.player.seek(event.start);
    else this.moved();
    if (remember) this.remember();
  }

  /** A row was pressed: chosen; on a phone, pressed again, told of. */
  pressed(event) {
    const again = this.current?.id === event.id;
    this.choose(event);
    if (again && this.small.matches) this.tab("detail");
  }

  hit(hit) {
    const event = this.record.event(hit.id);
    if (event) this.choose(event);
    else this.seek(hit.start, { show: true });
  }

  step(by) {
    const next = this.list.next(by, this.player.time);
    if (!next) return;
    const within = this.list.host.contains(document.activeElement);
    this.choose(next);
    if (within) this.list.focusCurrent();
  }

  /** Puts where we are into the address, so that it can be sent to somebody. */
  remember() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      const values = new URLSearchParams({ t: stamp(this.player.time), ...(this.current ? { event: this.current.id } : {}) });
      if (!this.control.signal.aborted) history.replaceState(history.state, "", `#/jobs/${this.record.id}?${values}`);
    }, 300);
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.layout.querySelector(".view").requestFullscreen?.().catch(() => {});
  }

  // --- correcting --------------------------------------------------------------------------------------------------------------

  acts() {
    const { judging } = this;
    return {
      may: () => judging.may(),
      whyNot: () => judging.whyNot(),
      accept: (event) => judging.correct(event, "accept"),
      reject: (event) => judging.correct(event, "reject"),
      edit: (event) => this.edit(event),
      save: (event, changes, comment) => judging.correct(event, "edit", { changes, comment }),
      add: (changes, comment) => judging.add(changes, comment),
      link: (event) => judging.link(event),
      seek: (seconds) => { this.player.pause(); this.seek(seconds, { show: true }); },
    };
  }

  edit(event) {
    if (!event) return;
    if (!this.judging.may()) { toast(this.judging.whyNot()); return; }
    if (this.small.matches) this.tab("detail");
    this.detail.edit(event);
  }

  beginAdd() {
    if (!this.judging.may()) { toast(this.judging.whyNot()); return; }
    this.player.pause();
    if (this.small.matches) this.tab("detail");
    this.detail.edit(null, this.player.time);
  }

  complain(fault) {
    const told = sentence(fault);
    if (told) toast(told);
  }

  // --- around it ---------------------------------------------------------------------------------------------------------------

  tab(name) {
    this.shownTab = name;
    const panels = { events: this.events, everywhere: this.everywhere.place, ask: this.ask.place, about: this.about.place };
    for (const [each, panel] of Object.entries(panels)) panel.hidden = each !== name;
    this.layout.dataset.tab = name;
    if (name in panels && name !== "events") this[name].do();
    this.renewAbout();
    this.drawTabs();
    if (name === "events" && this.list.shown) this.list.virtual.draw();
  }

  drawTabs() {
    const names = ["events", ...(this.small.matches ? ["detail"] : []), "ask", "about"];
    if (this.shownTab === "detail" && !this.small.matches) { this.tab("events"); return; }
    const inside = document.activeElement?.closest?.(".tabs") ? this.shownTab : null;
    fill(this.tabs, names.map((name) => {
      const chosen = name === this.shownTab || (name === "events" && this.shownTab === "everywhere");
      return h("button", {
        type: "button", role: "tab", "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1", "data-tab": name, onclick: () => this.tab(name),
        onkeydown: (event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          this.tab(names[(names.indexOf(name) + by + names.length) % names.length]);
          this.tabs.querySelector('[aria-selected="true"]').focus();
        },
      }, t(`review.tab.${name}`), name === "events" && this.record.events.length ? this.tally() : null);
    }));
    if (inside) this.tabs.querySelector('[aria-selected="true"]')?.focus();
  }

  /** How many events there are, and how many of them are reviewed once somebody has begun. */
  tally() {
    const { events } = this.record;
    const n = events.reduce((sum, event) => sum + (stateOf(event) === "open" ? 0 : 1), 0);
    return h("span", { class: "num count-of", title: n ? t("review.reviewed.of", { n, all: events.length }) : null }, n ? `${number(n)}/${number(events.length)}` : number(events.length));
  }

  /** Goes on to what nobody has reviewed. */
  toOpen() {
    const next = this.list.nextOpen(this.player.time);
    if (next) this.choose(next);
    else if (this.record.events.length) toast(t("review.open.none"), { stay: 3000 });
  }

  /** The job's state or progress has changed. */
  restate() {
    const { job } = this.record;
    if (this.shownState !== job.state) {
      // What takes the place of the progress keeps everything below it where it is.
      this.justDone = job.state === "done" && ["queued", "running"].includes(this.shownState);
      this.shownState = job.state;
      this.head.draw();
      this.detail.show(this.current);
      this.narrow();
    }
    this.drawBanner();
    this.renewAbout();
  }

  renewAbout() { if (!this.about.place.hidden) this.about.do((panel) => panel.renew()); }

  drawBanner() { this.banner.draw({ hidden: this.drawSorry(), justDone: this.justDone, live: this.live }); }

  /** A job that ended before it had a timeline has no bar and no events; one whose recording cannot be seen has but its reason. Whether that is shown. */
  drawSorry() {
    const { record, sorry, player } = this;
    const { job } = record;
    const bare = record.ended && record.timeline === null;
    const alone = bare && !player.moving && !player.frames.length;
    if (bare) this.layout.dataset.shows = alone ? "reason" : "recording";
    else delete this.layout.dataset.shows;
    sorry.hidden = !alone;
    const key = alone && JSON.stringify([job.state, job.error]);
    if (key && key !== this.sorryKey) {
      const { message = t(`review.none.${job.state}`), hint } = job.error ?? {};
      fill(sorry, icon("film"), h("h2", {}, t(`review.none.${job.state}`)), h("p", { dir: "auto" }, message), hint && h("p", { class: "muted", dir: "auto" }, hint), this.head.retryButton(t("review.retry")));
    }
    this.sorryKey = key;
    return alone;
  }

  /** The last second that was looked at. */
  edge() {
    const last = this.record.runs.findLast((run) => run.state === "described" || run.state === "unchanged");
    return (last?.end ?? 0) - 0.1;
  }

  keyActs() {
    const { player, bar, controls, judging } = this;
    return {
      next: () => this.step(1), previous: () => this.step(-1), open: () => this.toOpen(), play: () => player.toggle(),
      back: (event) => this.seek(player.time - (event.shiftKey ? 1 : 5), { show: true }), forward: (event) => this.seek(player.time + (event.shiftKey ? 1 : 5), { show: true }),
      frameBack: () => player.step(-1), frameOn: () => player.step(1), slower: () => controls.faster(-1), faster: () => controls.faster(1),
      accept: () => judging.correct(this.current, "accept"), reject: () => judging.correct(this.current, "reject"), edit: () => this.edit(this.current), add: () => this.beginAdd(), undo: () => judging.undo(),
      zoomIn: () => bar.zoom(2), zoomOut: () => bar.zoom(0.5), zoomAll: () => bar.fit(), zoomEvent: () => this.current && bar.zoomTo(this.current),
      enlarge: () => this.detail.enlarge(), full: () => this.full(), sound: () => controls.sound(), help, escape: () => this.escape(),
    };
  }

  escape() {
    if (!empty(this.filters.filter)) this.filters.clear();
    else if (this.shownTab !== "events") this.tab("events");
  }
}
