// Adding videos: which ones, as what kind of footage, and what that means.

import { post, sentence } from "../api.js";
import { fill, h } from "../dom.js";
import { dropped, holdsFiles, isVideo } from "../files.js";
import { icon } from "../icons.js";
import { about, ordered, perHour, profileAbout, profileName, whereTo } from "../profiles.js";
import { dialog, toast } from "../talk.js";
import { t } from "../texts.js";
import { bytes } from "../times.js";
import { chooseAgain, send, wanting } from "../uploads.js";

const SHOWN_FILES = 6;
const KEPT = "videoscan.profile";

/** Lets a person choose files; an empty list where they changed their mind. */
export function pick({ several = true, folder = false } = {}) {
  return new Promise((done) => {
    const field = h("input", { type: "file", multiple: several, webkitdirectory: folder, accept: folder || !several ? null : "video/*,.mkv,.ts,.flv,.m2ts,.mts,.h264,.h265,.hevc", hidden: true });
    field.addEventListener("change", () => { done([...field.files]); field.remove(); });
    field.addEventListener("cancel", () => { done([]); field.remove(); });
    document.body.append(field);
    field.click();
  });
}

/** Opens the dialog, with `files` that were chosen already. `started` is called when a job was made. */
export async function addVideos({ files = [], started = () => {} } = {}) {
  // A file that an upload of before waits for is that upload's: nothing has to be asked again.
  const fresh = files.filter((file) => { const waiting = wanting(file); return !(waiting && chooseAgain(waiting, file)); });
  if (files.length && !fresh.length) return;
  let known;
  try {
    known = await about();
  } catch (fault) {
    toast(sentence(fault));
    return;
  }
  new Adding(known, started).take(fresh);
}

