import type { Finding } from '../model/anomaly.js';
import { edgeKey } from '../model/baseline.js';
import { KIND_CONSUMER, KIND_PRODUCER } from '../model/span.js';
import type { Credit, Trial } from './credit.js';
import { above, type CallGraph, downstream } from './graph.js';

/** Who has such evidence further down, or further up, only passes the trouble on; this much of its credit stays. */
export const PASSED_ON = 0.2;
/** -log10: evidence below this is no trouble to pass on. */
const TROUBLE = 3;

/**
 * What goes up the calls: spans that stop short further down, failures or events explain those further up, for callers write about the errors of whom
 * they call. Only of whom they wait for: who sends a message, or is merely linked to, never hears of what became of it. And not how many requests came, which goes down.
 */
export function passOn(
  credits: readonly Credit[],
  { graph, operations, baselines, seen }: Pick<Trial, 'graph' | 'operations' | 'baselines' | 'seen'>,
): Credit[] {
  const troubled = credits.filter(
    ({ dimension, surprise }) => dimension !== 'time' && dimension !== 'traffic' && surprise >= TROUBLE,
  );
  const isWaitedFor = (callerId: number, calleeId: number): boolean => {
    if (operations.get(callerId)?.kind === KIND_PRODUCER || operations.get(calleeId)?.kind === KIND_CONSUMER)
      return false;
    const key = edgeKey(callerId, calleeId);
    return (baselines.edges.get(key)?.calls ?? 0) > 0 || (seen.calls.get(key) ?? []).some(({ n }) => n > 0);
  };
  const passing = above(
    graph,
    troubled.map((credit) => credit.operationId),
    isWaitedFor,
  );
  return credits.map((credit) =>
    (credit.dimension === 'vanished' || credit.dimension === 'events') && passing.has(credit.operationId)
      ? { ...credit, amount: credit.amount * PASSED_ON }
      : credit,
  );
}

/**
 * What goes down the calls: whether requests (or calls of an operation) came too few or too many since those who make or send them did so before. Of `amounts`, findings of
 * traffic and calls, one in the same direction lies above this operation, and not below it too.
 */
export function isPassedDown(
  { operationId, direction }: Pick<Finding, 'operationId' | 'direction'>,
  amounts: readonly Finding[],
  graph: CallGraph,
): boolean {
  const below = downstream(graph, [operationId]);
  return amounts.some(
    (other) =>
      other.direction === direction &&
      !below.has(other.operationId) &&
      downstream(graph, [other.operationId]).has(operationId),
  );
}

/** The raised findings that say how many requests or calls there were. */
export function amountsOf(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ signal, raised }) => raised && (signal === 'traffic' || signal === 'calls'));
}
