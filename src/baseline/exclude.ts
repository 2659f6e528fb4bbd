import type { Finding, FindingReason } from '../model/anomaly.js';
import type { Incident } from '../model/incident.js';
import type { OperationBaseline } from '../model/baseline.js';
import { floorMinute, MINUTE_MS, WINDOW_MS } from '../model/window.js';

/**
 * A deviation that has lasted this long has been told; from then on it is learned as the new normal. One that has lasted longer than what
 * it is held against was ever seen is adopted earlier: there is no reason to call the shorter time the normal one.
 */
const ADOPT_AFTER_MS = 30 * MINUTE_MS;
const ADOPT_AFTER_AT_LEAST_MS = 5 * MINUTE_MS;

/** What looked odd and was held back for want of evidence may be a fault all the same: it is learned when it has lasted so long. */
const UNSURE: ReadonlySet<FindingReason> = new Set(['not_significant', 'not_persistent', 'low_volume', 'learning']);
const ODD_MINUTES = 5;

/** How much of the past `excludedOperations` wants to see findings of. */
export const FINDINGS_LOOK_BACK_MS = ODD_MINUTES * MINUTE_MS;

/**
 * Operations that teach nothing in the minute from `minuteMs`: those that an incident of that time affects or blames, and those with a
 * raised finding in it or in the minute after (a fault is older than its first verdict), or with one that was held back for want of
 * evidence, unless that was so in each of the five minutes before. What an incident has held for half an hour, or for longer than the
 * operation's normal behaviour was seen, is adopted. `findings` are those of [minuteMs - FINDINGS_LOOK_BACK_MS, minuteMs + 2 min).
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
  const oddBefore = oddMinutes(findings, minuteMs);
  for (const finding of findings) {
    const isNear = finding.windowAtMs >= minuteMs && finding.windowAtMs < minuteMs + 2 * MINUTE_MS;
    if (!isNear || adopted.has(finding.operationId)) continue;
    if (finding.raised) for (const id of finding.pooled ?? [finding.operationId]) excluded.add(id);
    else if (UNSURE.has(finding.reason) && (oddBefore.get(finding.operationId)?.size ?? 0) < ODD_MINUTES) {
      excluded.add(finding.operationId);
    }
  }
  return excluded;
}

/** By operation: the minutes before this one in which something of it looked odd. */
function oddMinutes(findings: readonly Finding[], minuteMs: number): Map<number, Set<number>> {
  const odd = new Map<number, Set<number>>();
  for (const { operationId, windowAtMs, raised, reason } of findings) {
    const minute = floorMinute(windowAtMs);
    if (minute >= minuteMs || minute < minuteMs - FINDINGS_LOOK_BACK_MS || (!raised && !UNSURE.has(reason))) continue;
    const its = odd.get(operationId);
    if (its === undefined) odd.set(operationId, new Set([minute]));
    else its.add(minute);
  }
  return odd;
}
