import type { Baselines } from '../model/baseline.js';
import type { Cause, Evidence } from '../model/cause.js';
import { noveltiesIn } from '../model/novelty.js';
import type { Operation } from '../model/operation.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import type { WindowMeasure } from '../model/rollup.js';
import { explain } from './explain.js';

/** -log10: what turns up by chance more often than this is not worth a line. */
const MIN_SCORE = 6;
const MOST_OF_A_SERVICE = 2;

/**
 * Causes with what their services do for the first time in these windows: calls never made, operations never seen. It is nobody's fault and changes no
 * score; it stands last among the evidence of a service's first cause, two entries at most.
 */
export function withNovelties(
  causes: readonly Cause[],
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  const byService = new Map<number, Evidence[]>();
  for (const { operationId, callerId, k, n, score } of noveltiesIn(windows, baselines, operations, DEFAULT_POLICY)) {
    const its = operations.get(operationId);
    const serviceId = operations.get(callerId === 0 ? operationId : callerId)?.serviceId;
    if (score < MIN_SCORE || its === undefined || serviceId === undefined) continue;
    const list = byService.get(serviceId) ?? [];
    if (list.length === MOST_OF_A_SERVICE) continue;
    const evidence: Omit<Evidence, 'text'> = {
      kind: callerId === 0 ? 'new_operation' : 'new_calls',
      observed: Math.min(1, k / n),
      expected: 0,
      unit: 'ratio',
      n,
      share: 0,
      of: { service: its.service, operation: its.name },
    };
    byService.set(serviceId, [...list, { ...evidence, text: explain(evidence) }]);
  }
  const told = new Set<number>();
  return causes.map((cause) => {
    const serviceId = operations.get(cause.operationId)?.serviceId ?? 0;
    const news = byService.get(serviceId);
    if (news === undefined || told.has(serviceId)) return cause;
    told.add(serviceId);
    return { ...cause, evidence: [...cause.evidence, ...news] };
  });
}
