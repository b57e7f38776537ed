// Runs before anything is painted and before any module is here: a page in the dark does not flash, and what the first screen is made of
// is asked for while its modules are still on their way. `api.js` takes these answers in place of its own first questions.
(() => {
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const theme = kept("videoscan.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

  const ask = (path) => fetch(`/api/v1/${path}`, { headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" });
  const read = (answer) => (answer?.ok ? answer.clone().json() : null);
  // A question that depends on an answer before it comes to null where it is not to be asked.
  const answers = new Map([["me", ask("me")]]);
  const job = /^#\/jobs\/([0-9a-f]{24})(?:\?|$)/.exec(location.hash)?.[1];
  if (job) {
    const first = answers.get("me").then(read).then((who) => (who?.scopes.length ? ask(`jobs/${job}`) : null));
    const found = first.then(read);
    answers.set(`jobs/${job}`, first);
    answers.set(`jobs/${job}/preview`, found.then((told) => (told && told.kind !== "folder" ? ask(`jobs/${job}/preview`) : null)));
    answers.set(`jobs/${job}/timeline`, found.then((told) => (told?.state === "done" && told.kind !== "folder" ? ask(`jobs/${job}/timeline`) : null)));
  }
  // Whoever takes an answer sees what became of it; one that nobody takes is nobody's trouble.
  for (const answer of answers.values()) answer.catch(() => {});
  globalThis.videoscanEarly = answers;
})();
