import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Posting } from '../model/posting.js';
import { KIND_SERVER, type StructuralSpan } from '../model/span.js';
import type { VersionCollector } from './collect-versions.js';
import { Dictionary } from './dictionary.js';
import { eachWanted } from './wanted-traces.js';
import { gatherRows, spanTag } from './posting.js';
import { scan } from './scan.js';
import { SegmentCache } from './segment-cache.js';
import { eventTexts } from './span-events.js';
import { spanLinks } from './span-links.js';
import { SPAN_ERROR, SPAN_HAS_EVENTS, type SpanTable } from './span-table.js';
import { instanceOfResource, storedSpan } from './stored-span.js';
import type { StoredSpan, StoredTrace } from './stored-trace.js';

const gunzipAsync = promisify(gunzip);
const CACHE_BYTES = 64 * 1024 * 1024;
/** Segments read at a time: bounds memory when many traces are wanted. */
const SEGMENTS_AT_ONCE = 16;
/** Spans of one trace that can be shown. */
const MOST_SHOWN = 500_000;
/** Spans of whole traces held at a time: a sample of giant traces must not fill the memory. */
const MOST_GATHERED = 200_000;
const DECODED_AT_ONCE = 256;
const MIN_CHUNK = 16 * 1024;
const MAX_CHUNK = 2 * 1024 * 1024;
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

