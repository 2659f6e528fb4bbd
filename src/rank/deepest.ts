import type { Finding } from '../model/anomaly.js';
import type { Cause, Evidence } from '../model/cause.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { exemplarsOf } from './describe.js';
import { explain } from './explain.js';
import { above, type CallGraph } from './graph.js';
import { scored } from './score.js';

/** Without any evidence of its own, the deviating operations below which nothing else deviates, by the strength of their findings. */
export function deepest(
  group: readonly Finding[],
  graph: CallGraph,
  windows: readonly WindowMeasure[],
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  const hot = new Set(group.map((finding) => finding.operationId));
  const callers = above(graph, hot);
  const lowest = group.filter((finding) => !callers.has(finding.operationId));
  // In a circle of calls nobody is the deepest.
  const last = lowest.length > 0 ? lowest : group;
  const total = group.reduce((sum, finding) => sum + finding.score, 0);
  const causes = new Map<number, Cause>();
  for (const finding of last) {
    const operation = operations.get(finding.operationId);
    if (operation === undefined) continue;
    const share = finding.score / total;
    const { observed, expected, unit, n } = finding;
    const evidence: Evidence = { kind: 'deviates', observed, expected, unit, n, share, text: '' };
    const cause = causes.get(operation.id);
    const texted = { ...evidence, text: explain(evidence) };
    if (cause === undefined) {
      causes.set(operation.id, {
        operationId: operation.id,
        service: operation.service,
        operation: operation.name,
        score: share,
        evidence: [texted],
        exemplars: exemplarsOf([operation.id], windows),
      });
    } else {
      cause.score += share;
      cause.evidence.push(texted);
    }
  }
  return scored({ causes: [...causes.values()], surprise: new Map() });
}
