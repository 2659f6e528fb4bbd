import { displayText, formatQuantity, type QuantityUnit } from './display.js';
import type { Incident, IncidentState, Severity } from './incident.js';
import type { Counterfactual, Evidence, InstanceShare } from './cause.js';
import type { Signal } from './anomaly.js';

/** An incident as the API and every message show it: times are ISO strings, names are as the sender gave them. */
export interface IncidentView {
  id: string;
  state: IncidentState;
  severity: Severity;
  /** One line, safe to show as plain text. */
  title: string;
  startedAt: string;
  openedAt: string;
  lastSeenAt: string;
  resolvedAt: string | null;
  flaps: number;
  causes: CauseView[];
  affected: AffectedView[];
  /** Trace ids (32 hex). */
  exemplars: string[];
}

interface CauseView {
  service: string;
  operation: string;
  score: number;
  evidence: Evidence[];
  instances: InstanceShare[];
  counterfactuals: Counterfactual[];
  exemplars: string[];
}

export interface AffectedView {
  service: string;
  operation: string;
  signal: Signal;
  /** Which quantile the values are (0 to 1), for latency; else null. */
  quantile: number | null;
  observed: number;
  expected: number;
  unit: QuantityUnit;
  n: number;
  score: number;
  since: string;
  /** So many rare operations of the service were judged together. */
  pooledOperations?: number;
}

/** The one mapping from the model to what is shown, shared by the API and the messages. */
export function incidentView(incident: Incident): IncidentView {
  return {
    id: incident.id,
    state: incident.state,
    severity: incident.severity,
    title: incidentTitle(incident),
    startedAt: iso(incident.startedMs),
    openedAt: iso(incident.openedMs),
    lastSeenAt: iso(incident.lastSeenMs),
    resolvedAt: incident.resolvedMs === null ? null : iso(incident.resolvedMs),
    flaps: incident.flaps,
    causes: incident.causes.map(({ service, operation, score, evidence, instances, counterfactuals, exemplars }) => ({
      service,
      operation,
      score,
      evidence: evidence.map(({ kind, text, observed, expected, unit, n, share, template, of }) => ({
        kind,
        text,
        observed,
        expected,
        unit,
        n,
        share,
        ...(template === undefined ? {} : { template }),
        ...(of === undefined ? {} : { of }),
      })),
      instances: instances ?? [],
      counterfactuals: counterfactuals ?? [],
      exemplars,
    })),
    affected: incident.affected.map(
      ({ service, operation, signal, quantile, observed, expected, unit, n, score, sinceMs, pooledOperations }) => ({
        service,
        operation,
        signal,
        quantile,
        observed,
        expected,
        unit,
        n,
        score,
        since: iso(sinceMs),
        ...(pooledOperations === undefined ? {} : { pooledOperations }),
      }),
    ),
    exemplars: incident.exemplars,
  };
}

/** How likely, in whole per cent: nothing is certain, and nothing that is told is impossible. */
export function percentLikely(score: number): number {
  return Math.min(99, Math.max(1, Math.round(score * 100)));
}

/** One line that names what is wrong, by how much, and the first suspect. */
function incidentTitle(incident: Pick<Incident, 'affected' | 'causes'>): string {
  const cause = incident.causes[0];
  const worst = headline(incident.affected, cause);
  const suspect = cause && `cause: ${operationName(cause)}`;
  if (!worst) return suspect ?? 'incident without figures';
  return suspect ? `${deviation(worst)}, ${suspect}` : deviation(worst);
}

/** `checkout / PlaceOrder p95 1.9 s (normal 240 ms)`, safe to show as plain text. */
export function deviation(
  affected: Pick<AffectedView, 'service' | 'operation' | 'signal' | 'quantile' | 'observed' | 'expected' | 'unit'> &
    Partial<Pick<AffectedView, 'pooledOperations'>>,
): string {
  const { signal, quantile, observed, expected, unit, pooledOperations = 1 } = affected;
  const values = `${formatQuantity(observed, unit)} (normal ${formatQuantity(expected, unit)})`;
  const others = pooledOperations > 1 ? ` (judged with ${pooledOperations - 1} other rare operations)` : '';
  return `${operationName(affected)}${others} ${figureName(signal, quantile)} ${values}`;
}

/** `service / operation`, safe to show as plain text. */
export function operationName(named: { service: string; operation: string }): string {
  return `${displayText(named.service, 80)} / ${displayText(named.operation, 120)}`;
}

/** Of a callee as its caller sees it, `gap` is the time that a call is under way and not at work. */
const FIGURES: Readonly<Record<Signal, string>> = {
  latency: 'latency',
  self_time: 'own time',
  gap: 'time on the way',
  errors: 'errors',
  traffic: 'traffic',
  calls: 'calls',
  events: 'log events',
};

/** `p95`, `own time p95`, or without a quantile when it is not said which is meant. */
function figureName(signal: Signal, quantile: number | null): string {
  if (quantile === null) return FIGURES[signal];
  const which = `p${Number((quantile * 100).toPrecision(4))}`;
  return signal === 'latency' ? which : `${FIGURES[signal]} ${which}`;
}

/** What users feel themselves. */
const FELT: ReadonlySet<Signal> = new Set(['latency', 'errors', 'traffic']);

/**
 * What users notice says more than what is blamed, which is named beside it: the worst operation that is not the first cause's, by its
 * latency, errors or traffic where those deviate.
 */
export function headline<T extends { service: string; operation: string; signal: Signal; score: number }>(
  affected: readonly T[],
  cause: { service: string; operation: string } | undefined,
): T | undefined {
  const byScore = affected.toSorted((a, b) => b.score - a.score);
  const other = (each: T) => each.service !== cause?.service || each.operation !== cause.operation;
  const others = byScore.filter(other);
  const from = others.length > 0 ? others : byScore;
  return from.find(({ signal }) => FELT.has(signal)) ?? from[0];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
