import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import { ANY_SEVERE, SEVERITY_ERROR } from '../model/event.js';
import type { Policy } from '../model/policy.js';
import type { WindowMeasure } from '../model/rollup.js';
import { holdBackLoggingChanges, type JudgedSeries } from './event-logging.js';
import { type EventSeries, eventSeries, NEWEST, shareOf } from './event-series.js';
import { judgeEvents } from './event-verdict.js';

/**
 * Log lines and span events, by template and operation: the share of the operation's spans that hold one, against its past share.
 * Upwards it is told when the events are errors, downwards when what nearly every span wrote is gone while the spans still come; all else is
 * information. Returns at most one finding an operation, the strongest, and how many series were looked at.
 */
export function detectEvents(
  history: readonly WindowMeasure[],
  baselines: Baselines,
  policy: Policy,
): { findings: Finding[]; tests: number } {
  const known = baselines.events;
  if (known === undefined || history.length === 0) return { findings: [], tests: 0 };
  const series = eventSeries(history.slice(-Math.max(...policy.events.pools)), baselines, known);
  const judged = series
    .map((each) => ({ series: each, finding: judgeEvents(each, baselines, policy) }))
    .filter((each): each is JudgedSeries => each.finding !== null);
  holdBackLoggingChanges(judged, series, known);
  const strongest = new Map<number, Finding>();
  for (const { finding } of judged) {
    const other = strongest.get(finding.operationId);
    if (other === undefined || rank(finding) > rank(other)) strongest.set(finding.operationId, finding);
  }
  return { findings: [...strongest.values()], tests: series.filter((each) => canBeRaised(each, policy)).length };
}

/** Whether the series is at work and of a kind that is told at all: only then it is a chance of a false discovery. */
function canBeRaised({ event, baseline, counts }: EventSeries, policy: Policy): boolean {
  const isTold = event.severity >= SEVERITY_ERROR || shareOf(baseline) >= policy.events.minVanishedShare;
  return isTold && counts.slice(-NEWEST).some(({ of }) => of > 0);
}

/** A template that can be named says more than the sum of all errors, if it is about as strong. */
function rank({ raised, score, event }: Finding): number {
  return (raised ? 1_000 : 0) + (event?.templateId === ANY_SEVERE ? score * 0.8 : score);
}