class Adding {
  constructor({ service, profiles }, started) {
    this.service = service;
    this.started = started;
    this.files = [];
    this.others = 0;
    this.profiles = ordered(profiles.filter((profile) => !profile.error), service.profile);
    this.profile = this.usual();
    this.place = "files";

    this.chosen = h("div", { class: "add-files" });
    this.source = h("input", { type: "text", id: "add-source", spellcheck: "false", autocomplete: "off", placeholder: service.roots.length ? `${service.roots[0]}/…` : "https://…" });
    this.question = h("textarea", { id: "add-question", rows: 2, maxlength: 10_000 });
    this.meaning = h("div", { class: "add-meaning", "aria-live": "polite" });
    this.complaint = h("p", { class: "complaint", role: "alert" });
    this.go = h("button", { type: "submit", class: "button main" }, t("add.go"));
    const form = h("form", { class: "add", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      this.tabs(), this.panel(), this.kinds(), this.meaning, this.asking(), this.complaint,
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => this.shown.close() }, t("do.cancel")), this.go));
    this.shown = dialog(t("add.title"), form, { wide: true });
    this.say();
  }

  usual() {
    let last = null;
    try { last = localStorage.getItem(KEPT); } catch { /* nothing is kept */ }
    const names = this.profiles.map((profile) => profile.name);
    return names.includes(last) ? last : names.includes(this.service.profile) ? this.service.profile : names[0];
  }

  tabs() {
    const tab = (name) => h("label", {}, h("input", { type: "radio", name: "add-place", value: name, checked: name === this.place, onchange: () => { this.place = name; this.show(); } }), t(`add.${name}`));
    return h("div", { class: "segments add-tabs" }, tab("files"), tab("there"));
  }

  panel() {
    const hint = this.service.roots.length ? t("add.source.roots", { roots: this.service.roots.join(", ") }) : t("add.source.none");
    this.drop = h("div", { class: "add-drop" }, this.chosen);
    this.drop.addEventListener("dragover", (event) => { if (holdsFiles(event)) { event.preventDefault(); this.drop.classList.add("over"); } });
    this.drop.addEventListener("dragleave", () => this.drop.classList.remove("over"));
    this.drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      this.drop.classList.remove("over");
      this.take(await dropped(event.dataTransfer));
    });
    this.there = h("div", { class: "field", hidden: true }, h("label", { for: "add-source" }, t("add.source")), this.source, h("p", { class: "fine" }, hint));
    return [this.drop, this.there];
  }

  kinds() {
    const kind = (profile) => {
      const field = h("input", { type: "radio", name: "add-profile", value: profile.name, checked: profile.name === this.profile, onchange: () => { this.profile = profile.name; this.say(); } });
      return h("label", { class: "kind" }, field, h("span", {},
        h("b", {}, profileName(profile.name)), h("span", { class: "fine muted", dir: "auto" }, profileAbout(profile))));
    };
    return h("fieldset", { class: "field" }, h("legend", {}, t("add.profile")), h("div", { class: "kinds" }, this.profiles.map(kind)));
  }

  asking() {
    // Nobody answers a question where changes are only measured.
    return this.service.asks && h("div", { class: "field" },
      h("label", { for: "add-question" }, t("add.question"), " ", h("span", { class: "muted fine" }, t("add.question.optional"))), this.question,
      h("p", { class: "fine" }, t("add.question.hint")));
  }

  /** What the chosen profile comes to. */
  say() {
    const profile = this.profiles.find((each) => each.name === this.profile);
    const hour = profile ? perHour(profile, this.service) : null;
    fill(this.meaning,
      h("p", {}, icon(this.service.describer.sends ? "upload" : "lock"), whereTo(this.service)),
      hour && h("p", { class: "fine muted num" }, hour, " ", t("hour.range")),
      this.service.budget.length > 0 && h("p", { class: "fine muted" }, t("budget.is", { amount: this.service.budget.join(", ") })));
  }

  show() {
    this.drop.hidden = this.place !== "files";
    this.there.hidden = this.place !== "there";
    this.complaint.textContent = "";
    if (this.place === "there") this.source.focus();
  }

  take(files) {
    const videos = files.filter(isVideo);
    this.others += files.length - videos.length;
    for (const file of videos) {
      if (!this.files.some((each) => each.name === file.name && each.size === file.size && each.lastModified === file.lastModified)) this.files.push(file);
    }
    if (videos.length) this.complaint.textContent = "";
    this.draw();
  }

  draw() {
    const ask = async (options) => this.take(await pick(options));
    const choose = h("button", { type: "button", class: "button", onclick: () => ask({}) }, icon("file"), this.files.length ? t("add.more") : t("add.choose"));
    const folder = h("button", { type: "button", class: "button", onclick: () => ask({ folder: true }) }, icon("folder"), t("add.folder"));
    const size = this.files.reduce((sum, file) => sum + file.size, 0);
    const rest = this.files.length - SHOWN_FILES;
    fill(this.chosen,
      this.files.length
        ? h("p", { class: "fine muted" }, t("add.chosen", { n: this.files.length, size: bytes(size) }))
        : h("p", { class: "muted" }, t("add.drop")),
      h("ul", {}, this.files.slice(0, SHOWN_FILES).map((file) => h("li", {},
        h("span", { dir: "auto" }, file.name), h("span", { class: "fine muted num" }, bytes(file.size)),
        h("button", { type: "button", class: "button plain icon-only", "aria-label": t("add.leave", { name: file.name }), onclick: () => { this.files.splice(this.files.indexOf(file), 1); this.draw(); } }, icon("close"))))),
      rest > 0 && h("p", { class: "fine muted" }, `+ ${rest}`),
      this.others > 0 && h("p", { class: "fine muted" }, t("add.others", { n: this.others })),
      h("div", { class: "buttons" }, choose, folder));
  }

  /** What is wrong with what was chosen, `null` where nothing is. */
  wrong() {
    if (this.place === "there") return this.source.value.trim() ? null : t("add.empty.source");
    if (!this.files.length) return t("add.empty");
    const large = this.files.find((file) => file.size > this.service.most_bytes);
    if (large) return t("add.large", { name: large.name, size: bytes(this.service.most_bytes) });
    const size = this.files.reduce((sum, file) => sum + file.size, 0);
    return size > this.service.free_bytes ? t("add.full", { size: bytes(this.service.free_bytes) }) : null;
  }

  async submit() {
    const wrong = this.wrong();
    this.complaint.textContent = wrong ?? "";
    if (wrong) return;
    const options = { profile: this.profile, ...(this.question.value.trim() ? { question: this.question.value.trim() } : {}) };
    try { localStorage.setItem(KEPT, this.profile); } catch { /* next time it is asked again */ }
    if (this.place === "files") {
      send(this.files, options);
      this.shown.close();
      this.started();
      return;
    }
    this.go.disabled = true;
    try {
      const job = await post("jobs", { source: this.source.value.trim(), ...options });
      toast(t("add.started", { name: job.name }), { stay: 3000 });
      this.shown.close();
      this.started(job);
    } catch (fault) {
      this.complaint.textContent = sentence(fault);
      this.source.setAttribute("aria-invalid", "true");
    } finally {
      this.go.disabled = false;
    }
  }
}
