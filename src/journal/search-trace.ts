import { serviceNameOf, spanNameOf } from './named-spans.js';
import { matches, type SpanFilter } from './search-filter.js';
import { SPAN_ERROR, type SpanTable } from './span-table.js';
import { eachWanted } from './wanted-traces.js';

/** A span by which a trace was found. */
export interface MatchedSpan {
  spanId: string;
  service: string;
  operation: string;
  durationUs: number;
  isError: boolean;
}

/** A trace as a search shows it. Copies of a span count once. */
export interface FoundTrace {
  traceId: string;
  rootService: string | null;
  rootOperation: string | null;
  startUs: number;
  durationUs: number;
  spans: number;
  errors: number;
  /** By name. */
  services: { name: string; spans: number; errors: number }[];
  /** How many spans match. */
  matches: number;
  /** The longest of the spans that match. */
  matched: MatchedSpan[];
}

const MOST_MATCHED = 10;

/** Gathers one trace from the segments that hold spans of it, in the order in which they are always read. */
export class TraceGatherer {
  private readonly seen = new Set<string>();
  private readonly services = new Map<string, { name: string; spans: number; errors: number }>();
  private root: { service: string; operation: string; startUs: number } | null = null;
  private startUs = Infinity;
  private endUs = 0;
  private errors = 0;
  private matches = 0;
  private matched: MatchedSpan[] = [];
  /** End (µs) of the newest span that matches; null as long as none does. */
  newestMatchUs: number | null = null;

  constructor(
    readonly traceId: string,
    private readonly filter: SpanFilter,
  ) {}

  /** Adds span `i`, which must be of this trace, unless it is a copy of one that was added. */
  add(spans: SpanTable, i: number): void {
    const spanId = hex(spans, spans.spanIdAt[i]!, 8);
    if (this.seen.has(spanId)) return;
    this.seen.add(spanId);
    const service = serviceNameOf(spans, spans.resource[i]!);
    const startUs = spans.startUs[i]!;
    const endUs = spans.endUs[i]!;
    const isError = (spans.flags[i]! & SPAN_ERROR) !== 0;
    let counted = this.services.get(service);
    if (!counted) this.services.set(service, (counted = { name: service, spans: 0, errors: 0 }));
    counted.spans++;
    if (isError) {
      counted.errors++;
      this.errors++;
    }
    this.startUs = Math.min(this.startUs, startUs);
    this.endUs = Math.max(this.endUs, endUs);
    if (spans.parentAt[i] === -1 && (this.root === null || startUs < this.root.startUs)) {
      this.root = { service, operation: spanNameOf(spans, i), startUs };
    }
    if (!matches(this.filter, spans, i)) return;
    this.matches++;
    this.newestMatchUs = Math.max(this.newestMatchUs ?? 0, endUs);
    this.keepMatch({ spanId, service, operation: spanNameOf(spans, i), durationUs: endUs - startUs, isError });
  }

  /** What was gathered; at least one span must have been added. */
  trace(): FoundTrace {
    return {
      traceId: this.traceId,
      rootService: this.root?.service ?? null,
      rootOperation: this.root?.operation ?? null,
      startUs: this.startUs,
      durationUs: this.endUs - this.startUs,
      spans: this.seen.size,
      errors: this.errors,
      services: [...this.services.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      matches: this.matches,
      matched: this.matched.sort(longestFirst).slice(0, MOST_MATCHED),
    };
  }

  private keepMatch(span: MatchedSpan): void {
    this.matched.push(span);
    if (this.matched.length > 16 * MOST_MATCHED) this.matched = this.matched.sort(longestFirst).slice(0, MOST_MATCHED);
  }
}

/**
 * What becomes of a trace that is met at `endUs` on the way from the newest to the oldest span: it is shown at its newest match and nowhere
 * else, also when a span that matches is met again on a later page.
 */
export function fateOf(newestMatchUs: number | null, endUs: number): 'show' | 'shown before' | 'comes later' {
  if (newestMatchUs === null || newestMatchUs < endUs) return 'comes later';
  return newestMatchUs === endUs ? 'show' : 'shown before';
}

/** Adds the spans of a segment to the traces (by 32 hex digits) that they belong to. */
export function gather(spans: SpanTable, traces: ReadonlyMap<string, TraceGatherer>): void {
  eachWanted(spans, traces, (i, _, trace) => trace.add(spans, i));
}

function longestFirst(a: MatchedSpan, b: MatchedSpan): number {
  return b.durationUs - a.durationUs || (a.spanId < b.spanId ? -1 : 1);
}

function hex({ bytes }: SpanTable, at: number, size: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('hex');
}
