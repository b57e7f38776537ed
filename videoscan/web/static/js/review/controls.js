// What stands under the picture: play, time, speed, sound; and over it, in words, what is shown when that is not the recording itself.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../texts.js";
import { clock, percent } from "../times.js";
import { wallClock, wallDay } from "./wall.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];

export class Controls {
  constructor(record, player, { next, previous, full }) {
    Object.assign(this, { record, player });
    const button = (name, sign, run, more = {}) => h("button", { type: "button", class: "button plain icon-only", "aria-label": name, title: name, onclick: run, ...more }, sign);
    this.play = button(t("review.key.play"), icon("play"), () => player.toggle());
    this.play.classList.add("play");
    this.now = h("span", { class: "now num" });
    this.wall = h("span", { class: "wall num muted" });
    this.speed = h("select", { "aria-label": t("review.speed"), title: t("review.speed"), onchange: () => player.setSpeed(Number(this.speed.value)) }, SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    this.mute = button(t("review.key.sound"), "", () => this.sound());
    this.region = button(t("review.regions"), icon("region"), () => this.regions(), { "aria-pressed": "true" });
    this.regionsOn = true;
    this.element = h("div", { class: "controls" },
      button(t("review.key.previous"), icon("back"), previous), this.play, button(t("review.key.next"), icon("forward"), next),
      this.now, this.wall, h("span", { class: "space" }), this.speed, this.region, this.mute, button(t("review.key.full"), icon("all"), full));
    this.notice = h("div", { class: "stage-note", hidden: true });
    this.state();
    this.mode();
  }

  at(seconds) {
    const text = `${clock(seconds, { digits: 1 })}`;
    if (text === this.shown) return;
    this.shown = text;
    fill(this.now, h("b", {}, text), h("span", { class: "muted" }, ` / ${clock(this.record.duration)}`));
    const wall = this.record.source ? wallClock(this.record.source, seconds) : null;
    fill(this.wall, wall ? `${wallDay(this.record.source, seconds)} ${wall}` : "");
  }

  state() {
    const { player } = this;
    fill(this.play, icon(player.playing ? "pause" : "play"));
    this.play.setAttribute("aria-label", t(player.playing ? "review.pause" : "review.key.play"));
    this.speed.value = String(player.speed);
    fill(this.mute, icon(player.video.muted ? "mute" : "sound"));
    this.mute.setAttribute("aria-pressed", String(player.video.muted));
  }

  sound() {
    this.player.video.muted = !this.player.video.muted;
    this.state();
  }

  regions() {
    this.regionsOn = !this.regionsOn;
    this.region.setAttribute("aria-pressed", String(this.regionsOn));
    this.player.dispatchEvent(new Event("time"));
  }

  faster(by) {
    const at = SPEEDS.indexOf(this.player.speed) + by;
    if (SPEEDS[at]) this.player.setSpeed(SPEEDS[at]);
  }

  /** Says plainly what is shown, when it is not the recording itself. */
  mode() {
    const { player, record, notice } = this;
    const { preview } = player;
    this.mute.hidden = player.mode === "slides" || player.mode === "none";
    const lines = [];
    if (player.mode === "preview") lines.push(t(player.why === "blacked_out" ? "review.shown.preview.black" : "review.shown.preview"));
    else if (player.mode === "slides") {
      lines.push(t(`review.shown.slides.${player.why ?? "gone"}`));
      if (preview?.state === "making") lines.push(t("review.preview.making", { share: percent(preview.progress ?? 0) }));
      else if (preview?.state === "waiting") lines.push(t("review.preview.waiting"));
      else if (preview?.state === "failed") lines.push(t("review.preview.failed", { why: preview.error ?? "" }));
    }
    const offer = player.mode === "slides" && ["unplayable", "blacked_out"].includes(player.why) && record.timeline && ["none", "failed"].includes(preview?.state)
      ? h("button", { type: "button", class: "link", onclick: () => player.makePreview() }, t(preview.state === "failed" ? "app.again" : "review.preview.make")) : null;
    notice.hidden = !lines.length;
    const key = `${lines.join()}${offer !== null}`;
    if (key === this.noticed) return;
    this.noticed = key;
    fill(notice, h("span", {}, lines.join(" ")), offer);
  }
}
