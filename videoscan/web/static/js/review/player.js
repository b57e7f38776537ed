// Shows the recording at a second of it. The file itself where the browser can play it; else a preview that the service makes; else the
// pictures that were kept, one after the other on the same clock. Whoever looks is told which.

import { BASE, get, post } from "../api.js";
import { h, svg } from "../dom.js";
import { above, clamp } from "./scale.js";

const POLL = 1000;
/** Milliseconds to wait for the first picture. */
const PATIENCE = 1500;
/** Seconds of recording up to which a preview is made without asking: some 10 s of work for each minute of 1080p. */
const AT_ONCE = 2400;
/** Seconds into a picture's own time at which it is sought: browsers and timelines both round, and a hair too early is the picture before. */
const INTO = 0.001;

/** How often a step asks for another picture: of a rate that varies, the next one may be seconds away. */
const TRIES = 24;
/** Milliseconds to wait for a picture that was sought; the same one again may not be told of. */
const SAME = 400;

/**
 * `mode` is `video`, `preview`, `slides` or `none`. Events: `time` (also while it plays), `play` (played or paused), `mode` (also when
 * the preview's progress changes: see `preview`).
 */
export class Player extends EventTarget {
  constructor(record) {
    super();
    this.record = record;
    this.mode = "none";
    this.why = null;
    this.preview = null;
    this.at = 0;
    this.target = null;
    this.offset = 0;
    this.speed = 1;
    this.playing = false;
    this.frames = [];
    this.control = new AbortController();
    this.video = h("video", { class: "stage-picture", playsinline: true, preload: "auto", "aria-hidden": "true", tabindex: "-1", hidden: true });
    this.picture = h("img", { class: "stage-picture", alt: "", hidden: true });
    this.region = svg("svg", { class: "stage-region", preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" });
    this.stage = h("div", { class: "stage" }, this.video, this.picture, this.region);
    const listen = (type, listener) => this.video.addEventListener(type, listener, { signal: this.control.signal });
    listen("error", () => this.unplayable());
    listen("loadedmetadata", () => this.loaded());
    for (const type of ["seeked", "timeupdate"]) listen(type, () => { if (this.moving && !this.sought) this.read(); });
    listen("seeked", () => { if (!this.reach()) this.sought = false; });
    listen("durationchange", () => this.reach());
    listen("play", () => this.played(true));
    listen("pause", () => this.played(false));
    listen("ended", () => this.played(false));
  }

  get duration() { return this.record.duration; }
  get moving() { return this.mode === "video" || this.mode === "preview"; }

  tell(type) { this.dispatchEvent(new Event(type)); }

  // --- what is shown -----------------------------------------------------------------------------------------------------------

  /** Shows what there is, by what the service says of the recording. Called again when that has changed. */
  async open() {
    const { watching } = this.record;
    const source = this.record.source;
    if (source) {
      this.region.setAttribute("viewBox", `0 0 ${source.width} ${source.height}`);
      this.stage.style.setProperty("--shape", `${source.width} / ${source.height}`);
    }
    if (!watching || this.moving) return;
    this.preview = watching.preview;
    if (watching.video === "there" && !this.refused && (source?.parts?.length ?? 1) < 2) this.load("video", `${BASE}/${this.record.path}/video`);
    else if (watching.preview.state === "ready") this.load("preview", `${BASE}/${this.record.path}/preview.mp4`);
    else await this.slides(this.refused ? "unplayable" : watching.video === "there" ? "joined" : ["stream", "day"].includes(this.record.job.kind) ? "live" : watching.video);
  }

  load(mode, address) {
    this.mode = mode;
    this.why = mode === "preview" ? (this.record.watching.video === "blacked_out" ? "blacked_out" : "unplayable") : null;
    this.measured = false;
    this.target = null;
    this.video.src = address;
    this.video.hidden = false;
    this.picture.hidden = true;
    this.tell("mode");
  }

  loaded() {
    // A browser that knows the sound but not the pictures plays the sound, and says nothing.
    if (!this.video.videoWidth) { this.unplayable(); return; }
    this.video.playbackRate = this.speed;
    // Where the pictures begin on the browser's clock: the timeline's clock begins with the first one.
    // Nobody seeks before it is shown, or another picture would be taken for the first.
    const { src } = this.video;
    const begin = (offset) => {
      this.offset = offset;
      this.measured = true;
      if (this.at > 0) this.seek(this.at);
      if (this.wanted) this.play();
    };
    this.video.requestVideoFrameCallback?.((_now, frame) => {
      // After the wait it is the first one only if nobody went elsewhere meanwhile.
      if (this.video.src === src && (!this.measured || (this.at === 0 && !this.playing))) begin(frame.mediaTime);
    });
    // A page that is not in front, or a machine that is busy, shows no picture for a while. Until it does, they begin where the file says.
    setTimeout(() => { if (this.video.src === src && !this.measured) begin(this.mode === "video" ? this.record.source?.start_time ?? 0 : 0); }, this.video.requestVideoFrameCallback ? PATIENCE : 0);
  }

  unplayable() {
    if (!this.moving) return;
    const was = this.mode;
    this.refused = true;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.video.hidden = true;
    this.mode = "none";
    if (was === "video" && this.record.watching.preview.state === "ready") this.load("preview", `${BASE}/${this.record.path}/preview.mp4`);
    else this.slides("unplayable");
  }

  /** The kept pictures. A preview is asked for where one can be made. */
  async slides(why) {
    this.mode = "slides";
    this.why = why;
    this.video.hidden = true;
    this.tell("mode");
    await this.readFrames();
    const can = (why === "unplayable" || why === "blacked_out") && this.record.timeline !== null;
    if (can && this.preview?.state === "none" && this.record.ended && this.duration <= AT_ONCE) this.makePreview();
    else if (this.preview && ["waiting", "making"].includes(this.preview.state)) this.poll();
    this.paint(true);
  }

  async readFrames() {
    try {
      this.frames = (await get(`${this.record.path}/frames`, { signal: this.control.signal })).frames;
      this.paint(true);
    } catch (fault) {
      if (fault.name !== "AbortError" && fault.status !== 0) throw fault;
    }
  }

  /** Has a preview made and shows it when it is. */
  async makePreview() {
    try {
      this.preview = (await post(`${this.record.path}/preview`, undefined, { signal: this.control.signal })).preview;
      this.tell("mode");
      this.poll();
    } catch (fault) {
      if (fault.name === "AbortError") return;
      this.preview = { state: "failed", error: fault.message };
      this.tell("mode");
    }
  }

  poll() {
    clearTimeout(this.later);
    this.later = setTimeout(async () => {
      try {
        const watching = await get(`${this.record.path}/preview`, { signal: this.control.signal });
        this.record.watching = watching;
        this.preview = watching.preview;
      } catch { /* the service is away: asked again */ }
      if (this.control.signal.aborted) return;
      if (this.preview.state === "ready") {
        const playing = this.playing;
        if (playing) this.pause();
        this.load("preview", `${BASE}/${this.record.path}/preview.mp4`);
        if (playing) this.play();
        return;
      }
      this.tell("mode");
      if (["waiting", "making"].includes(this.preview.state)) this.poll();
    }, POLL);
  }

  // --- the clock ---------------------------------------------------------------------------------------------------------------

  get time() { return this.at; }

  seek(seconds) {
    this.at = clamp(seconds, 0, Math.max(0, this.duration - 0.001));
    if (this.moving && this.measured && this.video.readyState > 0) {
      this.sought = true;
      this.target = this.at + this.offset + INTO;
      this.video.currentTime = this.target;
    }
    this.paint();
    this.tell("time");
  }

  /**
   * Seeks again what lay beyond the end that the browser knew of: of a recording that begins late it takes the length for the end, until it
   * has read on. Whether it does.
   */
  reach() {
    const { video, target } = this;
    if (target === null || this.playing || video.currentTime >= target - INTO / 2 || video.duration <= video.currentTime) return false;
    video.currentTime = target;
    return true;
  }

  read() {
    this.at = clamp(this.video.currentTime - this.offset, 0, this.duration);
    this.tell("time");
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.at >= this.duration - 0.05) this.seek(0);
    this.wanted = this.moving && !this.measured;
    if (this.wanted) return;
    if (this.moving) {
      this.video.play().catch(() => this.played(false));
      return;
    }
    this.began = performance.now();
    this.played(true);
  }

  pause() {
    this.wanted = false;
    if (this.moving) this.video.pause();
    this.played(false);
  }

  played(on) {
    if (this.playing === on) return;
    this.playing = on;
    this.tell("play");
    if (on) requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    if (!this.playing || this.control.signal.aborted) return;
    if (this.moving) this.read();
    else {
      this.at = Math.min(this.duration, this.at + Math.max(0, now - this.began) / 1000 * this.speed);
      this.began = now;
      this.paint();
      this.tell("time");
      if (this.at >= this.duration) { this.played(false); return; }
    }
    requestAnimationFrame((then) => this.tick(then));
  }

  setSpeed(speed) {
    this.speed = speed;
    this.video.playbackRate = speed;
    this.tell("play");
  }

  /** One picture on or back: of the video the next one that is another, else of those that were kept. */
  step(by) {
    this.pause();
    if (this.moving) { this.walk(by); return; }
    const at = this.frameAt(this.at) + by;
    if (this.frames[at]) this.seek(this.frames[at].time);
  }

  /** Goes on by half of what a picture lasts on average, until another one is shown; then that is where we are. */
  async walk(by) {
    const half = 0.5 / (this.record.source?.fps || 25);
    if (!this.measured || !this.video.requestVideoFrameCallback) { this.seek(this.at + by * 2 * half); return; }
    if (this.walking) return;
    this.walking = true;
    try {
      const from = await this.shows(this.at);
      let at = by < 0 && from !== null ? from : this.at;
      for (let tries = 0; tries < TRIES; tries += 1) {
        at += by * half;
        if (at < 0 || at >= this.duration) break;
        const now = await this.shows(at);
        if (now === null || Math.abs(now - from) < 1e-4) continue;
        this.at = now;
        this.tell("time");
        break;
      }
    } finally {
      this.walking = false;
    }
  }

  /** Seeks; comes to the second at which the picture begins that is then shown, `null` where that is not told. */
  shows(seconds) {
    return new Promise((then) => {
      const { video } = this;
      const heard = video.requestVideoFrameCallback((_now, frame) => { clearTimeout(late); then(Math.max(0, frame.mediaTime - this.offset)); });
      const late = setTimeout(() => { video.cancelVideoFrameCallback(heard); then(null); }, SAME);
      this.seek(seconds);
    });
  }

  frameAt(seconds) { return above(this.frames, seconds + 0.0005, (frame) => frame.time) - 1; }

  /** Shows the kept picture that stands for this moment. */
  paint(again = false) {
    if (this.mode !== "slides") return;
    const at = Math.max(0, this.frameAt(this.at));
    const frame = this.frames[at];
    this.picture.hidden = !frame;
    if (!frame || (frame.frame === this.painted && !again)) return;
    this.painted = frame.frame;
    this.picture.src = this.address(frame.frame);
    const next = this.frames[at + 1];
    if (next && this.playing) new Image().src = this.address(next.frame);
  }

  /** The small picture of what was kept of a moment; `null` where nothing was. What was kept is asked once for each state of the timeline. */
  async still(seconds) {
    const { timeline, etag } = this.record;
    if (timeline && this.framesOf !== etag) {
      this.framesOf = etag;
      this.reading = this.readFrames().catch(() => { /* then nothing is shown */ });
    }
    await this.reading;
    const frame = this.frames[Math.max(0, this.frameAt(seconds))];
    return frame ? this.address(frame.frame, 352) : null;
  }

  /** Where a picture of the evidence is: by the name of its file, which several frames may share. */
  evidence({ picture, frame }, side = null) {
    const named = /(\d{8})[^/]*$/.exec(picture ?? "");
    return this.address(named ? Number(named[1]) : frame, side);
  }

  address(frame, side = null) { return `${BASE}/${this.record.path}/frames/${frame}.jpg${side ? `?side=${side}` : ""}`; }

  /** Outlines where the picture changed; `null` for nowhere. */
  outline(region) {
    this.region.replaceChildren();
    const source = this.record.source;
    if (!region || !source) return;
    const [x0, y0, x1, y1] = region;
    this.region.append(svg("rect", { x: x0 * source.width, y: y0 * source.height, width: (x1 - x0) * source.width, height: (y1 - y0) * source.height }));
  }

  destroy() {
    this.control.abort();
    clearTimeout(this.later);
    this.playing = false;
    this.video.removeAttribute("src");
    this.video.load();
  }
}
