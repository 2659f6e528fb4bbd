import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import { SEVERITY_ERROR } from '../model/event.js';
import type { Policy } from '../model/policy.js';
import { dispersionOf } from '../model/spread.js';
import { binomialLowerScore, binomialUpperScore, poissonLowerScore, poissonUpperScore } from '../model/tail.js';
import { notYetJudged } from './evidence.js';
import { type EventSeries, NEWEST, operationsOf, shareOf } from './event-series.js';

/** Windows that must deviate. */
const MIN_DEVIATING = 2;

/** What the newest windows of one series say against its past, or null when that is nothing; with the reason why it is told or not. */
export function judgeEvents(series: EventSeries, baselines: Baselines, policy: Policy): Finding | null {
  const { baseline, counts, operationId, event } = series;
  const expected = shareOf(baseline);
  const best = strongestPool(series, expected, policy);
  const current = counts.at(-1)!;
  if (best === null || best.score < policy.windowScore) return null;
  const change = best.isDrop ? 'vanished' : series.isKnown ? 'more' : 'new';
  const shownAt = operationId === 0 ? busiestOperation(event.templateId, baselines) : operationId;
  if (shownAt === null) return null;
  const finding: Finding = {
    signal: 'events',
    operationId: shownAt,
    callerId: 0,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: best.isDrop ? 'down' : 'up',
    quantile: null,
    observed: best.spans / best.of,
    expected,
    unit: 'ratio',
    n: best.of,
    baselineN: Math.round(baseline.of),
    score: best.score,
    sinceMs: best.deviating[0] ?? current.windowAtMs,
    event: { ...event, change },
  };
  const learning = notYetJudged(baseline.windows, baseline.of, policy);
  if (learning !== null) return { ...finding, reason: learning };
  const isSevere = event.severity >= SEVERITY_ERROR;
  if (isSevere === best.isDrop) return { ...finding, reason: 'harmless' };
  if (best.isDrop) {
    if (best.of < policy.events.minVanishedN) return { ...finding, reason: 'low_volume' };
    if (expected < policy.events.minVanishedShare) return { ...finding, reason: 'small_absolute_effect' };
    if (finding.observed > expected * (1 - policy.events.minDrop)) {
      return { ...finding, reason: 'small_relative_effect' };
    }
  } else {
    if (best.spans < policy.events.minSpans) return { ...finding, reason: 'low_volume' };
    if (finding.observed - expected < policy.events.minAbsolute) return { ...finding, reason: 'small_absolute_effect' };
    if (finding.observed < expected * (1 + policy.events.minRelative)) {
      return { ...finding, reason: 'small_relative_effect' };
    }
  }
  if (best.deviating.length < MIN_DEVIATING || !lasts(series, expected, best.isDrop)) {
    return { ...finding, reason: 'not_persistent' };
  }
  return { ...finding, raised: true, reason: 'raised' };
}

interface Pool {
  score: number;
  isDrop: boolean;
  of: number;
  spans: number;
  /** Starts of its deviating windows. */
  deviating: number[];
}

/** The pool of newest windows that deviates most; each of the pools tried has its part of the probability. */
function strongestPool({ counts, operationId, baseline }: EventSeries, expected: number, policy: Policy): Pool | null {
  const phi = dispersionOf(baseline.chi, baseline.of / Math.max(1, baseline.windows));
  let best: Pool | null = null;
  for (const size of policy.events.pools) {
    const judged = counts.slice(-size).filter((each) => each.of > 0 && each.isJudged);
    const of = judged.reduce((sum, each) => sum + each.of, 0);
    const all = judged.reduce((sum, each) => sum + each.spans, 0);
    if (of === 0) continue;
    const spans = operationId === 0 ? all : Math.min(all, of);
    const isDrop = spans < expected * of;
    const tail =
      operationId === 0
        ? isDrop
          ? poissonLowerScore(spans / phi, (expected * of) / phi)
          : poissonUpperScore(spans / phi, (expected * of) / phi)
        : isDrop
          ? binomialLowerScore(spans / phi, of / phi, expected)
          : binomialUpperScore(spans / phi, of / phi, expected);
    const score = Math.max(0, tail - Math.log10(policy.events.pools.length));
    if (best !== null && score <= best.score) continue;
    const deviating = judged.filter((each) => deviates(each, expected, isDrop)).map((each) => each.windowAtMs);
    best = { score, isDrop, of, spans, deviating };
  }
  return best;
}

/** On the same side by half the effect that is asked for. */
function deviates({ of, spans }: { of: number; spans: number }, expected: number, isDrop: boolean): boolean {
  return isDrop ? spans <= of * expected * 0.5 : spans >= Math.max(1, of * expected * 1.5);
}

/** The newest windows in which the operation was at work still deviate when taken together. */
function lasts({ counts }: EventSeries, expected: number, isDrop: boolean): boolean {
  const newest = counts.filter((each) => each.of > 0 && each.isJudged).slice(-NEWEST);
  const of = newest.reduce((sum, each) => sum + each.of, 0);
  const spans = newest.reduce((sum, each) => sum + each.spans, 0);
  return deviates({ of, spans }, expected, isDrop);
}

/** Whom to name for lines outside of spans: the operation of the service that works most. */
function busiestOperation(templateId: number, baselines: Baselines): number | null {
  const known = baselines.events!;
  const serviceId = known.templates.get(templateId)?.serviceId;
  if (serviceId === undefined) return null;
  let busiest: number | null = null;
  let most = 0;
  for (const operationId of operationsOf(serviceId, known)) {
    const n = baselines.operations.get(operationId)?.n ?? 0;
    if (n > most) [busiest, most] = [operationId, n];
  }
  return busiest;
}
