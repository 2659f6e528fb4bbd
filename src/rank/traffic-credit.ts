import type { Credit, CreditSource } from './credit.js';

/**
 * Requests that came too few or too many, on the entry where they come in: what lies before it is not in the traces. Only where a finding
 * says so, since how many come at this hour, and in a stream without a gap, is for detection to judge.
 */
export const trafficCredits: CreditSource = ({ findings, windows }) =>
  findings
    .filter(({ signal, raised }) => signal === 'traffic' && raised)
    .map(({ operationId, observed, expected, n, score }): Credit => ({
      operationId,
      originId: operationId,
      dimension: 'traffic',
      amount: Math.abs(observed - expected) * windows.length,
      surprise: score,
      evidence: { kind: 'traffic', observed, expected, unit: 'per_window', n },
    }));
