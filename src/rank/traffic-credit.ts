import type { Finding } from '../model/anomaly.js';
import type { Credit, CreditSource } from './credit.js';
import { type CallGraph, downstream } from './graph.js';

/** What a deviation further up explains keeps this much of its credit. */
const EXPLAINED = 0.2;

/**
 * Requests that came too few or too many, on the entry where they come in: what lies before it is not in the traces. Only where a finding
 * says so, since how many come at this hour, and in a stream without a gap, is for detection to judge. An entry that others call or send messages to has what they
 * pass on: when they deviate in the same direction it keeps a fifth.
 */
export const trafficCredits: CreditSource = ({ findings, windows, graph }) => {
  const amounts = findings.filter(({ signal, raised }) => raised && (signal === 'traffic' || signal === 'calls'));
  return amounts
    .filter(({ signal }) => signal === 'traffic')
    .map((finding): Credit => {
      const { operationId, observed, expected, n, score } = finding;
      const explained = isPassedOn(finding, amounts, graph) ? EXPLAINED : 1;
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

function isPassedOn({ operationId, direction }: Finding, amounts: readonly Finding[], graph: CallGraph): boolean {
  const below = downstream(graph, [operationId]);
  return amounts.some(
    (other) =>
      other.direction === direction &&
      !below.has(other.operationId) &&
      downstream(graph, [other.operationId]).has(operationId),
  );
}
