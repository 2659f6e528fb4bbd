import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Posting } from '../model/posting.js';
import type { StructuralSpan } from '../model/span.js';
import type { VersionCollector } from './collect-versions.js';
import { Dictionary } from './dictionary.js';
import { gatherRows, spanTag } from './posting.js';
import { scan } from './scan.js';
import { SegmentCache } from './segment-cache.js';
import { eventTexts } from './span-events.js';
import { SPAN_ERROR, SPAN_HAS_EVENTS, type SpanTable } from './span-table.js';
import { instanceOfResource, storedSpan } from './stored-span.js';
import type { StoredSpan, StoredTrace } from './stored-trace.js';

const gunzipAsync = promisify(gunzip);
const CACHE_BYTES = 64 * 1024 * 1024;
/** Segments read at a time: bounds memory when many traces are wanted. */
const SEGMENTS_AT_ONCE = 16;
const GZIP = 1;
/** What is stored was within the receiver's limits, whatever they were then. */
const NO_LIMITS = { maxAttributeDepth: Infinity, maxSpans: Infinity };

/** An event on a span, as it is counted. */
export interface SpanEvent {
  traceId: string;
  spanTag: number;
  serviceId: number;
  operationId: number;
  /** When the span ended. */
  endMs: number;
  text: string;
  isException: boolean;
}

/** Where a segment lies. */
export interface SegmentKey {
  id: string;
  hour: Date;
}

/** Reads back what the journal holds. While a commit becomes visible node by node a reader may miss part of it, never more. */
@Injectable()
export class JournalReader {
  private readonly cache = new SegmentCache(CACHE_BYTES);

  constructor(
    private readonly db: DataSource,
    private readonly dictionary: Dictionary,
  ) {}

