/** Silence in the data lasts at most this long on the clock; in event time it stays as it was. */
export const MAX_PAUSE_MS = 5_000;

/** The spans that ended within one slice of event time, sent together. */
export interface Tick {
  /** Half-open range of positions in the order of ends. */
  from: number;
  to: number;
  /** End of the slice, nanoseconds on the data's own scale. */
  endNs: number;
  /** When it is due, milliseconds after the start of the replay. */
  dueMs: number;
}

/**
 * Cuts spans, ordered by their end, into slices of `tickNs` of event time and says when each is due at `speed` times real
 * time. Slices without spans are left out. Pure: `endNs(i)` gives the end of the i-th span.
 */
export function* ticksOf(
  count: number,
  endNs: (position: number) => number,
  tickNs: number,
  speed: number,
): Generator<Tick, void, undefined> {
  let from = 0;
  let previousEndNs = count > 0 ? endNs(0) : 0;
  let dueMs = 0;
  while (from < count) {
    const sliceEndNs = Math.floor(endNs(from) / tickNs) * tickNs + tickNs;
    let to = from;
    while (to < count && endNs(to) < sliceEndNs) to += 1;
    dueMs += Math.min((sliceEndNs - previousEndNs) / 1e6 / speed, MAX_PAUSE_MS);
    yield { from, to, endNs: sliceEndNs, dueMs };
    previousEndNs = sliceEndNs;
    from = to;
  }
}
