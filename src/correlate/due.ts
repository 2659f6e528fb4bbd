import type { IncidentEvent } from '../model/incident.js';
import { MINUTE_MS } from '../model/window.js';

/** After it began (or began anew) an incident is compared once more when more of it is known, and a last time. */
const AGAIN_AFTER_MS = [MINUTE_MS, 5 * MINUTE_MS] as const;
/** How far back the steps lie that can be due. */
export const LONGEST_WAIT_MS = Math.max(...AGAIN_AFTER_MS);

/** A comparison that is to be made of what an incident was like at a step, with spans that ended before `throughMs`. */
export interface DueComparison {
  event: IncidentEvent;
  throughMs: number;
}

/**
 * What is due in the windows that end in (fromMs, toMs]: openings at once, and later while the incident lasts. Depends on the steps alone,
 * so that it is the same however late it is asked. `events`: all steps of the tenant since `fromMs` - LONGEST_WAIT_MS.
 */
export function dueComparisons(events: readonly IncidentEvent[], fromMs: number, toMs: number): DueComparison[] {
  const due: DueComparison[] = [];
  for (const event of events) {
    if (event.kind !== 'opened' && event.kind !== 'reopened') continue;
    for (const waitMs of [0, ...AGAIN_AFTER_MS]) {
      const throughMs = event.atMs + waitMs;
      if (throughMs <= fromMs || throughMs > toMs) continue;
      const latest = latestStep(events, event.incidentId, throughMs);
      // An end, or a new beginning with comparisons of its own.
      if (latest === undefined || latest.kind === 'resolved' || (latest.kind === 'reopened' && latest !== event))
        continue;
      due.push({ event: latest, throughMs });
    }
  }
  return due.sort((a, b) => a.throughMs - b.throughMs || (a.event.incidentId < b.event.incidentId ? -1 : 1));
}

function latestStep(
  events: readonly IncidentEvent[],
  incidentId: string,
  throughMs: number,
): IncidentEvent | undefined {
  return events
    .filter((event) => event.incidentId === incidentId && event.atMs <= throughMs)
    .reduce<IncidentEvent | undefined>(
      (last, each) => (last && last.sequence > each.sequence ? last : each),
      undefined,
    );
}
