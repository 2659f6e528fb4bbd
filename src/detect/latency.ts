import { dispersionOf, type OperationBaseline } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import { Histogram } from '../model/histogram.js';
import type { Policy } from '../model/policy.js';
import type { Rollup } from '../model/rollup.js';
import { notYetJudged, persistence, type OperationSignal, type WindowScore } from './evidence.js';
import { binomialUpperScore } from './tail.js';

/** The whole distribution is looked at twice: did the middle move, did the tail grow. */
const LEVELS = [0.5, 0.9] as const;

/**
 * Latency upwards. In each window the number of spans above the baseline's median (and above its upper decile) is held against the
 * binomial tail with the baseline's own share, counts divided by the over-dispersion of past windows. Needs N of M windows and an effect
 * on that quantile, absolute and relative. Operations too quiet for single windows are judged on pooled windows.
 */
export const detectLatency: OperationSignal = (operationId, windows, baseline, policy) => {
  const current = windows.at(-1);
  if (current?.rollup == null || current.rollup.n === 0) return null;
  const found = LEVELS.map((level) => judgeLevel(operationId, windows, baseline, policy, level));
  return found.reduce((best, finding) => (rank(finding) > rank(best) ? finding : best));
};

function rank(finding: Finding): number {
  return (finding.raised ? 1000 : 0) + finding.score;
}

function judgeLevel(
  operationId: number,
  windows: Parameters<OperationSignal>[1],
  baseline: OperationBaseline,
  policy: Policy,
  level: number,
): Finding {
  const current = windows.at(-1)!;
  const expected = baseline.latency.quantile(level) ?? 0;
  const share = (baseline.latency.countAbove(expected) + 0.5) / (baseline.latency.count + 1);
  const phi = dispersionOf(level === 0.5 ? baseline.medianChi : baseline.upperDecileChi);
  const scoreOf = (latency: Histogram): number =>
    // Two levels are tried: half the probability each.
    Math.max(0, binomialUpperScore(latency.countAbove(expected) / phi, latency.count / phi, share) - Math.log10(2));

  const rollups = windows.map((window) => window.rollup).filter((rollup): rollup is Rollup => rollup !== null);
  const latest = rollups.slice(-policy.ofM);
  const quiet = latest.some((rollup) => rollup.n < policy.minWindowN);
  const judged = quiet ? rollups.slice(-policy.pooledWindows) : latest;
  const pooled = judged.reduce((sum, rollup) => sum.merge(rollup.latency), new Histogram());
  const scores: WindowScore[] = judged.map((rollup) => ({
    windowAtMs: rollup.windowAtMs,
    n: rollup.n,
    score: scoreOf(rollup.latency),
  }));
  const verdict = quiet ? pooledVerdict(scores, scoreOf(pooled), policy) : persistence(scores, policy);

  // The effect is that of the deviating windows: one still normal window must not hide it.
  const since = verdict.deviating[0]?.windowAtMs ?? current.windowAtMs;
  const deviating = new Set(verdict.deviating.map((window) => window.windowAtMs));
  const shown = quiet || deviating.size === 0 ? pooled : merged(judged.filter((r) => deviating.has(r.windowAtMs)));
  const observed = shown.quantile(level) ?? 0;
  const finding: Finding = {
    signal: 'latency',
    operationId,
    callerId: 0,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: 'up',
    quantile: level,
    observed,
    expected,
    unit: 'us',
    n: shown.count,
    baselineN: baseline.latency.count,
    score: verdict.score,
    sinceMs: since,
  };
  const learning = notYetJudged(baseline.windows, baseline.latency.count, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (quiet && pooled.count < policy.minPooledN) return { ...finding, reason: 'low_volume' };
  if (verdict.deviating.length === 0) return finding;
  if (observed - expected < policy.latency.minAbsoluteUs) return { ...finding, reason: 'small_absolute_effect' };
  if (observed < expected * (1 + policy.latency.minRelative)) return { ...finding, reason: 'small_relative_effect' };
  if (!verdict.persistent) return { ...finding, reason: 'not_persistent' };
  return { ...finding, raised: true, reason: 'raised' };
}

/** A quiet series has one pooled test; still, more than one window must take part, and the newest. */
function pooledVerdict(
  scores: readonly WindowScore[],
  pooledScore: number,
  policy: Policy,
): ReturnType<typeof persistence> {
  const deviating = pooledScore >= policy.windowScore ? scores.filter((window) => window.score > 0.3) : [];
  const newest = scores.at(-1);
  return {
    deviating,
    score: pooledScore,
    persistent:
      pooledScore >= policy.pooledScore && deviating.length >= policy.nOf && newest !== undefined && newest.score > 0.3,
  };
}

function merged(rollups: readonly Rollup[]): Histogram {
  return rollups.reduce((sum, rollup) => sum.merge(rollup.latency), new Histogram());
}
