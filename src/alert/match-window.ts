import { durationMs } from '../model/duration.js';
import type { AttributeFilter, RuleOf, SpanFilter, SpanKindName } from '../model/rule.js';
import { SPAN_KIND } from '../model/span.js';
import { matchGlob } from './match.js';
import type { Resources } from './rule-data.js';
import { groupLabels, matchesAny, selects } from './select.js';

/** Of a stored span, what filters look at. */
export interface MatchSpan {
  spanId: string;
  parentSpanId: string | null;
  service: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  durationUs: number;
  status: { code: string };
  attributes: readonly { key: string; value: unknown }[];
  resource: readonly { key: string; value: unknown }[];
}

export interface MatchTrace {
  traceId: string;
  spans: readonly MatchSpan[];
}

export interface MatchCount {
  labels: Record<string, string>;
  n: number;
  exemplars: string[];
}

const MAX_EXEMPLARS = 5;
/** Sets of labels that one rule may have in one window: labels are names, and names may be anything. */
const MAX_GROUPS = 100;
const RESOURCE = 'resource.';

/** How many of the traces match the rule, by the labels of the span that the first filter found. */
export function matchWindow(
  rule: RuleOf<'trace_match'>,
  traces: readonly MatchTrace[],
  resources: Resources,
): MatchCount[] {
  const groups = new Map<string, MatchCount>();
  for (const { traceId, spans } of traces) {
    const found = matchTrace(rule, spans, resources);
    if (found === null) continue;
    const labels = groupLabels(rule.groupBy, found);
    const key = JSON.stringify(labels);
    const group = groups.get(key);
    if (group === undefined) {
      if (groups.size < MAX_GROUPS) groups.set(key, { labels, n: 1, exemplars: [traceId] });
    } else {
      group.n++;
      if (group.exemplars.length < MAX_EXEMPLARS) group.exemplars.push(traceId);
    }
  }
  return [...groups.values()];
}

/** The span that the first filter found first in a trace that matches; null when it does not. The selector is about the root. */
export function matchTrace(
  rule: RuleOf<'trace_match'>,
  spans: readonly MatchSpan[],
  resources: Resources,
): MatchSpan | null {
  const ids = new Map(spans.map((span) => [span.spanId, span]));
  const root = spans.find(({ parentSpanId }) => parentSpanId === null || !ids.has(parentSpanId));
  if (root === undefined || !selects(rule, root, resources)) return null;
  if (rule.minTraceDuration !== null && lengthUs(spans) < 1_000 * durationMs(rule.minTraceDuration)) return null;
  const found: MatchSpan[][] = [];
  for (const filter of rule.where) {
    let its = spans.filter((span) => matchSpan(filter, span));
    if (filter.relation !== null) {
      const { is, filter: other } = filter.relation;
      its = its.filter((span) => isRelated(is, span, found[other] ?? [], ids));
    }
    if (its.length < filter.minCount || (filter.maxCount !== null && its.length > filter.maxCount)) return null;
    found.push(its);
  }
  return found[0]?.[0] ?? null;
}

function matchSpan(filter: SpanFilter, span: MatchSpan): boolean {
  return (
    matchesAny(filter.services, span.service) &&
    matchesAny(filter.operations, span.name) &&
    (filter.kinds.length === 0 || filter.kinds.includes(SPAN_KIND[span.kind] as SpanKindName)) &&
    (filter.status === null || (filter.status === 'error') === (span.status.code === 'error')) &&
    (filter.minDuration === null || span.durationUs >= 1_000 * durationMs(filter.minDuration)) &&
    (filter.maxDuration === null || span.durationUs <= 1_000 * durationMs(filter.maxDuration)) &&
    filter.attributes.every((attribute) => matchAttribute(attribute, span))
  );
}

function matchAttribute({ key, operator, value }: AttributeFilter, span: MatchSpan): boolean {
  const own = span.attributes.filter((attribute) => attribute.key === key);
  const found =
    own.length > 0 || !key.startsWith(RESOURCE)
      ? own
      : span.resource.filter((attribute) => attribute.key === key.slice(RESOURCE.length));
  const values = found.flatMap((attribute): unknown[] =>
    Array.isArray(attribute.value) ? attribute.value : [attribute.value],
  );
  const text = (each: unknown): string => (typeof each === 'string' ? each : JSON.stringify(each));
  switch (operator) {
    case 'exists':
      return found.length > 0;
    case 'missing':
      return found.length === 0;
    case 'equals':
      return values.some((each) => text(each) === String(value));
    case 'not_equals':
      return values.every((each) => text(each) !== String(value));
    case 'glob':
      return values.some((each) => matchGlob(String(value), text(each)));
    case 'above':
      return values.some((each) => isNumber(each) && Number(each) > Number(value));
    case 'below':
      return values.some((each) => isNumber(each) && Number(each) < Number(value));
  }
}

/** Large integers come as text. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function isRelated(
  is: NonNullable<SpanFilter['relation']>['is'],
  span: MatchSpan,
  others: readonly MatchSpan[],
  ids: ReadonlyMap<string, MatchSpan>,
): boolean {
  const wanted = new Set(others.map(({ spanId }) => spanId));
  if (is === 'child_of') return span.parentSpanId !== null && wanted.has(span.parentSpanId);
  if (is === 'descendant_of') return ancestors(span, ids).some(({ spanId }) => wanted.has(spanId));
  return others.some((other) => ancestors(other, ids).some(({ spanId }) => spanId === span.spanId));
}

/** Nearest first; a circle of parents, which a sender can make, ends the walk. */
function ancestors(span: MatchSpan, ids: ReadonlyMap<string, MatchSpan>): MatchSpan[] {
  const above: MatchSpan[] = [];
  const seen = new Set([span.spanId]);
  let at = span.parentSpanId === null ? undefined : ids.get(span.parentSpanId);
  while (at !== undefined && !seen.has(at.spanId)) {
    seen.add(at.spanId);
    above.push(at);
    at = at.parentSpanId === null ? undefined : ids.get(at.parentSpanId);
  }
  return above;
}

function lengthUs(spans: readonly MatchSpan[]): number {
  let first = Infinity;
  let last = 0;
  for (const { startTimeUnixNano, durationUs } of spans) {
    const startUs = Number(startTimeUnixNano) / 1_000;
    first = Math.min(first, startUs);
    last = Math.max(last, startUs + durationUs);
  }
  return last - first;
}
