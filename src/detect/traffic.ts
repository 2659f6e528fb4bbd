import type { Finding } from '../model/anomaly.js';
import type { OperationBaseline } from '../model/baseline.js';
import type { Policy } from '../model/policy.js';
import { representedSpans } from '../model/rollup.js';
import { poissonLowerScore, poissonUpperScore } from '../model/tail.js';
import { notYetJudged, type OperationSignal, type OperationWindow } from './evidence.js';

/**
 * Traffic of an entry point, down or up: spans over the pooled windows against the Poisson tail of past windows, counts divided by how far these
 * differ beyond chance (at least 1: traffic is never steadier than Poisson). Operations inside the call graph are judged by calls a caller's span instead
 * (src/detect/calls.ts), so that less load at the door is told once, at the door. Unbroken windows are required: a gap in the stream is
 * not a drop. The newest window must deviate too.
 */
export const detectTraffic: OperationSignal = (operationId, windows, baseline, policy) => {
  const current = windows.at(-1);
  if (current === undefined || baseline.n === 0 || baseline.entries < baseline.n / 2) return null;
  const pooled = windows.slice(-policy.pooledWindows);
  const mean = baseline.perWindowSum / Math.max(1, baseline.windows);
  // Of sampled spans each stands for several, and chance moves them all at once.
  const weight = weightOf(windows);
  const variance = Math.max(mean * weight, baseline.perWindowSumSq / Math.max(1, baseline.windows) - mean * mean);
  const expected = mean * policy.pooledWindows;
  const n = pooled.reduce((sum, window) => sum + (window.rollup?.n ?? 0), 0);
  const observed = pooled.reduce((sum, window) => sum + (window.rollup ? representedSpans(window.rollup) : 0), 0);
  const isDrop = observed < expected;
  const phi = variance / mean;
  const score = isDrop
    ? poissonLowerScore(observed / phi, expected / phi)
    : poissonUpperScore(observed / phi, expected / phi);
  if (score < policy.windowScore) return null;
  const finding: Finding = {
    signal: 'traffic',
    operationId,
    callerId: 0,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: isDrop ? 'down' : 'up',
    quantile: null,
    observed: observed / policy.pooledWindows,
    expected: mean,
    unit: 'per_window',
    n,
    baselineN: Math.round(baseline.n),
    score,
    sinceMs: pooled[0]!.windowAtMs,
  };
  const learning = notYetJudged(baseline.windows, baseline.n, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (expected / weight < policy.traffic.minExpected) return { ...finding, reason: 'low_volume' };
  if (pooled.length < policy.pooledWindows) return { ...finding, reason: 'not_persistent' };
  const farEnough = isDrop
    ? observed <= expected * (1 - policy.traffic.minDrop)
    : observed >= expected * policy.traffic.minSurge;
  if (!farEnough) return { ...finding, reason: 'small_relative_effect' };
  // By half the effect: what is over must not be told for as long as its windows are among the newest.
  const now = current.rollup ? representedSpans(current.rollup) : 0;
  const lasts = isDrop ? now <= mean * (1 - policy.traffic.minDrop / 2) : now >= (mean * policy.traffic.minSurge) / 2;
  if (!lasts) return { ...finding, reason: 'not_persistent' };
  return { ...finding, raised: true, reason: 'raised' };
};

/** How many spans one received stands for, on average. */
function weightOf(windows: readonly OperationWindow[]): number {
  let n = 0;
  let represented = 0;
  for (const { rollup } of windows) {
    n += rollup?.n ?? 0;
    represented += rollup ? representedSpans(rollup) : 0;
  }
  return n === 0 ? 1 : represented / n;
}

/** An entry with traffic enough to be judged. */
export function isJudgedEntry(baseline: OperationBaseline, policy: Policy): boolean {
  const perWindow = baseline.perWindowSum / Math.max(1, baseline.windows);
  return (
    baseline.entries >= baseline.n / 2 &&
    perWindow * policy.pooledWindows >= policy.traffic.minExpected &&
    notYetJudged(baseline.windows, baseline.n, policy) === null
  );
}
