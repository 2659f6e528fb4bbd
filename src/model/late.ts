import type { WindowMeasure } from './rollup.js';
import { MINUTE_MS, WINDOW_MS } from './window.js';

/** So long after the end of a window its late spans are added to it, and again whenever as much time has passed. */
export const MEASURED_AGAIN_MS = MINUTE_MS;
/** Operations that are late are judged by so many windows before: by then their spans have been added. */
export const LATE_WINDOWS = MEASURED_AGAIN_MS / WINDOW_MS;
/** Whoever sends half of the spans or more too late is judged late: of the rest, what came in time says enough. */
const LATE_SHARE = 0.5;

/** Operations most of whose spans come after their windows were measured, as far as windows tell to which late spans have been added. */
function lateOperations(windows: readonly WindowMeasure[], nowMs: number): Set<number> {
  const counts = new Map<number, { n: number; late: number }>();
  for (const { windowAtMs, rollups } of windows) {
    const age = (nowMs - windowAtMs) / WINDOW_MS;
    if (age < LATE_WINDOWS || age >= 2 * LATE_WINDOWS) continue;
    for (const { operationId, n, lateN = 0 } of rollups) {
      const counted = counts.get(operationId);
      if (counted === undefined) {
        if (lateN > 0) counts.set(operationId, { n, late: lateN });
      } else {
        counted.n += n;
        counted.late += lateN;
      }
    }
  }
  return new Set([...counts].filter(([, { n, late }]) => late >= n * LATE_SHARE).map(([id]) => id));
}

/**
 * The newest `length` of the windows (of one tenant, oldest first, the last being judged; LATE_WINDOWS more must be given) as they are to be
 * judged: what operations that are late did, whom they called and what they wrote stands LATE_WINDOWS later than it happened. So a service
 * whose spans come later than a window waits for them is judged by whole windows, a minute after the others.
 */
export function asJudged(windows: readonly WindowMeasure[], length: number): WindowMeasure[] {
  const judged = windows.slice(-length);
  const newest = judged.at(-1);
  if (newest === undefined) return judged;
  const late = lateOperations(windows, newest.windowAtMs);
  if (late.size === 0) return judged;
  const byTime = new Map(windows.map((window) => [window.windowAtMs, window]));
  const key = [...late].sort((a, b) => a - b).join();
  return judged.map((window) => shifted(window, byTime.get(window.windowAtMs - LATE_WINDOWS * WINDOW_MS), late, key));
}

interface Shifted {
  source: WindowMeasure | undefined;
  key: string;
  window: WindowMeasure;
}

/** A window is looked at in as many judgements as there are windows of history: it is made once, unless others are late. */
const made = new WeakMap<WindowMeasure, Shifted>();

function shifted(
  now: WindowMeasure,
  source: WindowMeasure | undefined,
  late: ReadonlySet<number>,
  key: string,
): WindowMeasure {
  const known = made.get(now);
  if (known !== undefined && known.source === source && known.key === key) return known.window;
  const merge = <T>(list: (window: WindowMeasure) => readonly T[], whose: (item: T) => number): T[] => [
    ...list(now).filter((item) => !late.has(whose(item))),
    ...(source === undefined ? [] : list(source).filter((item) => late.has(whose(item)))),
  ];
  const window: WindowMeasure = {
    ...now,
    rollups: merge(
      ({ rollups }) => rollups,
      ({ operationId }) => operationId,
    ),
    edges: merge(
      ({ edges }) => edges,
      ({ callerId }) => callerId,
    ),
    events: merge(
      ({ events = [] }) => events,
      ({ operationId }) => operationId,
    ),
  };
  made.set(now, { source, key, window });
  return window;
}
