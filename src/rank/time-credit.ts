import { Histogram } from '../model/histogram.js';
import { pooledDispersion, type Spread } from '../model/spread.js';
import { usualCallee } from './callee.js';
import type { Credit, CreditSource } from './credit.js';
import { surpriseOfTail } from './surprise.js';

/** Of the levels at which the spread of the past is known (`LEVELS`), the one of the upper decile stands for all tails. */
const TAIL_LEVEL = 1;

export interface Excess {
  amountUs: number;
  observedUs: number;
  expectedUs: number;
  n: number;
  surprise: number;
}

/**
 * Time beyond normal: what each span has above (median + 2 interquartile ranges) of its past, less what the past had above it. The
 * threshold keeps the usual scatter of many spans from outweighing one slow place. Null when there is none, or no past.
 */
export function excess(windows: readonly Histogram[], normal: Histogram, spread: Spread): Excess | null {
  const observed = windows.reduce((sum, window) => sum.merge(window), new Histogram());
  const median = normal.quantile(0.5);
  if (median === null || observed.count === 0) return null;
  const threshold = median + 2 * (normal.quantile(0.75)! - normal.quantile(0.25)!);
  const pastShare = normal.excessOver(threshold) / normal.count;
  const amountUs = observed.excessOver(threshold) - observed.count * pastShare;
  if (amountUs <= 0) return null;
  const dispersion = pooledDispersion(spread, TAIL_LEVEL, windows.length, observed.count / windows.length);
  return {
    amountUs,
    observedUs: meanOf(observed),
    expectedUs: meanOf(normal),
    n: observed.count,
    surprise: surpriseOfTail(windows, normal, dispersion),
  };
}

/**
 * Self time beyond normal, on the operation that spent it. A client span whose usual server is missing from the trace spent it waiting: that
 * is beyond its normal duration, and on the server that did not answer (or not before its caller gave up).
 */
export const selfTimeCredits: CreditSource = (trial) => {
  const { seen, baselines, candidates } = trial;
  const credits: Credit[] = [];
  for (const operationId of candidates) {
    const observed = seen.selfTime.get(operationId);
    const baseline = baselines.operations.get(operationId);
    if (observed === undefined || baseline === undefined) continue;
    const callee = usualCallee(trial, operationId);
    const found =
      callee === null
        ? excess(observed, baseline.selfTime, baseline.selfTimeSpread)
        : excess(observed, baseline.latency, baseline.latencySpread);
    if (found === null) continue;
    credits.push({
      operationId: callee ?? operationId,
      originId: operationId,
      dimension: 'time',
      amount: found.amountUs,
      observedUs: found.observedUs * found.n,
      surprise: found.surprise,
      evidence: {
        kind: callee === null ? 'self_time' : 'unanswered',
        observed: found.observedUs,
        expected: found.expectedUs,
        unit: 'us',
        n: found.n,
      },
    });
  }
  return credits;
};

export function meanOf(histogram: Histogram): number {
  return histogram.excessOver(0) / Math.max(1, histogram.count);
}
