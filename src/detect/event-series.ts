import type { Baselines } from '../model/baseline.js';
import {
  ANY_SEVERE,
  type EventBaseline,
  type EventDeviation,
  type EventKnowledge,
  eventKey,
  fromEventKey,
  SEVERITY_ERROR,
} from '../model/event.js';
import { hasItsLogs, type SpansLookedAt, spansLookedAt } from '../model/event-share.js';
import type { WindowMeasure } from '../model/rollup.js';

/** So many windows are the newest: together they must deviate still. */
export const NEWEST = 3;

interface EventWindow {
  windowAtMs: number;
  spansOf: SpansLookedAt;
  seen: Map<string, number>;
  hasLogs: boolean;
}

/** One template of one operation over the windows at hand. */
export interface EventSeries {
  key: string;
  operationId: number;
  baseline: EventBaseline;
  isKnown: boolean;
  event: Omit<EventDeviation, 'change'>;
  counts: { windowAtMs: number; of: number; spans: number; isJudged: boolean }[];
}

/** A series for each template and operation that is known or was seen in these windows, with what is normal of it. */
export function eventSeries(
  history: readonly WindowMeasure[],
  baselines: Baselines,
  known: EventKnowledge,
): EventSeries[] {
  const windows = history.map((window): EventWindow => ({
    windowAtMs: window.windowAtMs,
    spansOf: spansLookedAt(window, known),
    seen: new Map((window.events ?? []).map((each) => [eventKey(each.templateId, each.operationId), each.spans])),
    hasLogs: hasItsLogs(window, known),
  }));
  const keys = new Set(known.baselines.keys());
  for (const { seen } of windows) for (const key of seen.keys()) keys.add(key);
  const rare = rareTemplates(known);
  const correlated = inSpans(known);
  const series: EventSeries[] = [];
  for (const key of keys) {
    const { templateId, operationId } = fromEventKey(key);
    const template = known.templates.get(templateId);
    if (template === undefined && (templateId !== ANY_SEVERE || operationId === 0)) continue;
    // Lines that are mostly written within spans are judged there.
    if (operationId === 0 && correlated.has(templateId)) continue;
    const own = known.baselines.get(key);
    const baseline = own ?? neverSeen(operationId, template?.serviceId ?? 0, baselines, known, rare);
    if (baseline === null) continue;
    series.push({
      key,
      operationId,
      baseline,
      isKnown: own !== undefined,
      event: {
        templateId,
        severity: template?.severity ?? SEVERITY_ERROR,
        text: template?.text ?? 'any error',
      },
      counts: windows.map(({ windowAtMs, spansOf, seen, hasLogs }) => ({
        windowAtMs,
        of: spansOf(templateId, operationId),
        spans: seen.get(key) ?? 0,
        isJudged: hasLogs || template?.source === 'span_event',
      })),
    });
  }
  return series;
}

/**
 * What to expect of a template that was never seen: as often as the operation shows any template for the first time, which is about the number
 * of those seen once (Good, "The population frequencies of species and the estimation of population parameters", Biometrika 40, 1953).
 */
function neverSeen(
  operationId: number,
  serviceId: number,
  baselines: Baselines,
  known: EventKnowledge,
  rare: ReadonlyMap<number, number>,
): EventBaseline | null {
  const operations = operationId === 0 ? operationsOf(serviceId, known) : [operationId];
  const past = operations.flatMap((id) => baselines.operations.get(id) ?? []);
  if (past.length === 0) return null;
  return {
    windows: Math.max(...past.map(({ windows }) => windows)),
    of: past.reduce((sum, { n }) => sum + n, 0),
    spans: rare.get(operationId === 0 ? -serviceId : operationId) ?? 0,
    chi: { sum: 0, n: 0 },
  };
}

/** Templates seen about once, by operation (and by service, as a negative number). */
function rareTemplates(known: EventKnowledge): Map<number, number> {
  const rare = new Map<number, number>();
  for (const [key, { spans }] of known.baselines) {
    if (spans > 1.5) continue;
    const { templateId, operationId } = fromEventKey(key);
    const of = operationId === 0 ? -(known.templates.get(templateId)?.serviceId ?? 0) : operationId;
    rare.set(of, (rare.get(of) ?? 0) + 1);
  }
  return rare;
}

/** Templates at least half of whose lines were found in spans. */
function inSpans(known: EventKnowledge): Set<number> {
  const within = new Map<number, number>();
  const all = new Map<number, number>();
  for (const [key, { spans }] of known.baselines) {
    const { templateId, operationId } = fromEventKey(key);
    const sums = operationId === 0 ? all : within;
    sums.set(templateId, (sums.get(templateId) ?? 0) + spans);
  }
  return new Set([...within].filter(([id, n]) => n >= (all.get(id) ?? 0) / 2).map(([id]) => id));
}

/** Operations of a service, by id. */
export function operationsOf(serviceId: number, { serviceOf }: EventKnowledge): number[] {
  return [...serviceOf].filter(([, service]) => service === serviceId).map(([operationId]) => operationId);
}

/** Past share of spans, by the estimate of Krichevsky and Trofimov. */
export function shareOf({ spans, of }: EventBaseline): number {
  return (spans + 0.5) / (of + 1);
}
