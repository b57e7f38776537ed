// The list of jobs: live, with what is on its way to it, and what to do where there is none.

import { get, post, query, remove, sentence } from "../api.js";
import { add, fill, h } from "../dom.js";
import { dropped, holdsFiles } from "../files.js";
import { icon } from "../icons.js";
import { poll } from "../poll.js";
import { about } from "../profiles.js";
import { may } from "../session.js";
import { toast } from "../talk.js";
import { t } from "../texts.js";
import { jobRow } from "./jobrow.js";
import { addVideos } from "./upload.js";
import { uploadList } from "./uploadlist.js";
import { empty } from "./welcome.js";

const FILTERS = { all: [], active: ["queued", "running"], done: ["done"], failed: ["failed", "cancelled"] };
const PAGE = 50;
const UNDO_STAY = 6000;

/** The screen. `params`: `folder` (the id of a folder's job), `show` (a filter), `name`. */
export function mount(root, params) {
  const control = new AbortController();
  const rows = new Map();
  const leaving = new Map();
  const wanted = { show: FILTERS[params.show] ? params.show : "all", name: params.name ?? "", most: PAGE };
  const list = h("ul", { class: "jobs", "aria-label": t("jobs.list") });
  const below = h("div", { class: "jobs-below" });
  const welcome = h("div", {});
  const counts = {};

  const field = h("input", {
    type: "search", placeholder: t("jobs.filter"), "aria-label": t("jobs.filter"), value: wanted.name, autocomplete: "off",
    oninput: () => { wanted.name = field.value.trim(); wanted.most = PAGE; asking.now(); },
  });
  const segment = (name) => {
    const count = h("span", { class: "num muted" });
    counts[name] = count;
    return h("button", {
      type: "button", "aria-pressed": String(name === wanted.show),
      onclick: (event) => {
        wanted.show = name;
        for (const each of event.currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        asking.now();
      },
    }, t(`jobs.${name}`), count);
  };
  const tools = h("div", { class: "jobs-tools" },
    h("div", { class: "segments", role: "group", "aria-label": t("jobs.filters") }, Object.keys(FILTERS).map(segment)), field);
  const title = h("h1", {}, t("jobs.title"));
  const start = h("button", { type: "button", class: "button main", disabled: !may("submit"), onclick: () => addVideos({ started: () => asking.now() }) }, icon("add"), t("jobs.add"));
  const back = params.folder ? h("a", { class: "crumb", href: "#/" }, icon("back"), t("jobs.folder.back")) : null;
  if (params.folder) nameOf(params.folder, title);

  add(root, back, h("div", { class: "screen-head" }, title, start), uploadList(control.signal, () => asking.now()), tools, list, below, welcome);
  catchDrops(root, control.signal, () => asking.now());

  const path = () => `jobs${query({ state: FILTERS[wanted.show], q: wanted.name, parent: params.folder, limit: wanted.most })}`;

  function take(page) {
    const shown = page.jobs.filter((job) => !leaving.has(job.id));
    const ids = new Set(shown.map((job) => job.id));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    shown.forEach((job, place) => {
      const more = { outcome: page.outcomes[job.id] ?? null, within: page.within[job.id] ?? null };
      let row = rows.get(job.id);
      if (!row) {
        row = jobRow(job, more, acts);
        rows.set(job.id, row);
      } else row.update(job, more);
      if (list.children[place] !== row.element) list.insertBefore(row.element, list.children[place] ?? null);
    });
    const all = Object.values(page.counts).reduce((sum, each) => sum + each, 0);
    const nothing = all === 0 && !wanted.name;
    for (const [name, states] of Object.entries(FILTERS)) {
      const count = (states.length ? states : Object.keys(page.counts)).reduce((sum, state) => sum + (page.counts[state] ?? 0), 0);
      counts[name].textContent = params.folder || !count || name === "all" ? "" : String(count);
    }
    tools.hidden = nothing;
    list.hidden = !shown.length;
    start.hidden = nothing;
    if (nothing && !welcome.firstChild) add(welcome, empty({ started: () => asking.now() }));
    if (!nothing) fill(welcome);
    fill(below, notes(page, shown, nothing));
    return shown.some((job) => job.state === "running" || job.state === "queued") ? 1500 : 6000;
  }

  function notes(page, shown, nothing) {
    if (!shown.length && !nothing) {
      const clear = () => {
        field.value = wanted.name = "";
        tools.querySelector("button").click();
      };
      return h("div", { class: "nothing" }, h("p", {}, t("jobs.match")), h("button", { type: "button", class: "button", onclick: clear }, t("jobs.clear")));
    }
    if (page.next === null) return null;
    return h("button", { type: "button", class: "button", onclick: () => { wanted.most = Math.min(500, wanted.most + PAGE); asking.now(); } }, t("do.more"));
  }

  async function act(work, said, undo = null) {
    try {
      await work();
      toast(said, { action: undo });
    } catch (fault) {
      toast(sentence(fault));
    }
    asking.now();
  }

  const acts = {
    cancel: (job) => act(() => post(`jobs/${job.id}/cancel`), t("job.cancelled", { name: job.name }),
      { label: t("do.undo"), run: () => acts.retry(job) }),
    retry: (job) => act(() => post(`jobs/${job.id}/retry`), t("job.retried", { name: job.name })),
    // It goes from the list at once, and from the service when nobody has taken it back for a while.
    delete(job) {
      const element = rows.get(job.id)?.element;
      const next = element?.nextElementSibling ?? element?.previousElementSibling;
      element?.remove();
      rows.delete(job.id);
      (next?.querySelector("a") ?? field).focus();
      const go = () => {
        if (!leaving.has(job.id)) return;
        clearTimeout(leaving.get(job.id));
        leaving.delete(job.id);
        remove(`jobs/${job.id}`).catch((fault) => { toast(sentence(fault)); }).finally(() => asking.now());
      };
      leaving.set(job.id, setTimeout(go, UNDO_STAY));
      toast(t("job.deleted", { name: job.name }), {
        stay: UNDO_STAY,
        action: { label: t("do.undo"), run: () => { clearTimeout(leaving.get(job.id)); leaving.delete(job.id); asking.now(); } },
      });
    },
  };

  const asking = poll(path, take);
  // So that the dialog opens at once when it is wanted.
  if (may("submit")) about().catch(() => {});
  return () => {
    asking.stop();
    control.abort();
    for (const [id, timer] of leaving) {
      clearTimeout(timer);
      remove(`jobs/${id}`).catch(() => {});
    }
  };
}

async function nameOf(id, title) {
  try {
    title.textContent = (await get(`jobs/${id}`)).name;
  } catch { /* the list says what is wrong */ }
}

/** Whatever is dropped anywhere on the screen is meant for it. */
function catchDrops(root, signal, started) {
  const veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("p", { class: "large" }, t("jobs.drop")));
  root.append(veil);
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0 || document.querySelector("dialog[open]") !== null;
  };
  const options = { signal };
  addEventListener("dragenter", (event) => { if (holdsFiles(event)) show(1); }, options);
  addEventListener("dragleave", (event) => { if (holdsFiles(event)) show(-1); }, options);
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); }, options);
  addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(-depth);
    if (document.querySelector("dialog[open]") || !may("submit")) return;
    addVideos({ files: await dropped(event.dataTransfer), started });
  }, options);
}
