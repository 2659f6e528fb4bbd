import { dispersionOf } from '../model/spread.js';
import { unanswered, usualCallee } from './callee.js';
import type { Credit, CreditSource } from './credit.js';
import { surpriseOfShare } from './surprise.js';

/** Failures beyond normal of spans none of whose children failed; those of client spans without their usual server on that server. */
export const failingCredits: CreditSource = (trial) => {
  const { seen, baselines, candidates } = trial;
  const credits: Credit[] = [];
  for (const operationId of candidates) {
    const parts = seen.failures.get(operationId) ?? [];
    const n = seen.sampledN.get(operationId) ?? 0;
    const failed = parts.reduce((sum, part) => sum + part.k, 0);
    if (failed === 0) continue;
    const baseline = baselines.operations.get(operationId);
    const expected = ((baseline?.failedHere ?? 0) + 0.5) / ((baseline?.sampledN ?? 0) + 1);
    const amount = failed - n * expected;
    if (amount <= 0) continue;
    const isSilence = unanswered(trial, operationId) >= failed / 2;
    credits.push({
      operationId: (isSilence ? usualCallee(trial, operationId) : null) ?? operationId,
      originId: operationId,
      dimension: 'failures',
      amount,
      surprise: surpriseOfShare(
        parts,
        expected,
        baseline === undefined ? 1 : dispersionOf(baseline.errorChi, n / parts.length),
      ),
      evidence: { kind: 'failing', observed: failed / n, expected, unit: 'ratio', n },
    });
  }
  return credits;
};
