import { edgeEnds } from '../model/baseline.js';
import { dispersionOf } from '../model/spread.js';
import { named, usualCallee } from './callee.js';
import type { Credit, CreditSource, Trial } from './credit.js';
import { type Part, surpriseOfCount, surpriseOfShare } from './surprise.js';
import { meanOf } from './time-credit.js';

/** As a finding asks it of `calls`: twice as many, and one more a span. The mix of requests alone shifts less. */
const MIN_RELATIVE = 2;
const MIN_MORE = 1;
/** -log10: calls that fail more than this by chance are repeated because they fail. */
const FAILING = 3;

/**
 * Calls that are made more often than normal (a loop over rows, retries): the time that they usually take, as often as there are too many, on whom
 * they come from; on whom they go to when they fail as they never did, for then they are attempts.
 */
export const repeatedCredits: CreditSource = (trial) => {
  const { seen, baselines, candidates } = trial;
  const credits: Credit[] = [];
  for (const [key, windows] of seen.calls) {
    const [callerId, calleeId] = edgeEnds(key);
    const baseline = baselines.edges.get(key);
    const callee = baselines.operations.get(calleeId);
    const callerN = seen.sampledN.get(callerId) ?? 0;
    if (!candidates.has(callerId) || baseline === undefined || callee === undefined) continue;
    if (baseline.callerN === 0 || callerN === 0) continue;
    const calls = windows.reduce((sum, window) => sum + window.n, 0);
    const expected = (baseline.calls + 0.5) / (baseline.callerN + 1);
    const observed = calls / callerN;
    if (observed < expected * MIN_RELATIVE || observed < expected + MIN_MORE) continue;
    // The calls of one span are one decision: they count as one.
    const dispersion = Math.max(observed, dispersionOf(baseline.callsChi, callerN / windows.length));
    const isRetried = failAsNever(windows, trial, key);
    const kind = isRetried ? 'retried_calls' : 'repeated_calls';
    credits.push({
      operationId: isRetried ? (usualCallee(trial, calleeId) ?? calleeId) : callerId,
      originId: callerId,
      dimension: 'time',
      amount: (calls - expected * callerN) * Math.max(1, meanOf(callee.latency)),
      surprise: surpriseOfCount(calls, expected * callerN, dispersion),
      evidence: { kind, observed, expected, unit: 'calls_per_call', n: callerN, ...named(trial, calleeId) },
    });
  }
  return credits;
};

/** Whether these calls fail so much more than ever that it is no chance. */
export function failAsNever(windows: readonly Part[], { baselines }: Trial, key: string): boolean {
  const { errors, calls } = baselines.edges.get(key)!;
  return surpriseOfShare(windows, (errors + 0.5) / (calls + 1), 1) >= FAILING;
}
