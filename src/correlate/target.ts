import type { Finding } from '../model/anomaly.js';
import type { BadKind } from '../model/correlation.js';
import type { Incident } from '../model/incident.js';

/** Whose traces are compared, and what makes one of them bad. */
export interface Target {
  /** The operation whose traces are looked at: for what happens between two, the caller. */
  operationId: number;
  /** Whose calls are counted; null unless the deviation is about how often it is called. */
  calleeId: number | null;
  bad: BadKind;
  /** Start of the first deviating window of the incident's series. */
  sinceMs: number;
}

/** More than the best few are not worth their reading. */
const MAX_TARGETS = 3;

/**
 * The deviating series to compare traces of, best first: that of the operation that is blamed first when it deviates itself (there bad
 * and good differ most), then those of its service, then the strongest. Empty when no finding tells good traces from bad ones.
 */
export function targetsOf(findings: readonly Finding[], incident: Pick<Incident, 'affected' | 'causes'>): Target[] {
  const affected = new Map(incident.affected.map((each) => [each.operationId, each.service]));
  const suspect = incident.causes[0];
  const closeness = ({ operationId }: Finding): number =>
    operationId === suspect?.operationId ? 2 : affected.get(operationId) === suspect?.service ? 1 : 0;
  const usable = findings.filter((each) => each.raised && badKindOf(each) !== null && affected.has(each.operationId));
  const sinceMs = Math.min(...usable.map((finding) => finding.sinceMs));
  const targets = usable
    .toSorted(
      (a, b) =>
        closeness(b) - closeness(a) ||
        b.score - a.score ||
        a.operationId - b.operationId ||
        a.callerId - b.callerId ||
        (a.signal < b.signal ? -1 : 1),
    )
    .map((finding) => ({ ...placeOf(finding), bad: badKindOf(finding)!, sinceMs }));
  const nameOf = (target: Target) => JSON.stringify(target);
  return [...new Map(targets.map((target) => [nameOf(target), target])).values()].slice(0, MAX_TARGETS);
}

function placeOf({ signal, operationId, callerId }: Finding): Pick<Target, 'operationId' | 'calleeId'> {
  if (callerId === 0) return { operationId, calleeId: null };
  return { operationId: callerId, calleeId: signal === 'calls' ? operationId : null };
}

/** Self time and gaps make the span longer in which they are spent. A drop of traffic leaves no bad trace to look at. */
function badKindOf({ signal, callerId, direction }: Finding): BadKind | null {
  switch (signal) {
    case 'latency':
    case 'self_time':
    case 'gap':
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
