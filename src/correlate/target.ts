import type { Finding } from '../model/anomaly.js';
import type { BadKind } from '../model/correlation.js';
import type { Incident } from '../model/incident.js';

/** Whose traces are compared, and what makes one of them bad. */
export interface Target {
  /** The operation whose traces are looked at: for calls, the caller. */
  operationId: number;
  /** Whose calls are counted; null unless the deviation is about calls. */
  calleeId: number | null;
  bad: BadKind;
  /** Start of its first deviating window. */
  sinceMs: number;
}

/**
 * The deviating series to compare traces of: that of the operation that is blamed first when it deviates itself (there bad and good
 * differ most), else one of its service, else the strongest. Null when no finding tells good traces from bad ones.
 */
export function targetOf(findings: readonly Finding[], incident: Pick<Incident, 'affected' | 'causes'>): Target | null {
  const affected = new Map(incident.affected.map((each) => [each.operationId, each.service]));
  const suspect = incident.causes[0];
  let best: { finding: Finding; bad: BadKind; closeness: number } | null = null;
  let sinceMs = Infinity;
  for (const finding of findings) {
    const bad = badKindOf(finding);
    const service = affected.get(finding.operationId);
    if (!finding.raised || bad === null || service === undefined) continue;
    sinceMs = Math.min(sinceMs, finding.sinceMs);
    const closeness = finding.operationId === suspect?.operationId ? 2 : service === suspect?.service ? 1 : 0;
    if (best === null || isBetter(finding, closeness, best)) best = { finding, bad, closeness };
  }
  if (best === null) return null;
  const { operationId, callerId } = best.finding;
  const isCall = callerId !== 0;
  return {
    operationId: isCall ? callerId : operationId,
    calleeId: isCall ? operationId : null,
    bad: best.bad,
    sinceMs,
  };
}

function isBetter(finding: Finding, closeness: number, best: { finding: Finding; closeness: number }): boolean {
  return (
    (closeness - best.closeness ||
      finding.score - best.finding.score ||
      best.finding.operationId - finding.operationId ||
      best.finding.windowAtMs - finding.windowAtMs) > 0
  );
}

/** A drop of traffic leaves no bad trace to look at. */
function badKindOf({ signal, callerId, direction }: Finding): BadKind | null {
  switch (signal) {
    case 'latency':
      return direction === 'up' ? 'slow' : null;
    case 'errors':
      return direction === 'up' ? 'failed' : null;
    case 'calls':
      return callerId === 0 ? null : direction === 'up' ? 'repeating_call' : 'lacking_call';
    case 'traffic':
      return direction === 'up' ? 'now' : null;
    default:
      return null;
  }
}
