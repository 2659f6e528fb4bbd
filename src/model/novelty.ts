import { type Baselines, edgeEnds, edgeKey } from './baseline.js';
import type { Operation } from './operation.js';
import type { Policy } from './policy.js';
import type { WindowMeasure } from './rollup.js';
import { binomialUpperScore } from './tail.js';

/** Something in the structure of traces that was never seen before. */
export interface Novelty {
  operationId: number;
  /** Who calls it so for the first time; 0: the operation itself is new. */
  callerId: number;
  /** Spans seen of it (calls made), and of how many: the caller's, or all of the service. */
  k: number;
  n: number;
  /** Spans seen before, none of them like that. */
  pastN: number;
  /** -log10 of the chance that so many turn up when nothing changed. */
  score: number;
  sinceMs: number;
}

/** Seen about once: how many such there are tells how often something new turns up. */
const SEEN_ONCE = 1.5;

/**
 * Operations that a known service never had, and calls that a known caller never made, in these windows (oldest first), strongest first. What is new is
 * expected at (N1 + 1/2) / (n + 1), with N1 what was seen about once: the Good-Turing estimate (Good, Biometrika 40, 1953), so that where names are
 * made up all the time a new one is nothing special.
 */
export function noveltiesIn(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  policy: Pick<Policy, 'minWindows' | 'minBaselineN'>,
): Novelty[] {
  return [...newCalls(windows, baselines, policy), ...newOperations(windows, baselines, operations, policy)].sort(
    (a, b) => b.score - a.score || a.operationId - b.operationId || a.callerId - b.callerId,
  );
}

function newCalls(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  policy: Pick<Policy, 'minWindows' | 'minBaselineN'>,
): Novelty[] {
  const found = new Map<string, { callerId: number; calleeId: number; calls: number; sinceMs: number }>();
  for (const { edges, windowAtMs } of windows) {
    for (const { callerId, calleeId, calls } of edges) {
      const key = edgeKey(callerId, calleeId);
      const past = baselines.operations.get(callerId);
      if (calls === 0 || baselines.edges.has(key) || past === undefined) continue;
      if (past.windows < policy.minWindows || past.sampledN < policy.minBaselineN) continue;
      const known = found.get(key);
      if (known === undefined) found.set(key, { callerId, calleeId, calls, sinceMs: windowAtMs });
      else known.calls += calls;
    }
  }
  if (found.size === 0) return [];
  const callers = new Set([...found.values()].map(({ callerId }) => callerId));
  const seenOnce = new Map<number, number>();
  for (const [key, { calls }] of baselines.edges) {
    if (calls === 0 || calls >= SEEN_ONCE) continue;
    const [callerId] = edgeEnds(key);
    if (callers.has(callerId)) add(seenOnce, callerId, 1);
  }
  const sampled = new Map<number, number>();
  for (const { operationId, sampledN } of windows.flatMap(({ rollups }) => rollups)) {
    if (callers.has(operationId)) add(sampled, operationId, sampledN);
  }
  return [...found.values()].map(({ callerId, calleeId, calls, sinceMs }) => {
    const n = sampled.get(callerId) ?? 0;
    const pastN = baselines.operations.get(callerId)!.sampledN;
    const expected = ((seenOnce.get(callerId) ?? 0) + 0.5) / (pastN + 1);
    // Of many calls that one span makes nothing more follows than of one.
    const score = binomialUpperScore(Math.min(calls, n), n, Math.min(expected, 1));
    return { operationId: calleeId, callerId, k: calls, n, pastN: Math.round(pastN), score, sinceMs };
  });
}

function newOperations(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  policy: Pick<Policy, 'minWindows' | 'minBaselineN'>,
): Novelty[] {
  const isNew = (operationId: number): boolean => (baselines.operations.get(operationId)?.windows ?? 0) === 0;
  const found = new Map<number, { n: number; sinceMs: number }>();
  for (const { rollups, windowAtMs } of windows) {
    for (const { operationId, n } of rollups) {
      if (n === 0 || !isNew(operationId)) continue;
      const known = found.get(operationId);
      if (known === undefined) found.set(operationId, { n, sinceMs: windowAtMs });
      else known.n += n;
    }
  }
  if (found.size === 0) return [];
  const serviceOf = (operationId: number): number => operations.get(operationId)?.serviceId ?? 0;
  const past = new Map([...found.keys()].map((id) => [serviceOf(id), { n: 0, windows: 0, seenOnce: 0 }]));
  for (const [operationId, { n, windows: learned }] of baselines.operations) {
    const sum = past.get(serviceOf(operationId));
    if (sum === undefined) continue;
    sum.n += n;
    sum.windows = Math.max(sum.windows, learned);
    if (n > 0 && n < SEEN_ONCE) sum.seenOnce++;
  }
  const now = new Map<number, number>();
  for (const { rollups } of windows) {
    for (const { operationId, n } of rollups) {
      const serviceId = serviceOf(operationId);
      if (past.has(serviceId)) add(now, serviceId, n);
    }
  }
  return [...found].flatMap(([operationId, { n: k, sinceMs }]) => {
    const serviceId = serviceOf(operationId);
    const known = past.get(serviceId);
    if (serviceId === 0 || known === undefined) return [];
    if (known.windows < policy.minWindows || known.n < policy.minBaselineN) return [];
    const n = now.get(serviceId) ?? k;
    const score = binomialUpperScore(k, n, Math.min((known.seenOnce + 0.5) / (known.n + 1), 1));
    return [{ operationId, callerId: 0, k, n, pastN: Math.round(known.n), score, sinceMs }];
  });
}

function add(sums: Map<number, number>, key: number, n: number): void {
  sums.set(key, (sums.get(key) ?? 0) + n);
}
