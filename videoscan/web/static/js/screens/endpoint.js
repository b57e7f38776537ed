// The endpoint's check: what `videoscan doctor` measures, step by step.

import { get, post, remove, sentence } from "../api.js";
import { fill, h } from "../dom.js";
import { whereTo } from "../profiles.js";
import { may } from "../session.js";
import { t } from "../texts.js";
import { bytes, length, number } from "../times.js";

const WAIT = 800;

/** The check, for a service as `GET /service` tells of it. */
export function endpointCheck(service, signal) {
  const place = h("div", { class: "check-place", "aria-live": "polite" });
  const where = h("p", {}, whereTo(service));
  if (service.describer.kind !== "openai") return [where, h("p", { class: "fine muted" }, service.describer.kind === "offline" ? t("check.offline") : null)];
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function look() {
    try {
      const check = await get("endpoint/check", { signal });
      draw(check);
      if (check.state === "running") timer = setTimeout(look, WAIT);
    } catch (fault) {
      complain(fault);
    }
  }

  async function begin(quick) {
    try {
      draw(await post("endpoint/check", { quick }));
      look();
    } catch (fault) {
      complain(fault);
    }
  }

  async function stop() {
    clearTimeout(timer);
    await remove("endpoint/check").catch(() => {});
    look();
  }

  function complain(fault) {
    const text = sentence(fault);
    if (text) fill(place, start(), h("p", { class: "complaint", role: "alert" }, text));
  }

  function start() {
    if (!may("admin")) return h("p", { class: "fine muted" }, t("check.admin"));
    return h("div", { class: "buttons" },
      h("button", { type: "button", class: "button main", onclick: () => begin(false) }, t("check.go")),
      h("button", { type: "button", class: "button", onclick: () => begin(true) }, t("check.quick")));
  }

  function draw(check) {
    if (check.state === "running") {
      const bound = check.requests === null ? null : t("check.bound", { requests: check.requests, tokens: check.tokens });
      fill(place,
        h("div", { class: "meter unsure" }, h("i")),
        h("p", { class: "between" }, h("span", {}, t("check.running", { time: length(check.seconds) })), h("span", { class: "muted", dir: "auto" }, check.step)),
        bound && h("p", { class: "fine muted num" }, bound),
        may("admin") && h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: stop }, t("check.stop"))));
      return;
    }
    fill(place, start(), check.state !== "none" && results(check));
  }

  look();
  return [where, h("p", { class: "fine muted" }, t("check.what"), " ", t("check.key")), place];
}

function results(check) {
  const error = check.error;
  return h("div", { class: "check-results" },
    check.state === "done" ? h("p", { class: "verdict good" }, t("check.usable")) : h("p", { class: "verdict bad" }, t("check.failed")),
    error && h("p", { class: "note bad", dir: "auto" }, error.message, error.hint && h("span", { class: "muted" }, ` — ${error.hint}`)),
    check.measured && h("dl", { class: "rows" }, rows(check.measured).filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "num", dir: "auto" }, value)))),
    (check.measured?.warnings ?? []).map((text) => h("p", { class: "note warn", dir: "auto" }, text)));
}

function rows(told) {
  const seen = { taken: told.pictures_taken, seen: told.pictures_seen };
  const fastest = told.at_once.filter((each) => !each.failed).sort((one, other) => other.per_second - one.per_second)[0];
  return [
    [t("check.model"), told.model],
    [t("check.address"), told.address],
    [t("check.server"), told.server],
    [t("check.access"), told.key && t(`check.access.${told.key}`)],
    [t("check.first"), told.first_answer !== null && length(told.first_answer)],
    [t("check.schema"), told.json_schema && t(`check.schema.${told.json_schema}`)],
    [t("check.pictures"), told.pictures_taken !== null && (told.pictures_seen === null ? t("check.pictures.taken", seen) : t("check.pictures.is", seen))],
    [t("check.each"), told.tokens_per_picture !== null && t("check.tokens", { n: Math.round(told.tokens_per_picture) })],
    [t("check.body"), told.body_taken !== null && (told.body_refused === null ? t("check.body.more", { size: bytes(told.body_taken) }) : bytes(told.body_taken))],
    [t("check.speed"), fastest && t("check.speed.is", { n: fastest.at_once, rate: number(fastest.per_second, { maximumFractionDigits: 1 }) })],
    [t("check.cost"), told.requests > 0 && t("check.cost.is", { n: told.requests, tokens: number(told.prompt_tokens + told.completion_tokens) })],
  ];
}
