import { Histogram } from '../model/histogram.js';
import {
  dispersionOf,
  driftOf,
  LEVELS,
  limitBeyond,
  type Margin,
  observeDrift,
  observeShare,
  observeStrange,
  shareAbove,
  shareScore,
  type Spread,
} from '../model/spread.js';

/** Fewer values in a window or minute, or in the past, say nothing of how windows differ. */
const MIN_VALUES = 3;
const MIN_PAST = 30;
const MIN_FOR_MEDIAN = 10;

/**
 * How far the windows of one minute, each for itself and all together, strayed from the past in the share of values plainly beyond the
 * past's quantiles.
 */
export function observeDurations(
  spread: Spread,
  past: Histogram,
  pastWindows: number,
  windows: readonly Histogram[],
  margin: Margin,
): void {
  if (past.count < MIN_PAST) return;
  const drift = driftOf(spread);
  LEVELS.forEach(({ tail }, i) => {
    const limit = limitBeyond(past.quantile(tail)!, margin, pastWindows, drift);
    const share = shareAbove(past, limit);
    let minuteAbove = 0;
    let minuteN = 0;
    for (const window of windows) {
      const above = window.countAbove(limit);
      const n = window.count;
      if (n === 0) continue;
      const dispersion = dispersionOf(spread.window[i]!, n);
      observeStrange(spread, i, shareScore(above, n, share, dispersion, past.count));
      if (n >= MIN_VALUES) observeShare(spread.window[i]!, above, n, share, past.count);
      minuteAbove += above;
      minuteN += n;
    }
    if (minuteN >= MIN_VALUES) observeShare(spread.minute[i]!, minuteAbove, minuteN, share, past.count);
  });
  // A median of few values is chance: quiet series are looked at by the minute.
  const busy = windows.filter((window) => window.count >= MIN_FOR_MEDIAN);
  const minute = windows.reduce((sum, window) => sum.merge(window), new Histogram());
  if (busy.length > 0) for (const window of busy) observeDrift(spread, past, window);
  else if (minute.count >= MIN_VALUES) observeDrift(spread, past, minute);
}
