// Follows a job's feed (server-sent events). A lost connection is taken up where it broke: the last number that was read goes along, so
// nothing is missed and nothing comes twice. `EventSource` would not say why it was refused, nor for how long it waits: hence `fetch`.

import { BASE, reached } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/**
 * Follows the feed of `job` until it ends or `close()` is called.
 * `handlers.event(kind, data, id)` gets each event; `handlers.state(state, detail)` gets `connecting`, `live`, `lost` (detail: seconds
 * until the next try), `ended` (the job has ended and all is told) or `refused` (detail: the status).
 * `after` is the number of the last event that is known already. With `stay` it is followed after the job's end too, for corrections and
 * new attempts, and never `ended`.
 */
export function follow(job, handlers, { after = "", stay = false } = {}) {
  const control = new AbortController();
  let last = String(after);
  let waited = 0;

  const tell = (state, detail) => { if (!control.signal.aborted) handlers.state?.(state, detail); };

  async function run() {
    tell("connecting");
    while (!control.signal.aborted) {
      try {
        const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
        const answer = await fetch(`${BASE}/jobs/${job}/feed${stay ? "?follow=true" : ""}`, { headers, signal: control.signal, cache: "no-store" });
        if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return tell("refused", answer.status);
        if (!answer.ok) throw new Error(String(answer.status));
        reached(true);
        waited = 0;
        tell("live");
        if (await read(answer.body)) return tell("ended");
      } catch {
        if (control.signal.aborted) return undefined;
      }
      waited = Math.min(LONGEST_WAIT, waited ? waited * 2 : FIRST_WAIT);
      tell("lost", waited / 1000);
      await pause(waited, control.signal);
    }
    return undefined;
  }

  /** Reads events; whether the feed came to its end. */
  async function read(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      rest += value;
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const event = parsed(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (!event) continue;
        if (event.id) last = event.id;
        if (event.kind === "end") return true;
        if (!control.signal.aborted) handlers.event?.(event.kind, event.data, event.id);
      }
    }
  }

  run();
  return { close: () => control.abort() };
}

/** One event: `{ kind, data, id }`, `null` for a comment or one that only sets how long to wait. */
export function parsed(block) {
  let kind = "";
  let id = null;
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return kind ? { kind, id, data: data.length ? JSON.parse(data.join("\n")) : {} } : null;
}

/** Waits; sooner where this machine comes back to the network or the page to the front. */
function pause(milliseconds, signal) {
  return new Promise((done) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      document.removeEventListener("visibilitychange", seen);
      signal.removeEventListener("abort", go);
      done();
    };
    const seen = () => { if (document.visibilityState === "visible") go(); };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
    document.addEventListener("visibilitychange", seen);
    signal.addEventListener("abort", go);
  });
}
