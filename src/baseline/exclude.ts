import type { Finding } from '../model/anomaly.js';
import type { Incident } from '../model/incident.js';
import { MINUTE_MS } from '../model/window.js';

/** A deviation that has lasted this long has been told; from then on it is learned as the new normal. */
const ADOPT_AFTER_MS = 30 * MINUTE_MS;

/**
 * Operations that teach nothing in the minute from `minuteMs`: those that an incident of that time affects or blames, and those with a
 * raised finding in it or in the minute after (a fault is older than its first verdict). What an incident has held for half an hour is
 * adopted.
 */
export function excludedOperations(
  incidents: readonly Pick<Incident, 'startedMs' | 'resolvedMs' | 'affected' | 'causes'>[],
  findings: readonly Finding[],
  minuteMs: number,
): Set<number> {
  const excluded = new Set<number>();
  const adopted = new Set<number>();
  for (const incident of incidents) {
    if (incident.startedMs >= minuteMs + MINUTE_MS || (incident.resolvedMs ?? Infinity) <= minuteMs) continue;
    const isAdopted = incident.startedMs <= minuteMs - ADOPT_AFTER_MS;
    for (const { operationId } of [...incident.affected, ...incident.causes]) {
      (isAdopted ? adopted : excluded).add(operationId);
    }
  }
  for (const finding of findings) {
    const isNear = finding.windowAtMs >= minuteMs && finding.windowAtMs < minuteMs + 2 * MINUTE_MS;
    if (finding.raised && isNear && !adopted.has(finding.operationId)) excluded.add(finding.operationId);
  }
  return excluded;
}
