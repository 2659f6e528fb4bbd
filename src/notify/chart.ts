import type { AlertFigures } from '../model/alert.js';
import type { Signal } from '../model/anomaly.js';
import { headline, type AffectedView } from '../model/incident-view.js';
import type { Notice, NoticeChart } from '../model/notice.js';
import type { ChartedRule, OperationStep } from '../model/operation-step.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';

/** Shown before it began, so that one sees what was normal. */
const BEFORE_MS = HOUR_MS;
/** Of a service that is not known for as long. */
const SHORTEST_BEFORE_MS = 5 * MINUTE_MS;
const LONGEST_MS = 24 * HOUR_MS;
/** Up to this a step is a window, else a minute: a picture 600 points wide shows no more. */
const FINE_UP_TO_MS = 100 * MINUTE_MS;
/** Normal is where the middle nine tenths of the steps before it began lie, when there are enough to say so. */
const BAND = [0.05, 0.95] as const;
const LEAST_STEPS = 6;

type Measure = { of: 'latency' | 'self_time'; quantile: number } | { of: 'error_rate' | 'count' | 'rate' };

/** What a message can draw: one measure of one operation over a period. */
export interface ChartSubject {
  service: string;
  operation: string;
  measure: Measure;
  unit: AlertFigures['unit'];
  sinceMs: number;
  fromMs: number;
  toMs: number;
  stepMs: number;
  /** What a rule allows; null: what was normal is to be read from the steps before. */
  limit: { above: number } | { below: number } | null;
}

/** What there is to draw of a notice; null: nothing that is measured step by step. `rule` is that of its first alert. */
export function chartSubject(notice: Notice, rule: ChartedRule | null): ChartSubject | null {
  const toMs = Math.floor(Date.parse(notice.timestamp) / WINDOW_MS) * WINDOW_MS;
  const { incident, alerts = [] } = notice;
  if (incident !== null) {
    const drawable = incident.affected.filter((each) => measureOf(each) !== null);
    const worst = headline(drawable, incident.causes[0]);
    if (worst === undefined) return null;
    const { service, operation, unit } = worst;
    const measure = measureOf(worst)!;
    const about = { service, operation, unit, measure, limit: null };
    return { ...about, ...period(Date.parse(incident.startedAt), toMs, measure) };
  }
  const [first] = alerts;
  const measure = rule && RULE_MEASURES[rule.measure];
  if (first === undefined || rule === null || measure == null || first.figures?.expected == null) return null;
  const { service, operation } = first.labels;
  if (service === undefined || operation === undefined) return null;
  const { expected, unit } = first.figures;
  const limit = rule.isBelow ? { below: expected } : { above: expected };
  return { service, operation, unit, measure, limit, ...period(Date.parse(first.startsAt), toMs, measure) };
}

/** The picture's series; null: too little is stored of that time. */
export function chartOf(subject: ChartSubject, steps: readonly OperationStep[]): NoticeChart | null {
  const { measure, unit, sinceMs, fromMs, toMs, stepMs, limit } = subject;
  const byTime = new Map(steps.map((step) => [step.atMs, step]));
  const points: NoticeChart['points'] = [];
  // A service that is known for minutes needs no empty hour before them.
  const firstMs = Math.max(fromMs, Math.min(sinceMs - SHORTEST_BEFORE_MS, ...byTime.keys()));
  for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
    if (atMs < firstMs) continue;
    const step = byTime.get(atMs);
    points.push([atMs, step === undefined ? null : valueOf(step, measure, stepMs)]);
  }
  const seen = points.flatMap(([, value]) => (value === null ? [] : [value]));
  if (seen.length < LEAST_STEPS) return null;
  const before = points
    .flatMap(([atMs, value]) => (value === null || atMs + stepMs > sinceMs ? [] : [value]))
    .toSorted((a, b) => a - b);
  const band = limit === null ? bandOf(before) : 'above' in limit ? [0, limit.above] : [limit.below, Math.max(...seen)];
  const normal: NoticeChart['normal'] = band === null ? [] : [points[0]![0], toMs].map((ms) => [ms, band[0], band[1]]);
  return { unit, points, normal };
}

const RULE_MEASURES: Readonly<Record<string, Measure>> = {
  p50: { of: 'latency', quantile: 0.5 },
  p75: { of: 'latency', quantile: 0.75 },
  p90: { of: 'latency', quantile: 0.9 },
  p95: { of: 'latency', quantile: 0.95 },
  p99: { of: 'latency', quantile: 0.99 },
  'p99.9': { of: 'latency', quantile: 0.999 },
  error_rate: { of: 'error_rate' },
  rate: { of: 'rate' },
};

function measureOf({ signal, quantile }: Pick<AffectedView, 'signal' | 'quantile'>): Measure | null {
  const measures: Partial<Record<Signal, Measure>> = {
    latency: { of: 'latency', quantile: quantile ?? 0.5 },
    self_time: { of: 'self_time', quantile: quantile ?? 0.5 },
    errors: { of: 'error_rate' },
    traffic: { of: 'count' },
  };
  return measures[signal] ?? null;
}

function valueOf(step: OperationStep, measure: Measure, stepMs: number): number | null {
  switch (measure.of) {
    case 'latency':
      return step.latency.quantile(measure.quantile);
    case 'self_time':
      return step.selfTime.quantile(measure.quantile);
    case 'error_rate':
      return step.n === 0 ? null : step.errors / step.n;
    case 'count':
      return (step.n * WINDOW_MS) / stepMs;
    case 'rate':
      return (step.n * 1_000) / stepMs;
  }
}

function period(
  sinceMs: number,
  toMs: number,
  { of }: Measure,
): Pick<ChartSubject, 'sinceMs' | 'fromMs' | 'toMs' | 'stepMs'> {
  // Self time is known of windows only.
  const longestMs = of === 'self_time' ? FINE_UP_TO_MS : LONGEST_MS;
  const firstMs = Math.max(Math.min(sinceMs, toMs) - BEFORE_MS, toMs - longestMs);
  const stepMs = toMs - firstMs <= FINE_UP_TO_MS ? WINDOW_MS : MINUTE_MS;
  return { sinceMs, fromMs: Math.floor(firstMs / stepMs) * stepMs, toMs: Math.floor(toMs / stepMs) * stepMs, stepMs };
}

function bandOf(sorted: readonly number[]): readonly [number, number] | null {
  if (sorted.length < LEAST_STEPS) return null;
  const [low, high] = BAND.map((share) => sorted[Math.round(share * (sorted.length - 1))]!);
  return [low!, high!];
}
