import type { Finding } from '../model/anomaly.js';
import type { Incident } from '../model/incident.js';
import type { OperationBaseline } from '../model/baseline.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';

/**
 * A deviation that has lasted this long has been told; from then on it is learned as the new normal. One that has lasted longer than what
 * it is held against was ever seen is adopted earlier: there is no reason to call the shorter time the normal one.
 */
const ADOPT_AFTER_MS = 30 * MINUTE_MS;
const ADOPT_AFTER_AT_LEAST_MS = 5 * MINUTE_MS;

/**
 * Operations that teach nothing in the minute from `minuteMs`: those that an incident of that time affects or blames, and those with a
 * raised finding in it or in the minute after (a fault is older than its first verdict). What an incident has held for half an hour, or
 * for longer than the operation's normal behaviour was seen, is adopted.
 */
export function excludedOperations(
  incidents: readonly Pick<Incident, 'startedMs' | 'resolvedMs' | 'affected' | 'causes'>[],
  findings: readonly Finding[],
  baselines: ReadonlyMap<number, Pick<OperationBaseline, 'windows'>>,
  minuteMs: number,
): Set<number> {
  const excluded = new Set<number>();
  const adopted = new Set<number>();
  for (const incident of incidents) {
    if (incident.startedMs >= minuteMs + MINUTE_MS || (incident.resolvedMs ?? Infinity) <= minuteMs) continue;
    for (const { operationId } of [...incident.affected, ...incident.causes]) {
      const seenMs = (baselines.get(operationId)?.windows ?? 0) * WINDOW_MS;
      const adoptAfterMs = Math.min(ADOPT_AFTER_MS, Math.max(ADOPT_AFTER_AT_LEAST_MS, seenMs));
      const isAdopted = incident.startedMs <= minuteMs - adoptAfterMs;
      (isAdopted ? adopted : excluded).add(operationId);
    }
  }
  for (const finding of findings) {
    const isNear = finding.windowAtMs >= minuteMs && finding.windowAtMs < minuteMs + 2 * MINUTE_MS;
    if (finding.raised && isNear && !adopted.has(finding.operationId)) excluded.add(finding.operationId);
  }
  return excluded;
}
