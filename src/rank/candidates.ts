import type { Finding } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import { type CallGraph, downstream } from './graph.js';

/** The operations that findings are about: of a call both ends. */
export function hotOperations(findings: readonly Finding[]): number[] {
  return findings.flatMap(({ operationId, callerId }) => (callerId === 0 ? [operationId] : [operationId, callerId]));
}

/**
 * Who may be to blame: a cause lies downstream of what suffers, or is the one that suffers: any operation of its service, or, when
 * it is called less than usual, who should have called it.
 */
export function candidatesOf(
  findings: readonly Finding[],
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): Set<number> {
  const hot = hotOperations(findings);
  const services = new Set(hot.map((operationId) => operations.get(operationId)?.serviceId));
  const from = new Set(hot);
  for (const { operationId, callerId, direction } of findings) {
    if (direction !== 'down') continue;
    for (const caller of graph.callers.get(callerId === 0 ? operationId : callerId) ?? []) from.add(caller);
  }
  for (const { id, serviceId } of operations.values()) if (services.has(serviceId)) from.add(id);
  return downstream(graph, from);
}
