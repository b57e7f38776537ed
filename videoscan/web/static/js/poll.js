// Asks again and again for something that changes, at little cost: only while somebody looks, seldom when nothing moves.

import { getIfNew } from "./api.js";

/**
 * Asks for what `path()` says. `take(value)` gets what is new and answers how many milliseconds to wait until the next time.
 * `fail(fault)` gets what goes wrong. Answers `{ now, stop }`.
 */
export function poll(path, take, fail = () => {}) {
  let timer = 0;
  let etag = null;
  let asked = null;
  let wait = 2000;
  let stopped = false;
  let control = new AbortController();

  async function ask() {
    clearTimeout(timer);
    control.abort();
    control = new AbortController();
    const mine = control;
    try {
      const wanted = path();
      const found = await getIfNew(wanted, wanted === asked ? etag : null, { signal: mine.signal });
      if (stopped || mine !== control) return;
      if (found) {
        asked = wanted;
        etag = found.etag;
        wait = take(found.value) ?? wait;
      }
    } catch (fault) {
      if (stopped || mine !== control || fault.name === "AbortError") return;
      wait = 3000;
      etag = null;
      fail(fault);
    }
    if (document.visibilityState === "visible") timer = setTimeout(ask, wait);
  }

  const seen = () => { if (document.visibilityState === "visible") ask(); };
  document.addEventListener("visibilitychange", seen);
  ask();
  return {
    /** Asks at once, and takes what comes whether it is new or not: for after one has changed something. */
    now() {
      etag = null;
      return ask();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      control.abort();
      document.removeEventListener("visibilitychange", seen);
    },
  };
}
