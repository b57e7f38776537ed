// The page's colours as a canvas takes them. Custom properties hold `light-dark()`, which only an element's own colour resolves.

const NAMES = {
  paper: "--paper", raised: "--raised", ink: "--ink", soft: "--soft", line: "--line", faint: "--faint", accent: "--accent",
  accentMid: "--accent-mid", accentFaint: "--accent-faint", warn: "--warn", warnFaint: "--warn-faint", gap: "--gap", gapFaint: "--gap-faint",
  hit: "--hit",
};

/** Colours as they are now, and `lanes`, those of the lanes. `within` is an element of the page. */
export function palette(within, lanes) {
  // A probe for each, all there before the first is read: the browser works styles out once.
  const box = document.createElement("span");
  box.hidden = true;
  const probe = (name) => {
    const made = document.createElement("span");
    made.style.color = `var(${name})`;
    box.append(made);
    return made;
  };
  const named = Object.entries(NAMES).map(([key, name]) => [key, probe(name)]);
  const numbered = Array.from({ length: lanes + 1 }, (_, at) => probe(`--lane-${at}`));
  within.append(box);
  const read = (made) => getComputedStyle(made).color;
  const colours = { ...Object.fromEntries(named.map(([key, made]) => [key, read(made)])), lanes: numbered.map(read) };
  box.remove();
  return colours;
}

/** Calls `listener` when the page becomes dark or light, until `signal` ends it. */
export function onTheme(listener, signal) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener, { signal });
  const watcher = new MutationObserver(listener);
  watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => watcher.disconnect());
}
