import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import { noveltiesIn, type Novelty } from '../model/novelty.js';
import type { Operation } from '../model/operation.js';
import type { Policy } from '../model/policy.js';
import type { WindowMeasure } from '../model/rollup.js';

/** A new version of many services may bring thousands of names at once: the strongest stand for them. */
const MOST_NEW = 50;

/**
 * Operations and calls never seen before: information, never raised. Each is told once, in the window in which it stands out from what turns up by
 * chance, with a score of `minScore` or more; at most 50 a window, the strongest. What happens to known calls is judged in calls.ts.
 */
export function newStructure(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  policy: Policy,
  minScore: number,
): Finding[] {
  const newest = windows.at(-1);
  // Nearly always there is nothing new.
  if (newest === undefined || noveltiesIn([newest], baselines, operations, policy).length === 0) return [];
  const atMs = newest.windowAtMs;
  const standOut = (some: readonly WindowMeasure[]): Novelty[] =>
    noveltiesIn(some, baselines, operations, policy).filter(({ score }) => score >= minScore);
  const found = standOut(windows);
  if (found.length === 0) return [];
  const keyOf = ({ callerId, operationId }: Novelty): string => `${callerId}>${operationId}`;
  const told = new Set(standOut(windows.slice(0, -1)).map(keyOf));
  return found
    .filter((each) => !told.has(keyOf(each)))
    .slice(0, MOST_NEW)
    .map((each) => findingOf(each, atMs));
}

function findingOf({ operationId, callerId, k, n, pastN, score, sinceMs }: Novelty, windowAtMs: number): Finding {
  const isCall = callerId !== 0;
  return {
    signal: isCall ? 'calls' : 'traffic',
    operationId,
    callerId,
    windowAtMs,
    raised: false,
    reason: isCall ? 'new_call' : 'new_operation',
    direction: 'up',
    quantile: null,
    observed: k / n,
    expected: 0,
    unit: isCall ? 'calls_per_call' : 'ratio',
    n,
    baselineN: pastN,
    score,
    sinceMs,
  };
}
