// Which lane of the time bar an event lies in, and in which colour: one lane for each of the commonest tags, one for all else.

export const MOST = 5;

/** Tags by how many events carry them, the commonest first: `[tag, count]`. */
export function counted(events) {
  const found = new Map();
  for (const { tags } of events) {
    for (let at = 0; at < tags.length; at += 1) if (tags.indexOf(tags[at]) === at) found.set(tags[at], (found.get(tags[at]) ?? 0) + 1);
  }
  return [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/**
 * The lanes: `{ lanes: [tag | null], of: Map(event id -> lane) }`; `null` is the lane of what has none of these tags. An event with
 * several of them lies in the lane of its rarest, which says most of it.
 */
export function lanes(events, most = MOST) {
  const tags = counted(events);
  // A tag that nearly every event has tells none apart from another, if there are others.
  const telling = tags.filter(([, count]) => count < events.length * 0.95);
  const named = (telling.length ? telling : tags).slice(0, most).map(([tag]) => tag);
  const place = new Map(named.map((tag, at) => [tag, at]));
  const of = new Map();
  let others = false;
  for (const event of events) {
    let lane = -1;
    for (const tag of event.tags) lane = Math.max(lane, place.get(tag) ?? -1);
    of.set(event.id, lane < 0 ? named.length : lane);
    others ||= lane < 0;
  }
  return { lanes: others || !named.length ? [...named, null] : named, of, named: named.length };
}

/** The number of a lane's colour: `--lane-0` and so on; that of all else has its own. */
export const colour = (found, lane) => (lane < found.named ? lane : MOST);
