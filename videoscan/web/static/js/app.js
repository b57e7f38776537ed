// The page's frame: which screen is shown for which address, and what stands around it.
//
// A screen is a module of js/screens/ that exports `mount(root, params)`. `root` is an empty element that is the screen's own; `params`
// holds the address's parts and its query as texts (`{ id, t, event }`). It answers with a function that ends it (listeners, feeds,
// timers), or with `{ unmount, update }`: `update(params)` is called instead of a new mount where only the query changed.

import { get, news } from "./api.js";
import { add, fill, focusOn, h, typing } from "./dom.js";
import { icon, sign } from "./icons.js";
import { learn, may, me } from "./session.js";
import { toast, toastPlace } from "./talk.js";
import { language, onLanguage, t } from "./texts.js";

const SCREENS = [
  { pattern: /^\/$/, name: "jobs", way: "jobs" },
  { pattern: /^\/jobs\/(?<id>[0-9a-f]{24})$/, name: "job", way: "jobs" },
  { pattern: /^\/search$/, name: "search", way: "search" },
  { pattern: /^\/streams$/, name: "streams", way: "streams" },
  { pattern: /^\/settings$/, name: "settings", way: "settings" },
  { pattern: /^\/login$/, name: "login", way: null },
];

const WAYS = [
  { name: "jobs", to: "#/", icon: "film" },
  { name: "streams", to: "#/streams", icon: "camera" },
  { name: "search", to: "#/search", icon: "search" },
  { name: "settings", to: "#/settings", icon: "settings" },
];

const main = h("main", { class: "shell-main", id: "main", tabindex: "-1" });
const offline = h("div", { class: "offline", role: "status", hidden: true });
const top = h("header", { class: "shell-top" });

let shown = null;
let turn = 0;

function route() {
  const hash = location.hash.replace(/^#/, "") || "/";
  const [path, rest = ""] = hash.split("?", 2);
  for (const screen of SCREENS) {
    const found = screen.pattern.exec(path);
    if (found) return { screen, path, params: { ...Object.fromEntries(new URLSearchParams(rest)), ...found.groups } };
  }
  return { screen: null, path, params: {} };
}

/** Shows what the address says. */
async function go({ again = false } = {}) {
  const { screen, path, params } = route();
  if (screen?.name !== "login" && !may("read")) {
    sessionStorage.setItem("videoscan.wanted", location.hash);
    location.replace("#/login");
    return;
  }
  if (!again && shown?.path === path && shown.update) {
    shown.update(params);
    return;
  }
  turn += 1;
  const mine = turn;
  end();
  frame(screen);
  const root = h("div", { class: `screen screen-${screen?.name ?? "lost"}` });
  main.classList.toggle("full", screen?.name === "job");
  fill(main, root);
  if (!screen) {
    lost(root);
    return;
  }
  try {
    const module = await import(`./screens/${screen.name}.js`);
    if (mine !== turn) return;
    const mounted = await module.mount(root, params);
    const handle = typeof mounted === "function" ? { unmount: mounted } : (mounted ?? {});
    if (mine !== turn) handle.unmount?.();
    else shown = { path, ...handle };
  } catch (fault) {
    console.error(fault);
    if (mine === turn) failed(root, fault);
  }
}

function end() {
  try { shown?.unmount?.(); } catch (fault) { console.error(fault); }
  shown = null;
}

function lost(root) {
  add(root, h("div", { class: "nothing" }, h("h1", {}, t("app.lost")), h("a", { href: "#/", class: "button" }, t("app.lost.home"))));
}

function failed(root, fault) {
  const text = t("app.fault", { what: fault?.message ?? String(fault) });
  const again = h("button", { type: "button", class: "button", onclick: () => go({ again: true }) }, t("app.again"));
  fill(root, h("div", { class: "nothing", role: "alert" }, h("p", {}, text), again));
}

/** Draws what stands around the screen. */
function frame(screen) {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  const inside = screen?.name !== "login";
  document.title = screen && screen.name !== "jobs" && screen.name !== "job" ? `${t(`${screen.name}.title`)} · videoscan` : "videoscan";
  fill(offline, h("span", { class: "spinner" }), t("app.offline"));
  const find = h("input", { type: "search", name: "q", placeholder: t("app.find"), "aria-label": t("app.find"), autocomplete: "off" });
  const search = (event) => {
    event.preventDefault();
    if (find.value.trim()) location.hash = `#/search?q=${encodeURIComponent(find.value.trim())}`;
  };
  const ways = WAYS.map((way) =>
    h("a", { href: way.to, "aria-current": way.name === screen?.way ? "page" : null }, icon(way.icon), t(`app.${way.name}`)));
  fill(
    top,
    h("a", { class: "brand", href: "#/" }, sign(), "videoscan"),
    inside && h("nav", { class: "ways", "aria-label": t("app.ways") }, ways),
    h("span", { class: "space" }),
    inside && screen?.name !== "search" && h("form", { class: "shell-find", role: "search", onsubmit: search }, icon("search"), find),
  );
}

async function begin() {
  const skip = h("a", { class: "skip button", href: "#main", onclick: (event) => { event.preventDefault(); focusOn(main); } }, t("app.skip"));
  document.body.append(skip, top, offline, main, toastPlace());
  addEventListener("hashchange", () => go());
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = main.querySelector("[data-find]") ?? top.querySelector("input");
    if (!field) return;
    event.preventDefault();
    field.focus();
  });
  onLanguage(() => go({ again: true }));
  news.addEventListener("login", () => learn().then(() => { if (!may("read")) go({ again: true }); }).catch(() => {}));
  news.addEventListener("down", () => { offline.hidden = false; knock(); });
  news.addEventListener("up", () => { offline.hidden = true; toast(t("app.back"), { stay: 3000 }); });
  try {
    await learn();
  } catch {
    // Whoever knocks finds out when it is back; until then the frame stands.
    frame(null);
    news.addEventListener("up", () => learn().then(() => go({ again: true })), { once: true });
    return;
  }
  if (route().screen?.name === "login" && may("read") && me().open) location.replace("#/");
  await go();
}

/** Asks now and then whether the service is back: a screen that asks for nothing itself should notice too. */
function knock() {
  if (offline.hidden) return;
  setTimeout(() => get("/healthz").catch(() => knock()), 2000);
}

begin();
