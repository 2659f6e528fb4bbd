import type { Finding } from '../model/anomaly.js';
import { type EventKnowledge, SEVERITY_ERROR, SEVERITY_WARN } from '../model/event.js';
import { type EventSeries, NEWEST, shareOf } from './event-series.js';

/** A template takes the place of another when it gains this part of what the other lost. */
const REPLACES = 0.8;

/** A series and what was found of it. */
export interface JudgedSeries {
  series: EventSeries;
  finding: Finding;
}

/**
 * Holds back what tells of logging that changed, not of what the service does: texts that others took the place of, and services that write
 * nothing harmless any more. The findings are changed in place.
 */
export function holdBackLoggingChanges(
  judged: readonly JudgedSeries[],
  all: readonly EventSeries[],
  known: EventKnowledge,
): void {
  holdBackReplaced(judged, all);
  holdBackSilenced(judged, all, known);
}

/** A template that is gone while another, no worse, is there in its stead: somebody changed the text. */
function holdBackReplaced(judged: readonly JudgedSeries[], all: readonly EventSeries[]): void {
  for (const { series, finding } of judged) {
    if (!finding.raised || finding.direction !== 'down') continue;
    const missing = finding.expected - finding.observed;
    const isReplaced = all.some(
      (other) =>
        other.operationId === series.operationId &&
        other.event.severity < SEVERITY_ERROR &&
        shareSince(other, finding.sinceMs) - shareOf(other.baseline) >= REPLACES * missing,
    );
    if (isReplaced) Object.assign(finding, { raised: false, reason: 'harmless' });
  }
}

function shareSince({ counts }: EventSeries, sinceMs: number): number {
  const since = counts.filter(({ windowAtMs }) => windowAtMs >= sinceMs);
  const of = since.reduce((sum, each) => sum + each.of, 0);
  return of === 0 ? 0 : since.reduce((sum, each) => sum + each.spans, 0) / of;
}

/** Several operations of a service stop writing at once, all that they wrote: its logging changed, not what it does. */
function holdBackSilenced(judged: readonly JudgedSeries[], all: readonly EventSeries[], known: EventKnowledge): void {
  const gone = new Map<number, JudgedSeries[]>();
  for (const each of judged) {
    if (!each.finding.raised || each.finding.direction !== 'down') continue;
    const service = known.serviceOf.get(each.finding.operationId) ?? 0;
    gone.set(service, [...(gone.get(service) ?? []), each]);
  }
  for (const [service, list] of gone) {
    if (new Set(list.map(({ series }) => series.operationId)).size < 2) continue;
    const stillWrites = all.some(
      ({ operationId, event, counts }) =>
        known.serviceOf.get(operationId) === service &&
        event.severity < SEVERITY_WARN &&
        counts.slice(-NEWEST).some(({ spans }) => spans > 0),
    );
    if (stillWrites) continue;
    for (const { finding } of list) Object.assign(finding, { raised: false, reason: 'logging_changed' });
  }
}
