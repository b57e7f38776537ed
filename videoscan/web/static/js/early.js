// Runs before anything is painted, so that a page in the dark does not flash: the theme and the language that a person chose.
(() => {
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const theme = kept("videoscan.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
