import { ALL_RECORDS, type EventKnowledge } from './event.js';
import type { WindowMeasure } from './rollup.js';

/** Below this part of the usual log records a window tells nothing of what is missing: the logs have not come. */
const MIN_RECORDS = 0.5;

/** Spans of a window in which a template could have been seen. */
export type SpansLookedAt = (templateId: number, operationId: number) => number;

/** Log lines are looked for in all spans, span events in the sampled ones; what is counted by service, in all spans of the service. */
export function spansLookedAt(window: WindowMeasure, { templates, serviceOf }: EventKnowledge): SpansLookedAt {
  const rollups = new Map(window.rollups.map((rollup) => [rollup.operationId, rollup]));
  const perService = new Map<number, number>();
  for (const { operationId, n } of window.rollups) {
    const service = serviceOf.get(operationId) ?? 0;
    perService.set(service, (perService.get(service) ?? 0) + n);
  }
  return (templateId, operationId) => {
    const template = templates.get(templateId);
    if (operationId === 0) return template === undefined ? window.n : (perService.get(template.serviceId) ?? 0);
    const rollup = rollups.get(operationId);
    return (template?.source === 'span_event' ? rollup?.sampledN : rollup?.n) ?? 0;
  };
}

/** Log records with a time in the window. */
export function recordsOf(window: WindowMeasure): number {
  return (window.events ?? []).reduce((sum, each) => sum + (each.operationId === 0 ? each.n : 0), 0);
}

/** Whether logs came at all: about as many records a span as usual. */
export function hasItsLogs(window: WindowMeasure, { baselines }: EventKnowledge): boolean {
  const all = baselines.get(ALL_RECORDS);
  if (all === undefined || all.of === 0) return true;
  return recordsOf(window) >= MIN_RECORDS * window.n * (all.spans / all.of);
}
