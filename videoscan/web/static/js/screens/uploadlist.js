// The uploads that are on their way, above the list of jobs.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { toast } from "../talk.js";
import { t } from "../texts.js";
import { bytes, length, percent } from "../times.js";
import { chooseAgain, giveUp, pause, recover, resume, uploadNews, uploads } from "../uploads.js";
import { pick } from "./upload.js";

/** The list; hidden where nothing is on its way. `submitted` is called when one became a job. */
export function uploadList(signal, submitted) {
  const list = h("ul", { class: "uploads" });
  const element = h("section", { class: "uploads-place", "aria-label": t("up.title"), hidden: true }, list);
  const rows = new Map();

  function draw() {
    const now = uploads();
    element.hidden = !now.length;
    for (const [key, row] of rows) {
      if (now.some((upload) => upload.key === key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    for (const upload of now) {
      let row = rows.get(upload.key);
      if (!row) {
        row = uploadRow(upload);
        rows.set(upload.key, row);
        list.append(row.element);
      }
      row.update();
    }
  }

  uploadNews.addEventListener("change", draw, { signal });
  uploadNews.addEventListener("submitted", (event) => {
    toast(t("up.done", { name: event.detail.name }), { stay: 3000 });
    submitted();
  }, { signal });
  recover();
  draw();
  return element;
}

function uploadRow(upload) {
  const words = h("p", { class: "fine num between" });
  const bar = h("i");
  const meter = h("div", { class: "meter", role: "progressbar", "aria-label": t("up.progress", { name: upload.name }), "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const acts = h("div", { class: "acts" });
  const element = h("li", { class: "upload" }, icon("upload"), h("div", { class: "what" }, h("h3", { dir: "auto" }, upload.name), meter, words), acts);
  let drawn = "";

  function update() {
    const done = upload.size ? upload.sent / upload.size : 0;
    const values = { percent: percent(done), sent: bytes(upload.sent), size: bytes(upload.size) };
    meter.setAttribute("aria-valuenow", String(Math.round(done * 100)));
    bar.style.setProperty("--share", String(done));
    element.dataset.state = upload.state;
    const left = upload.state === "sending" && upload.rate > 0
      ? [t("up.rate", { rate: bytes(upload.rate) }), t("job.left", { time: length((upload.size - upload.sent) / upload.rate, { coarse: true }) })].join(" · ")
      : "";
    const text = upload.state === "failed" ? upload.error : t(`up.${upload.state}`, values);
    fill(words, h("span", { class: upload.state === "failed" ? "bad" : null }, text), left && h("span", { class: "muted" }, left));
    if (drawn === upload.state) return;
    drawn = upload.state;
    fill(acts, buttons(upload));
  }

  return { element, update };
}

function buttons(upload) {
  const name = { name: upload.name };
  const button = (act, sign, run) => h(
    "button", { type: "button", class: "button plain icon-only", title: t(`up.${act}`), "aria-label": t(`up.${act}.of`, name), onclick: run }, icon(sign));
  const again = async () => {
    const [file] = await pick({ several: false });
    if (file && !chooseAgain(upload, file)) toast(t("up.other", { name: upload.name, size: bytes(upload.size) }));
  };
  return [
    upload.state === "asks" && h("button", { type: "button", class: "button", onclick: again }, t("up.pick")),
    ["sending", "waiting", "lost"].includes(upload.state) && button("pause", "pause", () => pause(upload)),
    ["paused", "failed"].includes(upload.state) && button("resume", "play", () => resume(upload)),
    button("stop", "close", () => giveUp(upload)),
  ];
}
