import { isZero } from '../journal/otlp-scanner.js';
import {
  SPAN_ENDS_EARLY,
  SPAN_NAME_TOO_LONG,
  SPAN_TOO_DEEP,
  SPAN_TOO_MANY_ATTRIBUTES,
  SPAN_TOO_MANY_EVENTS,
  SPAN_TOO_MANY_LINKS,
  type SpanTable,
} from '../journal/span-table.js';
import { HOUR_MS, floorHour } from '../model/window.js';

export interface AdmissionLimits {
  /** Age of a span's end; 0: any. */
  maxSpanAgeHours: number;
  /** How far a span's end may lie ahead. */
  maxFutureS: number;
}

/** Longer spans have lost their start or their end. */
const MAX_DURATION_US = 2 ** 32 * 1_000;

const EXCESS = SPAN_NAME_TOO_LONG | SPAN_TOO_MANY_ATTRIBUTES | SPAN_TOO_MANY_EVENTS | SPAN_TOO_MANY_LINKS;

const REASONS = {
  invalid_trace_id: 'the trace id is not 16 bytes, or all zero',
  invalid_span_id: 'the span id is not 8 bytes, or all zero',
  invalid_parent_span_id: 'the parent span id is neither empty nor 8 bytes',
  too_deep: 'an attribute value is nested too deep',
  too_many_attributes: 'the span has too many attributes, with those of its events and links',
  too_many_events: 'the span has too many events',
  too_many_links: 'the span has too many links',
  name_too_long: 'the name is too long',
  no_time: 'the start or end time is missing',
  too_long: 'the span lasts longer than 49 days',
  too_old: 'the span ended too long ago',
  in_the_future: 'the span ends in the future',
  too_many_hours: 'the journal spans too many different hours already',
} as const;
export type RejectReason = keyof typeof REASONS;

/** Which spans of a request are accepted, and why the others are not. */
export interface Admission {
  /** 0 for a rejected span. */
  keep: Uint8Array;
  accepted: number;
  rejected: Map<RejectReason, number>;
}

/** Judges every span by itself. A span that ends before it starts is accepted; how long it took is then taken to be 0. */
export function admit(spans: SpanTable, limits: AdmissionLimits, nowMs: number): Admission {
  const admission: Admission = { keep: new Uint8Array(spans.n).fill(1), accepted: spans.n, rejected: new Map() };
  const oldestUs = limits.maxSpanAgeHours === 0 ? 0 : (nowMs - limits.maxSpanAgeHours * HOUR_MS) * 1_000;
  const newestUs = (nowMs + limits.maxFutureS * 1_000) * 1_000;
  for (let i = 0; i < spans.n; i++) {
    const reason = idProblem(spans, i) ?? contentProblem(spans, i) ?? timeProblem(spans, i, oldestUs, newestUs);
    if (reason) reject(admission, i, reason);
  }
  return admission;
}

/** Hours (epoch ms) in which accepted spans ended. */
export function acceptedHours(spans: SpanTable, { keep }: Admission): Set<number> {
  const hours = new Set<number>();
  let last = -1;
  for (let i = 0; i < spans.n; i++) {
    if (keep[i] === 0) continue;
    const hour = floorHour(spans.endUs[i]! / 1_000);
    if (hour !== last) hours.add(hour);
    last = hour;
  }
  return hours;
}

/** Hours (epoch ms) in which spans ended that are rejected, the newest 64. */
export function rejectedHours(spans: SpanTable, { keep }: Admission): number[] {
  const hours = new Set<number>();
  for (let i = 0; i < spans.n; i++) if (keep[i] === 0) hours.add(floorHour(spans.endUs[i]! / 1_000));
  return [...hours].sort((a, b) => b - a).slice(0, 64);
}

/** Rejects the spans of hours that cannot be written. */
export function rejectOtherHours(spans: SpanTable, admission: Admission, open: ReadonlySet<number>): void {
  for (let i = 0; i < spans.n; i++) {
    if (admission.keep[i] === 1 && !open.has(floorHour(spans.endUs[i]! / 1_000)))
      reject(admission, i, 'too_many_hours');
  }
}

/** Accepted spans that ended before they started. */
export function endsEarly(spans: SpanTable, { keep }: Admission): number {
  let n = 0;
  for (let i = 0; i < spans.n; i++) if (keep[i] === 1 && (spans.flags[i]! & SPAN_ENDS_EARLY) !== 0) n++;
  return n;
}

/** One sentence for the sender, the most frequent reason first. */
export function rejectionMessage({ rejected, keep }: Admission): string {
  const reasons = [...rejected].sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, n]) => sum + n, 0);
  return `${total} of ${keep.length} spans rejected: ${reasons.map(([reason, n]) => `${n} ${reason} (${REASONS[reason]})`).join(', ')}`;
}

function reject(admission: Admission, i: number, reason: RejectReason): void {
  admission.keep[i] = 0;
  admission.accepted--;
  admission.rejected.set(reason, (admission.rejected.get(reason) ?? 0) + 1);
}

function idProblem({ bytes, traceAt, spanIdAt, parentAt }: SpanTable, i: number): RejectReason | null {
  if (traceAt[i]! < 0 || isZero(bytes, traceAt[i]!, 16)) return 'invalid_trace_id';
  if (spanIdAt[i]! < 0 || isZero(bytes, spanIdAt[i]!, 8)) return 'invalid_span_id';
  return parentAt[i] === -2 ? 'invalid_parent_span_id' : null;
}

function contentProblem({ flags, resource, resources, scope, scopes }: SpanTable, i: number): RejectReason | null {
  const excess = flags[i]! & EXCESS;
  if (excess !== 0) {
    if (excess & SPAN_NAME_TOO_LONG) return 'name_too_long';
    if (excess & SPAN_TOO_MANY_ATTRIBUTES) return 'too_many_attributes';
    return excess & SPAN_TOO_MANY_EVENTS ? 'too_many_events' : 'too_many_links';
  }
  const isDeep = (flags[i]! & SPAN_TOO_DEEP) !== 0 || resources[resource[i]!]!.tooDeep || scopes[scope[i]!]!.tooDeep;
  return isDeep ? 'too_deep' : null;
}

function timeProblem(
  { startUs, endUs }: SpanTable,
  i: number,
  oldestUs: number,
  newestUs: number,
): RejectReason | null {
  if (startUs[i] === 0 || endUs[i] === 0) return 'no_time';
  if (endUs[i]! < oldestUs) return 'too_old';
  if (endUs[i]! > newestUs) return 'in_the_future';
  return endUs[i]! - startUs[i]! > MAX_DURATION_US ? 'too_long' : null;
}
