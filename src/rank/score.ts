import type { Cause } from '../model/cause.js';

const MAX_CAUSES = 20;
const MIN_SCORE = 0.001;

/**
 * A fault sits in a service and shows in all that the service does: the first operation of a service carries the score of the whole
 * service, the others their part in proportion to it.
 */
export function scored(causes: readonly Cause[]): Cause[] {
  const total = new Map<string, number>();
  const most = new Map<string, number>();
  for (const { service, score } of causes) {
    total.set(service, (total.get(service) ?? 0) + score);
    most.set(service, Math.max(most.get(service) ?? 0, score));
  }
  return causes
    .map((cause) => ({ ...cause, score: (total.get(cause.service)! * cause.score) / most.get(cause.service)! }))
    .filter((cause) => cause.score > MIN_SCORE)
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId)
    .slice(0, MAX_CAUSES);
}
