import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import {
  ANY_SEVERE,
  type EventBaseline,
  type EventDeviation,
  type EventKnowledge,
  eventKey,
  fromEventKey,
  SEVERITY_ERROR,
  SEVERITY_WARN,
} from '../model/event.js';
import { hasItsLogs, type SpansLookedAt, spansLookedAt } from '../model/event-share.js';
import type { Policy } from '../model/policy.js';
import type { WindowMeasure } from '../model/rollup.js';
import { dispersionOf } from '../model/spread.js';
import { binomialLowerScore, binomialUpperScore, normalUpperScore } from '../model/tail.js';
import { notYetJudged } from './evidence.js';

/** A template takes the place of another when it gains this part of what the other lost. */
const REPLACES = 0.8;

/** Windows that must deviate, and windows that are the newest: together they must deviate still. */
const MIN_DEVIATING = 2;
const NEWEST = 3;

interface EventWindow {
  windowAtMs: number;
  spansOf: SpansLookedAt;
  seen: Map<string, number>;
  hasLogs: boolean;
}

/** One template of one operation over the windows at hand. */
interface Series {
  key: string;
  operationId: number;
  baseline: EventBaseline;
  isKnown: boolean;
  event: Omit<EventDeviation, 'change'>;
  counts: { windowAtMs: number; of: number; spans: number; isJudged: boolean }[];
}

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
  const windows = history.slice(-Math.max(...policy.events.pools)).map((window) => ({
    windowAtMs: window.windowAtMs,
    spansOf: spansLookedAt(window, known),
    seen: new Map((window.events ?? []).map((each) => [eventKey(each.templateId, each.operationId), each.spans])),
    hasLogs: hasItsLogs(window, known),
  }));
  const series = seriesOf(windows, baselines, known);
  const judged = series
    .map((each) => ({ series: each, finding: judge(each, baselines, policy) }))
    .filter((each): each is { series: Series; finding: Finding } => each.finding !== null);
  holdBackReplaced(judged, series);
  holdBackLoggingChanges(judged, series, known);
  const strongest = new Map<number, Finding>();
  for (const { finding } of judged) {
    const other = strongest.get(finding.operationId);
    if (other === undefined || rank(finding) > rank(other)) strongest.set(finding.operationId, finding);
  }
  return { findings: [...strongest.values()], tests: series.filter((each) => canBeRaised(each, policy)).length };
}

/** Whether the series is at work and of a kind that is told at all: only then it is a chance of a false discovery. */
function canBeRaised({ event, baseline, counts }: Series, policy: Policy): boolean {
  const isTold = event.severity >= SEVERITY_ERROR || shareOf(baseline) >= policy.events.minVanishedShare;
  return isTold && counts.slice(-NEWEST).some(({ of }) => of > 0);
}

/** A template that can be named says more than the sum of all errors, if it is about as strong. */
function rank({ raised, score, event }: Finding): number {
  return (raised ? 1_000 : 0) + (event?.templateId === ANY_SEVERE ? score * 0.8 : score);
}

function seriesOf(windows: readonly EventWindow[], baselines: Baselines, known: EventKnowledge): Series[] {
  const keys = new Set(known.baselines.keys());
  for (const { seen } of windows) for (const key of seen.keys()) keys.add(key);
  const rare = rareTemplates(known);
  const correlated = inSpans(known);
  const series: Series[] = [];
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

function operationsOf(serviceId: number, { serviceOf }: EventKnowledge): number[] {
  return [...serviceOf].filter(([, service]) => service === serviceId).map(([operationId]) => operationId);
}

function judge(series: Series, baselines: Baselines, policy: Policy): Finding | null {
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

/** Past share of spans, by the estimate of Krichevsky and Trofimov. */
function shareOf({ spans, of }: EventBaseline): number {
  return (spans + 0.5) / (of + 1);
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
function strongestPool({ counts, operationId, baseline }: Series, expected: number, policy: Policy): Pool | null {
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
        ? normalUpperScore(Math.abs(spans - expected * of) / Math.sqrt(phi * Math.max(1, expected * of)))
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
function lasts({ counts }: Series, expected: number, isDrop: boolean): boolean {
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

interface Judged {
  series: Series;
  finding: Finding;
}

/** A template that is gone while another, no worse, is there in its stead: somebody changed the text. */
function holdBackReplaced(judged: readonly Judged[], all: readonly Series[]): void {
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

function shareSince({ counts }: Series, sinceMs: number): number {
  const since = counts.filter(({ windowAtMs }) => windowAtMs >= sinceMs);
  const of = since.reduce((sum, each) => sum + each.of, 0);
  return of === 0 ? 0 : since.reduce((sum, each) => sum + each.spans, 0) / of;
}

/** Several operations of a service stop writing at once, all that they wrote: its logging changed, not what it does. */
function holdBackLoggingChanges(judged: readonly Judged[], all: readonly Series[], known: EventKnowledge): void {
  const gone = new Map<number, Judged[]>();
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
