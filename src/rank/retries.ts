import type { Credit, Trial } from './credit.js';
import { usualCallee } from './callee.js';
import { failAsNever } from './repeated-credit.js';

/** Calls are repeated when a span makes so many times as many of them as ever, and they fail as they never did. */
const REPEATED = 1.5;

/**
 * Who waits between repeated calls only passes trouble on: own time of operations that repeat failing calls is laid on what does not
 * answer them.
 */
export function creditRetries(trial: Trial, credits: readonly Credit[]): Credit[] {
  const blamed = repeatedCalls(trial);
  if (blamed.size === 0) return [...credits];
  return credits.map((credit) => {
    const callee = credit.evidence.kind === 'self_time' ? blamed.get(credit.operationId) : undefined;
    return callee === undefined ? credit : { ...credit, operationId: callee };
  });
}

function repeatedCalls(trial: Trial): Map<number, number> {
  const blamed = new Map<number, number>();
  for (const [key, windows] of trial.seen.calls) {
    const baseline = trial.baselines.edges.get(key);
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const callerN = trial.seen.sampledN.get(callerId) ?? 0;
    if (baseline === undefined || baseline.callerN === 0 || callerN === 0) continue;
    const calls = windows.reduce((sum, window) => sum + window.n, 0);
    if (calls / callerN < (REPEATED * baseline.calls) / baseline.callerN) continue;
    if (!failAsNever(windows, trial, key)) continue;
    blamed.set(callerId, usualCallee(trial, calleeId) ?? calleeId);
  }
  return blamed;
}
