import type { Credit, CreditSource } from './credit.js';
import { amountsOf, isPassedDown, PASSED_ON } from './pass-on.js';

/**
 * Requests that came too few or too many, on the entry where they come in: what lies before it is not in the traces. Only where a finding
 * says so, since how many come at this hour, and in a stream without a gap, is for detection to judge. An entry that others call or send messages to has what they
 * pass on: when they deviate in the same direction it keeps a fifth.
 */
export const trafficCredits: CreditSource = ({ findings, windows, graph }) => {
  const amounts = amountsOf(findings);
  return amounts
    .filter(({ signal }) => signal === 'traffic')
    .map((finding): Credit => {
      const { operationId, observed, expected, n, score } = finding;
      const explained = isPassedDown(finding, amounts, graph) ? PASSED_ON : 1;
      return {
        operationId,
        originId: operationId,
        dimension: 'traffic',
        amount: explained * Math.abs(observed - expected) * windows.length,
        surprise: score,
        evidence: { kind: 'traffic', observed, expected, unit: 'per_window', n },
      };
    });
};
