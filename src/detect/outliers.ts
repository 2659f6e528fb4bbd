import type { Finding } from '../model/anomaly.js';
import type { Baselines, OperationBaseline } from '../model/baseline.js';
import type { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Outlier } from '../model/outlier.js';
import type { Policy } from '../model/policy.js';
import type { Rollup, WindowMeasure } from '../model/rollup.js';
import { dispersionOf, driftOf, limitBeyond } from '../model/spread.js';
import { binomialUpperScore } from '../model/tail.js';
import { waitsByDesign } from '../model/waits.js';
import { WINDOW_MS } from '../model/window.js';
import { notYetJudged } from './evidence.js';

/** So many may be noted by chance, whatever the number of operations. */
const CHANCE_AN_HOUR = 1;
const WINDOWS_AN_HOUR = 3_600_000 / WINDOW_MS;
/** The strongest of a window; an outage makes many, and is an incident. */
const MOST_A_WINDOW = 20;
/** Where the tail may begin, and how many values in it are needed to know its shape. */
const TAILS_FROM = [0.9, 0.97, 0.99, 0.997] as const;
const MIN_IN_TAIL = 10;
/** However tight the past, its tail is not taken for thinner than d^-10: three times the upper decile is then one in half a million. */
const MIN_LOG_EXCESS = 0.1;
/** What is shown as the usual bound, and must be exceeded by the margin of latencies. */
const SHOWN = 0.97;

/**
 * Single traces far outside of what is normal for an operation, in one window: its slowest span beyond the tail of the past, or a failure where hardly
 * anything ever fails. Noted, never raised. One entry a trace and reason, at the operation where it stands out most; none for operations
 * of which `findings` tell already, or that wait by design.
 */
export function findOutliers(
  window: WindowMeasure,
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  findings: readonly Finding[],
  policy: Policy,
): Outlier[] {
  const raised = new Set(findings.filter((finding) => finding.raised).map(({ operationId }) => operationId));
  const found: Outlier[] = [];
  let tests = 0;
  for (const rollup of window.rollups) {
    const { operationId } = rollup;
    const baseline = baselines.operations.get(operationId);
    if (baseline === undefined || notYetJudged(baseline.windows, baseline.n, policy) !== null) continue;
    tests++;
    if (raised.has(operationId)) continue;
    const slow = slowest(rollup, baseline, policy);
    if (slow !== null && waitsByDesign(operations.get(operationId), baseline.latency) === null) found.push(slow);
    const failed = failure(rollup, baseline);
    if (failed !== null) found.push(failed);
  }
  const needed = Math.log10((Math.max(1, tests) * WINDOWS_AN_HOUR) / CHANCE_AN_HOUR);
  return onceATrace(found.filter(({ score }) => score >= needed)).slice(0, MOST_A_WINDOW);
}

function slowest(rollup: Rollup, baseline: OperationBaseline, policy: Policy): Outlier | null {
  const { n, maxDurationUs, slowest: examples } = rollup;
  const usual = baseline.latency.quantile(SHOWN);
  if (usual === null || examples[0] === undefined) return null;
  if (maxDurationUs <= limitBeyond(usual, policy.latency, baseline.windows, driftOf(baseline.latencySpread)))
    return null;
  const score = scoreBeyond(maxDurationUs, baseline.latency) - Math.log10(n);
  return outlier(rollup, baseline, examples[0], 'slow', maxDurationUs, usual, score);
}

/**
 * -log10 of the chance that a span is so slow, beyond a quantile u the past taken for a Pareto tail (Hill, Annals of Statistics 3, 1975) whose index is itself
 * uncertain: with m values beyond u, and S the sum of their ln(x / u), it is (S / (S + ln(d / u)))^m of the share beyond u. The likeliest of the tails
 * from the upper decile on: a pause that one request in three hundred meets shows in the outermost only.
 */
function scoreBeyond(durationUs: number, past: Histogram): number {
  let least = Infinity;
  for (const quantile of TAILS_FROM) {
    // By rank: values that are all alike have a tail too, without any length.
    const m = past.count * (1 - quantile);
    if (m < MIN_IN_TAIL) break;
    const from = past.quantile(quantile)!;
    if (durationUs <= from) return 0;
    const sum = Math.max(past.logExcessOver(from), m * MIN_LOG_EXCESS);
    const score = m * Math.log10(1 + Math.log(durationUs / from) / sum) - Math.log10(1 - quantile);
    least = Math.min(least, score);
  }
  return least === Infinity ? 0 : least;
}

function failure(rollup: Rollup, baseline: OperationBaseline): Outlier | null {
  const { n, errors, failed } = rollup;
  if (errors === 0 || failed[0] === undefined) return null;
  const rate = (baseline.errors + 0.5) / (baseline.n + 1);
  const divisor = dispersionOf(baseline.errorChi, n) * (1 + n / baseline.n);
  const score = binomialUpperScore(errors / divisor, n / divisor, rate);
  return outlier(rollup, baseline, failed[0], 'failed', errors / n, rate, score);
}

function outlier(
  { operationId, windowAtMs, n }: Rollup,
  baseline: OperationBaseline,
  traceId: string,
  reason: Outlier['reason'],
  observed: number,
  expected: number,
  score: number,
): Outlier {
  const baselineN = Math.round(baseline.n);
  return { traceId, windowAtMs, operationId, alsoIn: 0, reason, observed, expected, n, baselineN, score };
}

/** Callers wait for whom they call: of the operations in which a trace stands out, the one where it does so most. Strongest first. */
function onceATrace(found: readonly Outlier[]): Outlier[] {
  const kept = new Map<string, Outlier>();
  for (const each of found.toSorted((a, b) => b.score - a.score || a.operationId - b.operationId)) {
    const key = `${each.reason} ${each.traceId}`;
    const first = kept.get(key);
    if (first === undefined) kept.set(key, { ...each });
    else first.alsoIn++;
  }
  return [...kept.values()];
}
