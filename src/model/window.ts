/** Length of an event-time window. A window is half-open, [atMs, atMs + WINDOW_MS), and named by its start in epoch milliseconds. */
export const WINDOW_MS = 10_000;
/** Windows are learned a minute at a time. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** Start of the window that contains the instant. */
export function windowOf(instantMs: number): number {
  return Math.floor(instantMs / WINDOW_MS) * WINDOW_MS;
}

export function floorMinute(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}

export function floorHour(instantMs: number): number {
  return Math.floor(instantMs / HOUR_MS) * HOUR_MS;
}

/** Starts of all windows in the half-open range [fromMs, toMs), oldest first; both ends must be window starts. */
export function windowsBetween(fromMs: number, toMs: number): number[] {
  const starts: number[] = [];
  for (let at = fromMs; at < toMs; at += WINDOW_MS) starts.push(at);
  return starts;
}
