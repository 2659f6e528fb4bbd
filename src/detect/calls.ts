import { dispersionOf } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import { notYetJudged, type CallSignal } from './evidence.js';
import { binomialLowerScore, normalUpperScore } from './tail.js';

/**
 * Calls one operation makes to another for each of its own spans, in the sampled traces of the pooled windows: vanished (down) or
 * multiplied (up, retries and N+1). Down: binomial tail where a span calls at most once, else normal with Poisson variance; both with
 * the over-dispersion of past windows. The deviation must hold in the newest windows too, so that one odd trace does not linger.
 */
export const detectCalls: CallSignal = (callerId, calleeId, windows, baseline, policy) => {
  const pooled = windows.slice(-policy.pooledWindows);
  const current = pooled.at(-1);
  if (current === undefined || baseline.callerN === 0) return null;
  const callerN = pooled.reduce((sum, window) => sum + window.callerN, 0);
  if (callerN === 0) return null;
  const calls = pooled.reduce((sum, window) => sum + (window.edge?.calls ?? 0), 0);
  const expected = baseline.calls / baseline.callerN;
  const observed = calls / callerN;
  const isDrop = observed < expected;
  const phi = dispersionOf(baseline.callsChi);
  const z = Math.abs(calls - expected * callerN) / Math.sqrt(phi * Math.max(expected * callerN, 1));
  const score =
    isDrop && expected <= 1
      ? binomialLowerScore(calls / phi, callerN / phi, (baseline.calls + 0.5) / (baseline.callerN + 1))
      : normalUpperScore(z);
  if (score < policy.windowScore) return null;
  const finding: Finding = {
    signal: 'calls',
    operationId: calleeId,
    callerId,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: isDrop ? 'down' : 'up',
    quantile: null,
    observed,
    expected,
    unit: 'calls_per_call',
    n: callerN,
    baselineN: Math.round(baseline.callerN),
    score,
    sinceMs: firstDeviating(pooled, expected, isDrop),
  };
  const learning = notYetJudged(baseline.windows, baseline.callerN, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (callerN < policy.calls.minCallerN) return { ...finding, reason: 'low_volume' };
  if (isDrop && expected < policy.calls.minExpectedRatio) return { ...finding, reason: 'small_absolute_effect' };
  const farEnough = isDrop
    ? observed <= expected * (1 - policy.calls.minDrop)
    : observed >= expected * 2 && observed >= expected + policy.calls.minSurge;
  if (!farEnough) return { ...finding, reason: 'small_relative_effect' };
  if (score < policy.totalScore) return finding;
  if (!stillDeviates(pooled, expected, isDrop, policy.ofM, policy.nOf)) return { ...finding, reason: 'not_persistent' };
  return { ...finding, raised: true, reason: 'raised' };
};

type Windows = Parameters<CallSignal>[2];

/** A window speaks when its caller was at work; it deviates when it lies on the same side by half the effect asked for. */
function deviates(window: Windows[number], expected: number, isDrop: boolean): boolean {
  if (window.callerN === 0) return false;
  const ratio = (window.edge?.calls ?? 0) / window.callerN;
  return isDrop ? ratio <= expected * 0.75 : ratio >= expected * 1.5;
}

function firstDeviating(windows: Windows, expected: number, isDrop: boolean): number {
  const first = windows.find((window) => deviates(window, expected, isDrop));
  return (first ?? windows[0]!).windowAtMs;
}

function stillDeviates(windows: Windows, expected: number, isDrop: boolean, ofM: number, nOf: number): boolean {
  const speaking = windows.filter((window) => window.callerN > 0).slice(-ofM);
  const deviating = speaking.filter((window) => deviates(window, expected, isDrop));
  const newest = speaking.at(-1);
  return (
    newest !== undefined && deviates(newest, expected, isDrop) && deviating.length >= Math.min(nOf, speaking.length)
  );
}
