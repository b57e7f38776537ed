// The report without this is complete; with it, the bar and the list point at each other and the list can be filtered.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const list = $("list");
  const events = [...document.querySelectorAll(".event")];
  const marks = [...document.querySelectorAll(".lanes [data-i]")];
  const bar = $("bar"), needle = $("needle"), readout = $("readout"), dock = $("dock"), viewer = $("viewer");
  const duration = Number(bar.dataset.duration);
  const day = bar.dataset.day === undefined ? null : Number(bar.dataset.day);
  const spans = events.map((e) => [Number(e.dataset.start), Number(e.dataset.end)]);
  const ids = events.map((e) => e.id);
  const position = new Map(events.map((e, i) => [e, i]));
  let current = -1;

  // Of thousands of events the first are there at once. The rest are text until there is time, or until one of them is asked for.
  const rows = $("rest") ? $("rest").textContent.split("<!--row-->").slice(1, -1) : [];
  for (const row of rows) {
    const [, id, start, end] = row.match(/ id="([^"]*)" data-start="([^"]*)" data-end="([^"]*)"/);
    ids.push(id);
    spans.push([Number(start), Number(end)]);
  }
  const total = events.length + rows.length;
  let added = 0;
  function add(count) {
    if (added === rows.length || count < 1) return;
    list.insertAdjacentHTML("beforeend", rows.slice(added, added + count).join(""));
    added = Math.min(rows.length, added + count);
    const all = list.getElementsByClassName("event");
    for (let i = events.length, row = all[i]; row; row = all[++i]) {
      events.push(row);
      position.set(row, i);
    }
  }
  const there = (i) => { add(i + 1 - events.length); return events[i]; };
  const soon = window.requestIdleCallback || ((then) => setTimeout(() => then({ timeRemaining: () => 10 }), 50));
  const more = (left) => {
    do add(8); while (left.timeRemaining() > 8 && added < rows.length);
    if (added < rows.length) soon(more);
  };
  if (rows.length) addEventListener("load", () => soon(more));
  addEventListener("beforeprint", () => there(total - 1));

  for (const id of ["tools", "chips", "zoom"]) if ($(id)) $(id).hidden = false;
  document.documentElement.classList.add("live");

  const two = (n) => String(n).padStart(2, "0");
  const clock = (seconds, always) => {
    const s = Math.floor(seconds), h = Math.floor(s / 3600);
    const tail = two(s % 60);
    return h || always ? `${always ? two(h) : h}:${two(Math.floor(s / 60) % 60)}:${tail}` : `${Math.floor(s / 60)}:${tail}`;
  };

  // Current event: one, marked in both places.
  function choose(i, { scroll = true } = {}) {
    if (current >= 0) {
      events[current].removeAttribute("aria-current");
      marks[current].classList.remove("current");
    }
    current = i;
    if (i < 0) return;
    there(i);
    events[i].setAttribute("aria-current", "true");
    marks[i].classList.add("current");
    if (scroll) events[i].scrollIntoView({ block: "start" });
    reveal((spans[i][0] + spans[i][1]) / 2 / duration);
  }
  function step(by) {
    let i = current < 0 && by < 0 ? events.length : current;
    do i += by; while (events[i] && events[i].hidden);
    if (i >= 0 && i < total) choose(i);
  }
  const hot = (i, on) => {
    if (i === undefined || i < 0) return;
    marks[i].classList.toggle("hot", on);
    events[i]?.classList.toggle("hot", on);
  };
  const over = (on) => (happening) => {
    const event = happening.target.closest(".event");
    if (event) return hot(position.get(event), on);
    const mark = happening.target.closest(".lanes [data-i]");
    if (mark) hot(Number(mark.dataset.i), on);
  };
  document.addEventListener("pointerover", over(true));
  document.addEventListener("pointerout", over(false));
  list?.addEventListener("click", (happening) => {
    const event = happening.target.closest(".event");
    if (event && !happening.target.closest("a") && !String(getSelection())) choose(position.get(event), { scroll: false });
  });

  // Zoom: the bar gets wider than its window. What was in the middle, or is named, stays in sight.
  const pane = $("window"), widths = [1, 4, 16];
  let level = 0;
  function reveal(share) {
    const x = share * bar.offsetWidth, margin = pane.clientWidth * 0.1;
    if (x < pane.scrollLeft + margin || x > pane.scrollLeft + pane.clientWidth - margin) pane.scrollLeft = x - pane.clientWidth / 2;
  }
  function zoom(by) {
    const middle = (pane.scrollLeft + pane.clientWidth / 2) / bar.offsetWidth;
    const share = current < 0 ? middle : spans[current][0] / duration;
    level = Math.min(widths.length - 1, Math.max(0, level + by));
    widths.forEach((_, i) => bar.classList.toggle(`zoom-${i}`, i === level));
    pane.scrollLeft = share * bar.offsetWidth - pane.clientWidth / 2;
    $("out").disabled = level === 0;
    $("in").disabled = level === widths.length - 1;
  }
  zoom(0);
  $("in").addEventListener("click", () => zoom(1));
  $("out").addEventListener("click", () => zoom(-1));

  const anchored = () => ids.indexOf(decodeURIComponent(location.hash).slice(1));
  window.addEventListener("hashchange", () => choose(anchored()));
  if (location.hash) choose(anchored());

  // The bar: a read-out under the pointer; a click beside the events goes to the nearest one.
  bar.addEventListener("pointermove", (happening) => {
    const box = bar.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (happening.clientX - box.left) / box.width));
    const at = share * duration;
    needle.hidden = false;
    needle.style.left = `${share * 100}%`;
    needle.classList.toggle("left", happening.clientX > pane.getBoundingClientRect().left + pane.clientWidth / 2);
    const mark = happening.target.closest(".lanes [data-i]");
    const title = mark ? `  ${there(Number(mark.dataset.i)).querySelector("h3").textContent}` : "";
    readout.textContent = clock(at) + (day === null ? "" : `  ${clock((day + at) % 86400, true)}`) + title.slice(0, 80);
  });
  bar.addEventListener("pointerleave", () => { needle.hidden = true; });
  bar.addEventListener("click", (happening) => {
    const mark = happening.target.closest(".lanes [data-i]");
    if (mark) { happening.preventDefault(); return choose(Number(mark.dataset.i)); }
    const box = bar.getBoundingClientRect();
    const at = (happening.clientX - box.left) / box.width * duration;
    let best = -1, distance = Infinity;
    spans.forEach(([start, end], i) => {
      const away = at < start ? start - at : at > end ? at - end : 0;
      if (!events[i]?.hidden && away < distance) { best = i; distance = away; }
    });
    if (best >= 0) choose(best);
  });

  // Filter: every word and every pressed tag must be there, and of each field one of its pressed values.
  const filter = $("filter"), chips = [...document.querySelectorAll(".chip")];
  let texts = null;
  function narrow() {
    there(total - 1);
    texts ||= events.map((e) => e.textContent.toLowerCase());
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const pressed = chips.filter((c) => c.getAttribute("aria-pressed") === "true");
    const wanted = pressed.filter((c) => c.dataset.tag !== undefined).map((c) => c.dataset.tag);
    const values = new Map();
    for (const { dataset: { field, value } } of pressed) if (field !== undefined) values.set(field, [...(values.get(field) || []), value]);
    let left = 0;
    events.forEach((event, i) => {
      const tags = wanted.length ? [...event.querySelectorAll(".tag")].map((t) => t.textContent) : [];
      const facts = values.size ? new Map([...event.querySelectorAll(".attributes dt")].map((t) => [t.textContent, t.nextElementSibling.textContent])) : null;
      const fits = words.every((w) => texts[i].includes(w)) && wanted.every((w) => tags.includes(w))
        && [...values].every(([name, any]) => any.includes(facts.get(name)));
      event.hidden = !fits;
      marks[i].classList.toggle("out", !fits);
      left += fits;
    });
    $("count").textContent = (left === events.length ? "" : `${left.toLocaleString("en")} of `) + events.length.toLocaleString("en");
    $("nomatch").hidden = left > 0;
    for (const quiet of document.querySelectorAll(".quiet")) quiet.hidden = left < events.length;
    if (current >= 0 && events[current].hidden) choose(-1);
  }
  if (filter) filter.addEventListener("input", narrow);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      narrow();
    });
  }

  // Enlarged pictures: the same picture, copied into the dialog with its outline.
  const frames = () => [...document.querySelectorAll(".event:not([hidden]) .frame")];
  let shown = null;
  function enlarge(frame) {
    shown = frame;
    $("stage").replaceChildren(...[...frame.children].map((child) => child.cloneNode(true)));
    $("caption").textContent = frame.dataset.caption;
    if (!viewer.open) viewer.showModal();
  }
  function turn(by) {
    const all = frames(), next = all[all.indexOf(shown) + by];
    if (!next) return;
    choose(position.get(next.closest(".event")));
    enlarge(next);
  }
  document.addEventListener("click", (happening) => {
    const frame = happening.target.closest(".event .frame");
    if (frame) enlarge(frame);
    else if (happening.target === viewer || happening.target.closest("#close")) viewer.close();
  });
  viewer.addEventListener("close", () => { if (shown) shown.focus({ preventScroll: true }); shown = null; });

  document.addEventListener("keydown", (happening) => {
    if (happening.ctrlKey || happening.metaKey || happening.altKey) return;
    if (viewer.open) {
      const by = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 }[happening.key];
      if (by) { happening.preventDefault(); turn(by); }
      return;
    }
    if (happening.target.matches("input")) {
      if (happening.key === "Escape") { filter.value = ""; narrow(); filter.blur(); }
      return;
    }
    if (happening.key === "j") step(1);
    else if (happening.key === "k") step(-1);
    else if (happening.key === "+") zoom(1);
    else if (happening.key === "-") zoom(-1);
    else if (happening.key === "/" && filter) filter.focus();
    else if (happening.key === "o" && current >= 0) {
      const frame = events[current].querySelector(".frame");
      if (frame) enlarge(frame);
    } else return;
    happening.preventDefault();
  });

  // What is scrolled to must not end up under the bar.
  const measure = () => document.documentElement.style.setProperty("--dock", getComputedStyle(dock).position === "sticky" ? `${dock.offsetHeight}px` : "0px");
  new ResizeObserver(measure).observe(dock);
})();
