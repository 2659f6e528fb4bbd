import type { Histogram } from '../model/histogram.js';
import {
  dispersionOf,
  LEVELS,
  limitBeyond,
  type Margin,
  observeShare,
  observeStrange,
  shareAbove,
  shareScore,
  type Spread,
} from '../model/spread.js';

/** Fewer values in a window or minute, or in the past, say nothing of how windows differ. */
const MIN_VALUES = 3;
const MIN_PAST = 30;

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
  LEVELS.forEach(({ tail }, i) => {
    const limit = limitBeyond(past.quantile(tail)!, margin, pastWindows);
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
}
