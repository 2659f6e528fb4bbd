import type { Finding } from '../model/anomaly.js';
import { dispersionOf } from '../model/spread.js';
import { notYetJudged, type OperationSignal } from './evidence.js';
import { binomialUpperScore } from '../model/tail.js';

/** Newest windows taken together. */
const LENGTHS = [2, 3, 6] as const;
const TRIALS = Math.log10(LENGTHS.length);
/** However spotless the past, an error is not taken for rarer than this: errors come in bursts. */
const MIN_RATE = 0.001;
/** Without the window with most errors this much must remain. */
const REST_SCORE = 1;

/**
 * Error ratio upwards: errors of the newest 2, 3 or 6 windows against the binomial tail of the baseline's ratio, the count divided by past
 * over-dispersion and by the baseline's own uncertainty. The past ratio is (errors + 0.5) / (n + 1), so that an operation that never
 * failed is not expected never to fail.
 */
export const detectErrors: OperationSignal = (operationId, windows, baseline, policy) => {
  const current = windows.at(-1);
  if (current?.rollup == null || current.rollup.n === 0 || baseline.n === 0) return null;
  const rollups = windows.map((window) => window.rollup).filter((rollup) => rollup !== null && rollup.n > 0);
  if (rollups.slice(-LENGTHS.at(-1)!).every((rollup) => rollup!.errors === 0)) return null;
  const expected = (baseline.errors + 0.5) / (baseline.n + 1);
  const rate = Math.max(MIN_RATE, expected);
  let best = { errors: 0, n: 0, score: -1, restScore: 0, sinceMs: current.windowAtMs };
  for (const length of LENGTHS) {
    const latest = rollups.slice(-length);
    const errors = latest.reduce((sum, rollup) => sum + rollup!.errors, 0);
    const n = latest.reduce((sum, rollup) => sum + rollup!.n, 0);
    const worst = latest.reduce((a, b) => (b!.errors > a!.errors ? b : a))!;
    const divisor = dispersionOf(baseline.errorChi, n / latest.length) * (1 + n / baseline.n);
    const scoreOf = (k: number, of: number): number => binomialUpperScore(k / divisor, of / divisor, rate);
    const score = Math.max(0, scoreOf(errors, n) - TRIALS);
    if (score <= best.score) continue;
    const sinceMs = latest.find((rollup) => rollup!.errors > 0)?.windowAtMs ?? current.windowAtMs;
    best = { errors, n, score, restScore: scoreOf(errors - worst.errors, n - worst.n), sinceMs };
  }
  const observed = best.errors / best.n;
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
    n: best.n,
    baselineN: Math.round(baseline.n),
    score: best.score,
    sinceMs: best.sinceMs,
  };
  const learning = notYetJudged(baseline.windows, baseline.n, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (best.score < policy.windowScore) return finding;
  if (best.errors < policy.errors.minCount) return { ...finding, reason: 'low_volume' };
  if (observed - expected < policy.errors.minAbsolute) return { ...finding, reason: 'small_absolute_effect' };
  if (observed < expected * (1 + policy.errors.minRelative)) return { ...finding, reason: 'small_relative_effect' };
  if (best.restScore < REST_SCORE || current.rollup.errors === 0) return { ...finding, reason: 'not_persistent' };
  return { ...finding, raised: true, reason: 'raised' };
};
