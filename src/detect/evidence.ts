import type { EdgeBaseline, OperationBaseline } from '../model/baseline.js';
import type { Finding, FindingReason } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import type { Policy } from '../model/policy.js';
import type { EdgeRollup, Rollup } from '../model/rollup.js';

/** One window of one operation, as a signal sees it. `rollup` is null when the operation was silent while others were not. */
export interface OperationWindow {
  windowAtMs: number;
  rollup: Rollup | null;
}

export interface CallWindow {
  windowAtMs: number;
  callerN: number;
  edge: EdgeRollup | null;
}

/** What is known of the operations themselves. */
export interface Surroundings {
  operations: ReadonlyMap<number, Operation>;
}

/** A signal of an operation: recent windows (oldest first, windows without any data left out) against what is normal. */
export type OperationSignal = (
  operationId: number,
  windows: readonly OperationWindow[],
  baseline: OperationBaseline,
  policy: Policy,
  surroundings: Surroundings,
) => Finding | null;

export type CallSignal = (
  callerId: number,
  calleeId: number,
  windows: readonly CallWindow[],
  baseline: EdgeBaseline,
  policy: Policy,
  surroundings: Surroundings,
  caller: OperationBaseline | undefined,
) => Finding | null;

/** Below this nothing is worth remembering unless it was raised. */
export const WORTH_KEEPING_SCORE = 6;

export function isWorthKeeping({ raised, score }: Finding): boolean {
  return raised || score >= WORTH_KEEPING_SCORE;
}

/** Reason to hold back before any statistics; null when the series may be judged. */
export function notYetJudged(
  windows: number,
  baselineN: number,
  policy: Policy,
): Extract<FindingReason, 'learning'> | null {
  return windows < policy.minWindows || baselineN < policy.minBaselineN ? 'learning' : null;
}
