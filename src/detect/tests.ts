import type { EdgeBaseline, OperationBaseline } from '../model/baseline.js';
import type { Histogram } from '../model/histogram.js';
import type { Policy } from '../model/policy.js';
import { MIN_SHARE } from '../model/spread.js';
import { type CallWindow, notYetJudged, type OperationWindow } from './evidence.js';
import { isJudgedEntry } from './traffic.js';

/**
 * How many of an operation's series could be raised at all, whatever was seen in these windows: only those are chances of a false
 * discovery (Tarone 1990; Gilbert, Applied Statistics 54, 2005). Too few spans for the smallest probability to count, no failure
 * at all, or still learning: no test.
 */
export function operationTests(
  windows: readonly OperationWindow[],
  baseline: OperationBaseline,
  policy: Policy,
): number {
  if (notYetJudged(baseline.windows, baseline.n, policy) !== null) return 0;
  let [n, own, errors] = [0, 0, 0];
  for (const { rollup } of windows) {
    if (rollup === null) continue;
    n += rollup.n;
    own += rollup.selfTime.count;
    errors += rollup.errors;
  }
  return (
    (n >= leastSpans(policy) ? 1 : 0) +
    (own >= leastSpans(policy) && isLearned(baseline.selfTime, policy) ? 1 : 0) +
    (errors > 0 ? 1 : 0) +
    (isJudgedEntry(baseline, policy) ? 1 : 0)
  );
}

/** The same for the calls of one operation to another: how many there are, and the time between two services. */
export function callTests(windows: readonly CallWindow[], baseline: EdgeBaseline, policy: Policy): number {
  if (notYetJudged(baseline.windows, baseline.callerN, policy) !== null) return 0;
  let [callerN, between] = [0, 0];
  for (const window of windows) {
    callerN += window.callerN;
    between += window.edge?.gap.count ?? 0;
  }
  return (
    (callerN >= policy.calls.minCallerN && baseline.calls > 0 ? 1 : 0) +
    (between >= leastSpans(policy) && isLearned(baseline.gap, policy) ? 1 : 0)
  );
}

function isLearned(durations: Histogram, policy: Policy): boolean {
  return durations.count >= policy.minBaselineN;
}

/** With fewer spans even all of them beyond the limit are not rare enough for a lone discovery. */
function leastSpans({ falseDiscoveryRate }: Policy): number {
  return Math.ceil(Math.log(falseDiscoveryRate) / Math.log(MIN_SHARE));
}
