// Runs before anything is painted and before any module is here; it is sent within the page. A page in the dark does not flash, and what the
// first screen is made of is asked for at once: first what it shows, which `api.js` takes in place of its own first questions, then the modules.
(() => {
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const theme = kept("videoscan.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

  const ask = (path) => fetch(`/api/v1/${path}`, { headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" });
  const content = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
  const answers = new Map();
  const me = content("videoscan-me");
  if (me) answers.set("me", Promise.resolve(new Response(me, { headers: { "Content-Type": "application/json" } })));
  const job = /^#\/jobs\/([0-9a-f]{24})(?:\?|$)/.exec(location.hash)?.[1];
  if (job && me && JSON.parse(me).scopes.length) {
    for (const path of [`jobs/${job}`, `jobs/${job}/preview`]) answers.set(path, ask(path));
    // None is no fault of anybody's yet.
    answers.set(`jobs/${job}/timeline`, ask(`jobs/${job}/timeline?if_any=true`).then((answer) => (answer.status === 204 ? null : answer)));
  }
  // Whoever takes an answer sees what became of it; one that nobody takes is nobody's trouble.
  for (const answer of answers.values()) answer.catch(() => {});
  globalThis.videoscanEarly = answers;

  // A module tells what it imports only when it has come. The service says which belong together.
  const told = content("videoscan-modules");
  if (!told) return;
  const { at, frame, screens } = JSON.parse(told);
  const name = job ? "job" : (/^#\/(\w+)/.exec(location.hash)?.[1] ?? "jobs");
  for (const module of [...frame, ...(screens[name] ?? [])]) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "modulepreload", href: at + module, fetchPriority: "low" });
    document.head.append(link);
  }
})();
