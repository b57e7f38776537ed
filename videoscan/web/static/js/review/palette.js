// The page's colours as a canvas takes them. Custom properties hold `light-dark()`, which only an element's own colour resolves.

const NAMES = {
  paper: "--paper", raised: "--raised", ink: "--ink", soft: "--soft", line: "--line", faint: "--faint", accent: "--accent",
  accentMid: "--accent-mid", accentFaint: "--accent-faint", warn: "--warn", warnFaint: "--warn-faint", gap: "--gap", gapFaint: "--gap-faint",
  hit: "--hit",
};

/** Colours as they are now, and `lanes`, those of the lanes. `within` is an element of the page. */
export function palette(within, lanes) {
  const probe = document.createElement("span");
  probe.hidden = true;
  within.append(probe);
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [key, read(name)]));
  colours.lanes = Array.from({ length: lanes + 1 }, (_, at) => read(`--lane-${at}`));
  probe.remove();
  return colours;
}

/** Calls `listener` when the page becomes dark or light, until `signal` ends it. */
export function onTheme(listener, signal) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener, { signal });
  const watcher = new MutationObserver(listener);
  watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => watcher.disconnect());
}
