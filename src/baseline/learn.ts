import {
  edgeKey,
  emptyEdgeBaseline,
  emptyOperationBaseline,
  type Baselines,
  type Dispersion,
  type EdgeBaseline,
  type OperationBaseline,
} from '../model/baseline.js';
import type { WindowMeasure } from '../model/rollup.js';

/** At this many windows (an hour) everything is halved: observations fade with a half-life of half an hour to an hour. */
const MAX_WINDOWS = 360;
/** Windows before dispersion is measured: earlier, the quantile itself is too uncertain. */
const MIN_WINDOWS_FOR_DISPERSION = 6;
/** A single strange window must not make the detector blind. */
const MAX_CHI = 16;

/**
 * Folds windows, oldest first, into what is normal, and returns which baselines changed. Operations in `excluded` (they deviate, or
 * belong to an open incident) learn nothing, nor do their edges; windows of which nothing is known (n = 0) teach nothing.
 */
export function learn(
  known: Baselines,
  windows: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
): { operations: Set<number>; edges: Set<string> } {
  const changed = { operations: new Set<number>(), edges: new Set<string>() };
  for (const window of windows) {
    if (window.n === 0) continue;
    learnOperations(known, window, excluded, changed.operations);
    learnEdges(known, window, excluded, changed.edges);
  }
  return changed;
}

function learnOperations(
  known: Baselines,
  window: WindowMeasure,
  excluded: ReadonlySet<number>,
  changed: Set<number>,
): void {
  const rollups = new Map(window.rollups.map((rollup) => [rollup.operationId, rollup]));
  for (const operationId of rollups.keys()) {
    if (!known.operations.has(operationId)) known.operations.set(operationId, emptyOperationBaseline());
  }
  for (const [operationId, baseline] of known.operations) {
    if (excluded.has(operationId)) continue;
    const rollup = rollups.get(operationId);
    if (rollup !== undefined) {
      observeLatency(baseline, rollup.n, (value) => rollup.latency.countAbove(value));
      observeProportion(baseline.errorChi, baseline.windows, rollup.errors, rollup.n, baseline.errors, baseline.n);
      baseline.n += rollup.n;
      baseline.errors += rollup.errors;
      baseline.entries += rollup.entries;
      baseline.perWindowSum += rollup.n;
      baseline.perWindowSumSq += rollup.n * rollup.n;
      baseline.latency.merge(rollup.latency);
      baseline.sampledN += rollup.sampledN;
      baseline.failedHere += rollup.failedHere;
      baseline.selfTime.merge(rollup.selfTime);
    }
    baseline.windows++;
    if (baseline.windows >= MAX_WINDOWS) fadeOperation(baseline);
    changed.add(operationId);
  }
}

function learnEdges(
  known: Baselines,
  window: WindowMeasure,
  excluded: ReadonlySet<number>,
  changed: Set<string>,
): void {
  const sampled = new Map(window.rollups.map((rollup) => [rollup.operationId, rollup.sampledN]));
  const seen = new Map(window.edges.map((edge) => [edgeKey(edge.callerId, edge.calleeId), edge]));
  for (const edge of seen.values()) {
    const key = edgeKey(edge.callerId, edge.calleeId);
    if (known.edges.has(key) || excluded.has(edge.callerId) || excluded.has(edge.calleeId)) continue;
    const baseline = emptyEdgeBaseline();
    // The caller was at work before this call was first seen: it did not call then. (This window's spans are added below.)
    const caller = known.operations.get(edge.callerId);
    if (caller !== undefined) baseline.callerN = Math.max(0, caller.sampledN - (sampled.get(edge.callerId) ?? 0));
    known.edges.set(key, baseline);
  }
  for (const [key, baseline] of known.edges) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    if (excluded.has(callerId) || excluded.has(calleeId)) continue;
    const callerN = sampled.get(callerId) ?? 0;
    const edge = seen.get(key);
    if (callerN === 0 && edge === undefined) continue;
    const calls = edge?.calls ?? 0;
    observeCalls(baseline, calls, callerN);
    baseline.windows++;
    baseline.callerN += callerN;
    baseline.calls += calls;
    if (edge !== undefined) {
      baseline.errors += edge.errors;
      baseline.gap.merge(edge.gap);
    }
    if (baseline.windows >= MAX_WINDOWS) fadeEdge(baseline);
    changed.add(key);
  }
}

/** How far the shares above the median and above the upper decile strayed from what they were until now. */
function observeLatency(baseline: OperationBaseline, n: number, countAbove: (value: number) => number): void {
  const levels = [
    { level: 0.5, chi: baseline.medianChi },
    { level: 0.9, chi: baseline.upperDecileChi },
  ];
  for (const { level, chi } of levels) {
    const value = baseline.latency.quantile(level);
    if (value === null) return;
    const pastAbove = baseline.latency.countAbove(value);
    observeProportion(chi, baseline.windows, countAbove(value), n, pastAbove, baseline.latency.count);
  }
}

/** Adds (k - np)^2 / np(1-p), the squared standardised deviation of a binomial count, with p from the past. */
function observeProportion(chi: Dispersion, windows: number, k: number, n: number, pastK: number, pastN: number): void {
  if (windows < MIN_WINDOWS_FOR_DISPERSION || n < 5 || pastN < 50) return;
  const p = (pastK + 0.5) / (pastN + 1);
  chi.sum += Math.min(MAX_CHI, (k - n * p) ** 2 / (n * p * (1 - p)));
  chi.n++;
}

/** The same for calls a caller's span, as a Poisson count: (k - m)^2 / m. */
function observeCalls(baseline: EdgeBaseline, calls: number, callerN: number): void {
  if (baseline.windows < MIN_WINDOWS_FOR_DISPERSION || baseline.callerN < 50 || callerN < 3) return;
  const expected = (callerN * (baseline.calls + 0.5)) / (baseline.callerN + 1);
  baseline.callsChi.sum += Math.min(MAX_CHI, (calls - expected) ** 2 / expected);
  baseline.callsChi.n++;
}

function fadeOperation(baseline: OperationBaseline): void {
  baseline.windows /= 2;
  baseline.n /= 2;
  baseline.errors /= 2;
  baseline.entries /= 2;
  baseline.perWindowSum /= 2;
  baseline.perWindowSumSq /= 2;
  baseline.sampledN /= 2;
  baseline.failedHere /= 2;
  baseline.latency.halve();
  baseline.selfTime.halve();
  fadeDispersion(baseline.medianChi);
  fadeDispersion(baseline.upperDecileChi);
  fadeDispersion(baseline.errorChi);
}

function fadeEdge(baseline: EdgeBaseline): void {
  baseline.windows /= 2;
  baseline.callerN /= 2;
  baseline.calls /= 2;
  baseline.errors /= 2;
  baseline.gap.halve();
  fadeDispersion(baseline.callsChi);
}

function fadeDispersion(chi: Dispersion): void {
  chi.sum /= 2;
  chi.n /= 2;
}
