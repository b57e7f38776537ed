// What a person did on this page, so that it can be taken back, the last first. Pure.

const MOST = 200;

/** The review of an event as the service is told that it was seen: see `seen` in its API. */
export function seen(event) {
  const review = event?.review;
  return { state: review?.state ?? null, by: review?.by ?? null, at: review?.at ?? null };
}

/** A stack of `{ id, label, after }`: which event, what was done, and how its review stood then. */
export class Undo {
  constructor() { this.done = []; }

  get size() { return this.done.length; }

  push(entry) {
    this.done.push(entry);
    if (this.done.length > MOST) this.done.shift();
  }

  /** The last that was done, taken off. */
  pop() { return this.done.pop() ?? null; }
}
