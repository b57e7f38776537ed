// Light, dark, or as the system wishes. `early.js` reads the same choice before the page is painted.

const KEPT = "videoscan.theme";

/** `system`, `light` or `dark`. */
export function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

/** Takes a theme and remembers it. */
export function setTheme(name) {
  const root = document.documentElement;
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  try {
    if (name === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, name);
  } catch { /* it lasts as long as the page */ }
}
