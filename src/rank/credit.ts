import { type Baselines, edgeKey } from '../model/baseline.js';
import type { Evidence } from '../model/cause.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { KIND_CLIENT } from '../model/span.js';

/** Kinds of deviation that are shared out among operations: added time (µs), failures, and calls that no longer happen. */
export type Dimension = 'time' | 'failures' | 'vanished';

/** A part of the deviation that falls on one operation; `share` is filled in when all parts are known. */
export interface Credit {
  operationId: number;
  dimension: Dimension;
  amount: number;
  evidence: Omit<Evidence, 'share' | 'text'>;
}

/** What the windows of an incident hold together, by operation and by edge. */
export interface Observed {
  sampledN: Map<number, number>;
  failedHere: Map<number, number>;
  selfTime: Map<number, Histogram>;
  calls: Map<string, number>;
  gap: Map<string, Histogram>;
}

export function observe(windows: readonly WindowMeasure[]): Observed {
  const seen: Observed = {
    sampledN: new Map(),
    failedHere: new Map(),
    selfTime: new Map(),
    calls: new Map(),
    gap: new Map(),
  };
  for (const window of windows) {
    for (const rollup of window.rollups) {
      increase(seen.sampledN, rollup.operationId, rollup.sampledN);
      increase(seen.failedHere, rollup.operationId, rollup.failedHere);
      mergeInto(seen.selfTime, rollup.operationId, rollup.selfTime);
    }
    for (const edge of window.edges) {
      const key = edgeKey(edge.callerId, edge.calleeId);
      increase(seen.calls, key, edge.calls);
      mergeInto(seen.gap, key, edge.gap);
    }
  }
  return seen;
}

/**
 * Time beyond normal: what each span has above (median + 2 interquartile ranges) of its past, less what the past had above it. The
 * threshold keeps the usual scatter of many spans from outweighing one slow place.
 */
function excess(
  observed: Histogram,
  normal: Histogram,
): { amountUs: number; observedUs: number; expectedUs: number } | null {
  const median = normal.quantile(0.5);
  if (median === null || observed.count === 0) return null;
  const threshold = median + 2 * (normal.quantile(0.75)! - normal.quantile(0.25)!);
  const pastShare = normal.excessOver(threshold) / normal.count;
  const amountUs = observed.excessOver(threshold) - observed.count * pastShare;
  return amountUs > 0 ? { amountUs, observedUs: meanOf(observed), expectedUs: meanOf(normal) } : null;
}

function meanOf(histogram: Histogram): number {
  return histogram.excessOver(0) / Math.max(1, histogram.count);
}

/** Self time beyond normal, on the operation that spent it. */
export function selfTimeCredits(seen: Observed, baselines: Baselines, candidates: ReadonlySet<number>): Credit[] {
  const credits: Credit[] = [];
  for (const operationId of candidates) {
    const observed = seen.selfTime.get(operationId);
    const baseline = baselines.operations.get(operationId);
    if (observed === undefined || baseline === undefined) continue;
    const found = excess(observed, baseline.selfTime);
    if (found === null) continue;
    credits.push({
      operationId,
      dimension: 'time',
      amount: found.amountUs,
      evidence: {
        kind: 'self_time',
        observed: found.observedUs,
        expected: found.expectedUs,
        unit: 'us',
        n: observed.count,
      },
    });
  }
  return credits;
}

/**
 * Time between two services beyond normal. It could be either end's network: it falls on the service with more such time on all its
 * edges together, the callee when they are about equal.
 */
export function gapCredits(
  seen: Observed,
  baselines: Baselines,
  candidates: ReadonlySet<number>,
  operations: ReadonlyMap<number, Operation>,
): Credit[] {
  const gaps: { callerId: number; calleeId: number; found: NonNullable<ReturnType<typeof excess>>; n: number }[] = [];
  const perService = new Map<number, number>();
  for (const [key, observed] of seen.gap) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const baseline = baselines.edges.get(key);
    if (baseline === undefined) continue;
    const found = excess(observed, baseline.gap);
    if (found === null) continue;
    // Edges outside the group count here too: a callee that answers others as ever is not to blame.
    if (candidates.has(callerId)) gaps.push({ callerId, calleeId, found, n: observed.count });
    for (const end of [callerId, calleeId]) {
      const service = operations.get(end)?.serviceId;
      if (service !== undefined) increase(perService, service, found.amountUs);
    }
  }
  return gaps.map(({ callerId, calleeId, found, n }) => {
    const atCaller = perService.get(operations.get(callerId)?.serviceId ?? -1) ?? 0;
    const atCallee = perService.get(operations.get(calleeId)?.serviceId ?? -1) ?? 0;
    return {
      operationId: atCaller > atCallee * 1.25 ? callerId : calleeId,
      dimension: 'time',
      amount: found.amountUs,
      evidence: { kind: 'network_gap', observed: found.observedUs, expected: found.expectedUs, unit: 'us', n },
    };
  });
}

/** Failures beyond normal of spans none of whose children failed. */
export function failingCredits(seen: Observed, baselines: Baselines, candidates: ReadonlySet<number>): Credit[] {
  const credits: Credit[] = [];
  for (const operationId of candidates) {
    const failed = seen.failedHere.get(operationId) ?? 0;
    const n = seen.sampledN.get(operationId) ?? 0;
    const baseline = baselines.operations.get(operationId);
    if (failed === 0 || n === 0) continue;
    const expected = ((baseline?.failedHere ?? 0) + 0.5) / ((baseline?.sampledN ?? 0) + 1);
    const amount = failed - n * expected;
    if (amount <= 0) continue;
    credits.push({
      operationId,
      dimension: 'failures',
      amount,
      evidence: { kind: 'failing', observed: failed / n, expected, unit: 'ratio', n },
    });
  }
  return credits;
}

/** A missing call must be plain: less than half of what is normal, and more than a few. */
const MIN_MISSING_SHARE = 0.5;
const MIN_MISSING = 5;

/**
 * Calls that should have happened, given how often the caller was at work. Between services the callee did not answer, so it has the
 * credit; within a service it is the caller that stopped short. A caller whose own callee also lost calls or fails only passes it on.
 */
export function vanishedCredits(
  seen: Observed,
  baselines: Baselines,
  candidates: ReadonlySet<number>,
  operations: ReadonlyMap<number, Operation>,
): Credit[] {
  const credits: Credit[] = [];
  for (const [key, baseline] of baselines.edges) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const callerN = seen.sampledN.get(callerId) ?? 0;
    if (!candidates.has(callerId) || callerN === 0 || baseline.callerN === 0) continue;
    const ratio = baseline.calls / baseline.callerN;
    const missing = callerN * ratio - (seen.calls.get(key) ?? 0);
    if (missing < MIN_MISSING || missing < callerN * ratio * MIN_MISSING_SHARE) continue;
    const caller = operations.get(callerId);
    const isRemote = caller?.serviceId !== operations.get(calleeId)?.serviceId;
    credits.push({
      operationId: isRemote && caller?.kind === KIND_CLIENT ? calleeId : callerId,
      dimension: 'vanished',
      amount: missing,
      evidence: {
        kind: 'vanished_calls',
        observed: (seen.calls.get(key) ?? 0) / callerN,
        expected: ratio,
        unit: 'calls_per_call',
        n: callerN,
      },
    });
  }
  return credits;
}

function increase<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}

function mergeInto<K>(map: Map<K, Histogram>, key: K, histogram: Histogram): void {
  let sum = map.get(key);
  if (sum === undefined) map.set(key, (sum = new Histogram()));
  sum.merge(histogram);
}