/** Where one span of a trace lies; `copies`: how often it was received. */
interface FoundSpan {
  spanId: string;
  startUs: number;
  segment: SegmentKey;
  i: number;
  copies: number;
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
   * The spans of these traces (32 hex digits), each span once; a trace of which nothing is stored, or for which there is no room among 200,000 spans, is
   * missing from the map. A server may share its span id with its client (Zipkin's way): these are two. Of copies under several names that stands which was known
   * first, whichever came first. On the way `versions` is shown every span.
   */
  async structure(
    tenantId: number,
    traceIds: readonly string[],
    versions?: VersionCollector,
  ): Promise<Map<string, StructuralSpan[]>> {
    const wanted = new Map(traceIds.map((traceId) => [traceId, new Map<string, StructuralSpan>()]));
    await this.eachSegment(tenantId, traceIds, MOST_GATHERED, async (spans) => {
      const { serviceIds, operationIds } = await this.dictionary.find(tenantId, spans);
      const servedBy: string[] = [];
      eachWanted(spans, wanted, (i, traceId, copies) => {
        const spanId = hex(spans, spans.spanIdAt[i]!, 8);
        const key = spans.kind[i] === KIND_SERVER ? `${spanId} server` : spanId;
        if ((copies.get(key)?.operationId ?? Infinity) <= operationIds[i]!) return;
        versions?.add(spans, i, serviceIds[spans.resource[i]!]!);
        const isRoot = spans.parentAt[i]! < 0;
        copies.set(key, {
          traceId,
          spanId,
          parentSpanId: isRoot ? '' : hex(spans, spans.parentAt[i]!, 8),
          ...(isRoot ? { links: spanLinks(spans.bytes.subarray(spans.from[i], spans.to[i])) } : {}),
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
    await this.eachSegment(tenantId, traceIds, MOST_GATHERED, async (spans) => {
      const { serviceIds, operationIds } = await this.dictionary.find(tenantId, spans);
      eachWanted(spans, wanted, (i, traceId, seen) => {
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

  /**
   * What is stored of one trace (32 hex digits), or null: `limit` of its spans by their start, after the first `offset`. All of them are looked at,
   * up to 500,000, and only these decoded.
   */
  async trace(tenantId: number, traceId: string, { offset = 0, limit = Infinity } = {}): Promise<StoredTrace | null> {
    const found = new Map<string, FoundSpan>();
    const wanted = new Map([[traceId, found]]);
    const unread = await this.eachSegment(tenantId, [traceId], MOST_SHOWN, (spans, segment) => {
      eachWanted(spans, wanted, (i) => {
        const spanId = hex(spans, spans.spanIdAt[i]!, 8);
        const first = found.get(spanId);
        if (first) first.copies++;
        else found.set(spanId, { spanId, startUs: spans.startUs[i]!, segment, i, copies: 1 });
      });
      return Promise.resolve();
    });
    if (found.size === 0) return null;
    const inOrder = [...found.values()].sort((a, b) => a.startUs - b.startUs || (a.spanId < b.spanId ? -1 : 1));
    const spans = await this.decoded(tenantId, inOrder.slice(offset, offset + limit));
    return { traceId, spans, total: found.size + unread, isComplete: offset + spans.length >= found.size };
  }

  private async decoded(tenantId: number, found: readonly FoundSpan[]): Promise<StoredSpan[]> {
    const bySegment = new Map<SegmentKey, FoundSpan[]>();
    for (const span of found) {
      const others = bySegment.get(span.segment);
      if (others) others.push(span);
      else bySegment.set(span.segment, [span]);
    }
    const spans: StoredSpan[] = [];
    const keys = [...bySegment.keys()];
    for (let from = 0; from < keys.length; from += SEGMENTS_AT_ONCE) {
      const some = keys.slice(from, from + SEGMENTS_AT_ONCE);
      const tables = await this.tables(this.db.manager, tenantId, some);
      for (const key of some) {
        const table = tables.get(key.id);
        if (!table) continue;
        for (const { i, copies } of bySegment.get(key)!) {
          spans.push({ ...storedSpan(table, i), copies });
          // Decoding thousands of spans takes a while: others have their turn in between.
          if (spans.length % DECODED_AT_ONCE === 0) await setImmediate();
        }
      }
    }
    const start = ({ startTimeUnixNano }: StoredSpan) => startTimeUnixNano.padStart(20, '0');
    return spans.sort((a, b) => (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : a.spanId < b.spanId ? -1 : 1));
  }

  /**
   * Calls `visit` for each segment that holds spans of the traces, always in the same order. Reads whole traces in their order as long as they have
   * at most `mostSpans` together, and of the first one what comes first; returns the number of spans beyond.
   */
  private async eachSegment(
    tenantId: number,
    traceIds: readonly string[],
    mostSpans: number,
    visit: (spans: SpanTable, segment: SegmentKey) => Promise<void>,
  ): Promise<number> {
    if (traceIds.length === 0) return 0;
    const rows = await this.db.query<{ trace_id: string; segment_id: string; hour: Date; span_count: number }[]>(
      `select replace(trace_id::text, '-', '') as trace_id, segment_id, hour, span_count from trace_segments
        where trace_id = any($1::uuid[]) and tenant_id = $2 order by hour, segment_id`,
      [traceIds, tenantId],
    );
    const chosen = within(traceIds, rows, mostSpans);
    const keys = [...new Map(chosen.map(({ segment_id: id, hour }) => [id, { id, hour }])).values()];
    for (let from = 0; from < keys.length; from += SEGMENTS_AT_ONCE) {
      const some = keys.slice(from, from + SEGMENTS_AT_ONCE);
      const tables = await this.tables(this.db.manager, tenantId, some);
      for (const key of some) {
        const spans = tables.get(key.id);
        if (spans) await visit(spans, key);
      }
    }
    return sumOf(rows) - sumOf(chosen);
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
          const spans = scan(codec === GZIP ? await gunzipAsync(payload, chunkOf(payload)) : payload, NO_LIMITS);
          this.cache.set(id, spans);
          found.set(id, spans);
        }),
      );
    }
    return found;
  }
}

function hex({ bytes }: SpanTable, at: number, size: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('hex');
}

/** The output in one piece where the last member says how long it is: putting together many pieces costs as much as inflating them. */
function chunkOf(payload: Buffer): { chunkSize: number } {
  const stated = payload.length < 18 ? 0 : payload.readUInt32LE(payload.length - 4) + 1;
  return { chunkSize: Math.min(Math.max(stated, MIN_CHUNK), MAX_CHUNK) };
}

interface TraceRow {
  trace_id: string;
  span_count: number;
}

const sumOf = (rows: readonly TraceRow[]) => rows.reduce((sum, { span_count }) => sum + span_count, 0);

/** The rows of as many traces as have at most so many spans together, in the order of the rows; of a first trace that has more, its first rows. */
function within<T extends TraceRow>(traceIds: readonly string[], rows: readonly T[], mostSpans: number): T[] {
  const spans = new Map<string, number>();
  for (const { trace_id, span_count } of rows) spans.set(trace_id, (spans.get(trace_id) ?? 0) + span_count);
  const chosen = new Set<string>();
  let left = mostSpans;
  for (const traceId of traceIds) {
    const n = spans.get(traceId) ?? 0;
    if (n > left && chosen.size > 0) continue;
    chosen.add(traceId);
    left -= n;
  }
  let sum = 0;
  return rows.filter(({ trace_id, span_count }) => {
    if (!chosen.has(trace_id) || sum >= mostSpans) return false;
    sum += span_count;
    return true;
  });
}
