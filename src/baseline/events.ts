import type { Baselines } from '../model/baseline.js';
import { ALL_RECORDS, type EventBaseline, type EventKnowledge, eventKey, fromEventKey } from '../model/event.js';
import { hasItsLogs, recordsOf, spansLookedAt } from '../model/event-share.js';
import type { WindowMeasure } from '../model/rollup.js';

/** As in learn.ts. */
const MAX_WINDOWS = 360;
const MIN_WINDOWS_FOR_DISPERSION = 6;
const MAX_CHI = 16;
/** What has faded to less is forgotten, so that templates that come and go do not pile up. */
const FORGET_BELOW = 0.3;

/**
 * Folds the events of a minute's windows into what is normal, after the operations have learned it, and adds the keys that changed to `changed`; those no longer in `baselines` were forgotten.
 * Operations in `excluded` learn nothing, nor do their services' lines outside of spans. A window into which too few log records came
 * teaches nothing about logs.
 */
export function learnEvents(
  known: Baselines,
  minute: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
  changed: Set<string>,
): void {
  if (known.events === undefined) return;
  minute.forEach((window, i) => learnWindow(known, known.events!, window, minute.slice(i), excluded, changed));
}

function learnWindow(
  known: Baselines,
  events: EventKnowledge,
  window: WindowMeasure,
  rest: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
  changed: Set<string>,
): void {
  const seen = new Map((window.events ?? []).map((each) => [eventKey(each.templateId, each.operationId), each.spans]));
  const isComplete = hasItsLogs(window, events);
  if (seen.size > 0 || events.baselines.has(ALL_RECORDS)) seen.set(ALL_RECORDS, recordsOf(window));
  const quiet = new Set([...excluded].map((operationId) => events.serviceOf.get(operationId)));
  const spansOf = spansLookedAt(window, events);
  const mayLearn = (key: string): boolean => {
    const { templateId, operationId } = fromEventKey(key);
    const template = events.templates.get(templateId);
    if (template?.source !== 'span_event' && !isComplete && key !== ALL_RECORDS) return false;
    return operationId === 0 ? !quiet.has(template?.serviceId) : !excluded.has(operationId);
  };
  for (const key of seen.keys()) {
    if (!events.baselines.has(key) && mayLearn(key)) events.baselines.set(key, newBaseline(key, known, events, rest));
  }
  for (const [key, baseline] of events.baselines) {
    if (!mayLearn(key)) continue;
    const { templateId, operationId } = fromEventKey(key);
    const of = spansOf(templateId, operationId);
    const spans = seen.get(key) ?? 0;
    if (of === 0 && spans === 0) continue;
    observe(baseline, spans, of, operationId === 0);
    baseline.windows++;
    baseline.of += of;
    baseline.spans += spans;
    if (baseline.windows >= MAX_WINDOWS) fade(baseline);
    if (baseline.spans < FORGET_BELOW) events.baselines.delete(key);
    changed.add(key);
  }
}

/**
 * The operation was at work before this template was first seen: it was not there then. The operation has learned the whole minute already;
 * the spans of `rest`, the windows from this one on, are added later.
 */
function newBaseline(
  key: string,
  known: Baselines,
  events: EventKnowledge,
  rest: readonly WindowMeasure[],
): EventBaseline {
  const { templateId, operationId } = fromEventKey(key);
  const template = events.templates.get(templateId);
  const baseline: EventBaseline = { windows: 0, of: 0, spans: 0, chi: { sum: 0, n: 0 } };
  if (key === ALL_RECORDS) return baseline;
  const operations =
    operationId !== 0
      ? [operationId]
      : [...events.serviceOf].filter(([, service]) => service === template?.serviceId).map(([id]) => id);
  for (const id of operations) {
    const past = known.operations.get(id);
    if (past === undefined) continue;
    const isSampled = template?.source === 'span_event';
    let before = isSampled ? past.sampledN : past.n;
    for (const { rollups } of rest) {
      const here = rollups.find((rollup) => rollup.operationId === id);
      before -= (isSampled ? here?.sampledN : here?.n) ?? 0;
    }
    baseline.of += Math.max(0, before);
    baseline.windows = Math.max(baseline.windows, past.windows - rest.length);
  }
  return baseline;
}

/** Squared standardised deviation of this window's count from what the past predicts: binomial in spans, Poisson otherwise. */
function observe(baseline: EventBaseline, spans: number, of: number, isPoisson: boolean): void {
  if (baseline.windows < MIN_WINDOWS_FOR_DISPERSION || baseline.of < 50 || of < 3) return;
  const p = (baseline.spans + 0.5) / (baseline.of + 1);
  const variance = isPoisson ? of * p : of * p * (1 - p);
  if (variance <= 0) return;
  baseline.chi.sum += Math.min(MAX_CHI, (spans - of * p) ** 2 / Math.max(variance, 0.05));
  baseline.chi.n++;
}

function fade(baseline: EventBaseline): void {
  baseline.windows /= 2;
  baseline.of /= 2;
  baseline.spans /= 2;
  baseline.chi.sum /= 2;
  baseline.chi.n /= 2;
}