  /** What ended in the windows that start in [fromMs, toMs), by window and operation. */
  async postings(tenantId: number, fromMs: number, toMs: number): Promise<Posting[]> {
    const rows = await this.db.query<{ operation_id: number; window_at: Date; entries: Buffer }[]>(
      `select operation_id, window_at, entries from postings
        where tenant_id = $1 and window_at >= $2 and window_at < $3
        order by window_at, operation_id, commit_id`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return gatherRows(
      rows.map(({ operation_id: operationId, window_at, entries }) => ({
        operationId,
        windowAtMs: window_at.getTime(),
        entries,
      })),
    );
  }

  /**
   * The spans of these traces (32 hex digits), each span once; a trace of which nothing is stored is missing from the map. On the way
   * `versions` is shown every span.
   */
  async structure(
    tenantId: number,
    traceIds: readonly string[],
    versions?: VersionCollector,
  ): Promise<Map<string, StructuralSpan[]>> {
    const wanted = new Map(traceIds.map((traceId) => [traceId, new Map<string, StructuralSpan>()]));
    await this.eachSegment(tenantId, traceIds, async (spans) => {
      const { serviceIds, operationIds } = await this.dictionary.find(tenantId, spans);
      const servedBy: string[] = [];
      eachSpan(spans, wanted, (i, traceId, copies) => {
        const spanId = hex(spans, spans.spanIdAt[i]!, 8);
        if (copies.has(spanId)) return;
        versions?.add(spans, i, serviceIds[spans.resource[i]!]!);
        copies.set(spanId, {
          traceId,
          spanId,
          parentSpanId: spans.parentAt[i]! < 0 ? '' : hex(spans, spans.parentAt[i]!, 8),
          operationId: operationIds[i]!,
          serviceId: serviceIds[spans.resource[i]!]!,
          kind: spans.kind[i]!,
          startUs: spans.startUs[i]!,
          endUs: spans.endUs[i]!,
          isError: (spans.flags[i]! & SPAN_ERROR) !== 0,
          servedBy: (servedBy[spans.resource[i]!] ??= instanceOfResource(spans, spans.resource[i]!)),
        });
      });
    });
    const found = new Map<string, StructuralSpan[]>();
    for (const [traceId, spans] of wanted) if (spans.size > 0) found.set(traceId, [...spans.values()]);
    return found;
  }

  /** The events on spans of these traces that ended before `endMs`, each span once; at most 32 a span. */
  async spanEvents(tenantId: number, traceIds: readonly string[], endMs: number): Promise<SpanEvent[]> {
    const wanted = new Map(traceIds.map((traceId) => [traceId, new Set<string>()]));
    const events: SpanEvent[] = [];
    await this.eachSegment(tenantId, traceIds, async (spans) => {
      const { serviceIds, operationIds } = await this.dictionary.find(tenantId, spans);
      eachSpan(spans, wanted, (i, traceId, seen) => {
        if ((spans.flags[i]! & SPAN_HAS_EVENTS) === 0 || spans.endUs[i]! >= endMs * 1_000) return;
        const spanId = hex(spans, spans.spanIdAt[i]!, 8);
        if (seen.has(spanId)) return;
        seen.add(spanId);
        for (const { text, isException } of eventTexts(spans.bytes.subarray(spans.from[i], spans.to[i]))) {
          events.push({
            traceId,
            spanTag: spanTag(spans.bytes, spans.spanIdAt[i]!),
            serviceId: serviceIds[spans.resource[i]!]!,
            operationId: operationIds[i]!,
            endMs: spans.endUs[i]! / 1_000,
            text,
            isException,
          });
        }
      });
    });
    return events;
  }

  /** Everything stored of one trace (32 hex digits), or null. */
  async trace(tenantId: number, traceId: string): Promise<StoredTrace | null> {
    const wanted = new Map([[traceId, new Map<string, StoredSpan>()]]);
    await this.eachSegment(tenantId, [traceId], (spans) => {
      eachSpan(spans, wanted, (i, _, copies) => {
        const spanId = hex(spans, spans.spanIdAt[i]!, 8);
        const first = copies.get(spanId);
        if (first) first.copies++;
        else copies.set(spanId, storedSpan(spans, i));
      });
      return Promise.resolve();
    });
    const spans = [...wanted.get(traceId)!.values()];
    if (spans.length === 0) return null;
    const start = ({ startTimeUnixNano }: StoredSpan) => startTimeUnixNano.padStart(20, '0');
    spans.sort((a, b) => (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : a.spanId < b.spanId ? -1 : 1));
    return { traceId, spans };
  }

  /** Calls `visit` for each segment that holds spans of the traces, always in the same order. */
  private async eachSegment(
    tenantId: number,
    traceIds: readonly string[],
    visit: (spans: SpanTable) => Promise<void>,
  ): Promise<void> {
    if (traceIds.length === 0) return;
    const keys = await this.db.query<{ segment_id: string; hour: Date }[]>(
      `select distinct segment_id, hour from trace_segments
        where trace_id = any($1::uuid[]) and tenant_id = $2 order by hour, segment_id`,
      [traceIds, tenantId],
    );
    for (let from = 0; from < keys.length; from += SEGMENTS_AT_ONCE) {
      const some = keys.slice(from, from + SEGMENTS_AT_ONCE).map((row) => ({ id: row.segment_id, hour: row.hour }));
      for (const spans of await this.segments(tenantId, some)) await visit(spans);
    }
  }

  private async segments(tenantId: number, keys: readonly SegmentKey[]): Promise<SpanTable[]> {
    const found = await this.tables(this.db.manager, tenantId, keys);
    return keys.flatMap(({ id }) => found.get(id) ?? []);
  }

  /** Segments by their id; one that retention has dropped is missing. All of them are in memory at once: ask for few. */
  async tables(db: EntityManager, tenantId: number, keys: readonly SegmentKey[]): Promise<Map<string, SpanTable>> {
    const found = new Map<string, SpanTable>();
    for (const { id } of keys) {
      const cached = this.cache.get(id);
      if (cached) found.set(id, cached);
    }
    const missing = keys.filter(({ id }) => !found.has(id));
    if (missing.length > 0) {
      const rows = await db.query<{ segment_id: string; codec: number; payload: Buffer }[]>(
        `select segment_id, codec, payload from segments
          where segment_id = any($1::int8[]) and hour = any($2::timestamptz[]) and tenant_id = $3`,
        [missing.map(({ id }) => id), [...new Set(missing.map(({ hour }) => hour.toISOString()))], tenantId],
      );
      await Promise.all(
        rows.map(async ({ segment_id: id, codec, payload }) => {
          const spans = scan(codec === GZIP ? await gunzipAsync(payload) : payload, NO_LIMITS);
          this.cache.set(id, spans);
          found.set(id, spans);
        }),
      );
    }
    return found;
  }
}

/** Calls `visit` for each span of a wanted trace with its position, its trace id and what is kept for that trace. */
function eachSpan<T>(
  spans: SpanTable,
  wanted: ReadonlyMap<string, T>,
  visit: (i: number, traceId: string, kept: T) => void,
): void {
  for (let i = 0; i < spans.n; i++) {
    const traceId = hex(spans, spans.traceAt[i]!, 16);
    const kept = wanted.get(traceId);
    if (kept !== undefined) visit(i, traceId, kept);
  }
}

function hex({ bytes }: SpanTable, at: number, size: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('hex');
}
