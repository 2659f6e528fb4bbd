import { dispersionOf } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import { notYetJudged, persistence, type OperationSignal } from './evidence.js';
import { binomialUpperScore } from './tail.js';

/**
 * Error ratio upwards: errors of each window against the binomial tail of the baseline's ratio, counts divided by past over-dispersion.
 * The past ratio is (errors + 0.5) / (n + 1), so that an operation that never failed is not expected never to fail.
 */
export const detectErrors: OperationSignal = (operationId, windows, baseline, policy) => {
  const current = windows.at(-1);
  if (current?.rollup == null || current.rollup.n === 0) return null;
  const expected = (baseline.errors + 0.5) / (baseline.n + 1);
  const phi = dispersionOf(baseline.errorChi);
  const latest = windows.slice(-policy.pooledWindows).filter((window) => window.rollup !== null);
  const verdict = persistence(
    latest.map(({ windowAtMs, rollup }) => ({
      windowAtMs,
      n: rollup!.n,
      score: binomialUpperScore(rollup!.errors / phi, rollup!.n / phi, expected),
    })),
    // Errors are rarer than slow spans: one window of a quiet operation seldom holds enough of them.
    { ...policy, ofM: policy.pooledWindows, windowScore: policy.windowScore / 2 },
  );
  const first = verdict.deviating[0]?.windowAtMs ?? current.windowAtMs;
  const shown = latest.filter((window) => window.windowAtMs >= first);
  const n = shown.reduce((sum, window) => sum + window.rollup!.n, 0);
  const errors = shown.reduce((sum, window) => sum + window.rollup!.errors, 0);
  if (errors === 0) return null;
  const observed = errors / n;
  const finding: Finding = {
    signal: 'errors',
    operationId,
    callerId: 0,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: 'up',
    quantile: null,
    observed,
    expected,
    unit: 'ratio',
    n,
    baselineN: baseline.n,
    score: verdict.score,
    sinceMs: first,
  };
  const learning = notYetJudged(baseline.windows, baseline.n, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (verdict.deviating.length === 0) return finding;
  if (errors < policy.errors.minCount) return { ...finding, reason: 'low_volume' };
  if (observed - expected < policy.errors.minAbsolute) return { ...finding, reason: 'small_absolute_effect' };
  if (observed < expected * (1 + policy.errors.minRelative)) return { ...finding, reason: 'small_relative_effect' };
  if (!verdict.persistent) return { ...finding, reason: 'not_persistent' };
  return { ...finding, raised: true, reason: 'raised' };
};
