import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { POSTED_ROOT, type Posting } from '../model/posting.js';
import { byTraceHash } from '../model/trace-order.js';
import type { TraceTerms } from '../model/trace-terms.js';
import { TermCollector } from './collect-terms.js';
import { unpackRow } from './posting.js';
import { placesOf } from './posting-layout.js';
import { JournalReader, type SegmentKey } from './read.js';
import type { SpanTable } from './span-table.js';
import { storedSpan } from './stored-span.js';
import type { StoredSpan, StoredTrace } from './stored-trace.js';

/** Spans of one operation read at most; the newest count. */
const MAX_POSTED = 50_000;
/** Passing over a span of another operation in a shared row costs so much less than reading one. */
const SHARED_WEIGHT = 16;
/** What one comparison unpacks at most: stored bytes, and segments. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_BYTES_A_TRACE = 2 * 1024 * 1024;
const MAX_SEGMENTS = 1_000;
const SEGMENTS_AT_ONCE = 16;
const STATEMENT_TIMEOUT_MS = 2_000;

interface Where {
  id: string;
  hour: Date;
}

/** Reads what a comparison of traces needs, with bounded work. */
@Injectable()
export class TracesStore {
  constructor(
    private readonly db: DataSource,
    private readonly reader: JournalReader,
  ) {}

  /**
   * The spans of an operation that ended in the windows [fromMs, toMs), newest windows first; `left` were too many. Rows that it shares with
   * other operations count by what is theirs as long as they are read; beyond the bounds nobody looks, and all that is in them counts as left.
   */
  async operation(
    tenantId: number,
    operationId: number,
    fromMs: number,
    toMs: number,
  ): Promise<{ postings: Posting[]; left: number }> {
    const rows = await this.query<{ row_id: number; window_at: Date; entries: Buffer | null; n: number }>(
      `select operation_id as row_id, window_at, case when before < $5 then entries end as entries, n from (
         select operation_id, window_at, commit_id, entries, n,
                coalesce(sum(case when operation_id < 0 then n / ${SHARED_WEIGHT} else n end) over (
                  order by window_at desc, commit_id, operation_id
                  rows between unbounded preceding and 1 preceding), 0) as before
           from postings where tenant_id = $1 and operation_id = any($2::int4[]) and window_at >= $3 and window_at < $4) p
        order by window_at desc, commit_id, operation_id`,
      [tenantId, placesOf([operationId]), new Date(fromMs), new Date(toMs), MAX_POSTED],
    );
    const postings: Posting[] = [];
    const wanted = new Set([operationId]);
    let left = 0;
    let taken = 0;
    for (const { row_id, window_at, entries, n } of rows) {
      if (entries === null || taken >= MAX_POSTED) {
        left += n;
        continue;
      }
      for (const { spans } of unpackRow({ operationId: row_id, entries }, wanted)) {
        postings.push({ operationId, windowAtMs: window_at.getTime(), ...spans });
        taken += spans.n;
      }
    }
    return { postings, left };
  }

  /**
   * The attributes of the traces (32 hex digits), of spans that ended before `untilUs`. Traces are read in the given order until a bound
   * is reached; those beyond are missing and counted.
   */
  async terms(tenantId: number, traceIds: readonly string[], untilUs: number): Promise<TraceTerms> {
    const { segments, wanted, left } = await this.choose(tenantId, traceIds);
    const collector = new TermCollector();
    for (let from = 0; from < segments.length; from += SEGMENTS_AT_ONCE) {
      const some = segments.slice(from, from + SEGMENTS_AT_ONCE);
      const tables = await this.reader.tables(this.db.manager, tenantId, some);
      for (const { id } of some) {
        const spans = tables.get(id);
        if (spans) collect(spans, wanted, untilUs, collector);
      }
    }
    const terms = collector.result();
    return left === 0 ? terms : { ...terms, left: { ...terms.left, traces: left } };
  }

  /**
   * Whole traces whose root ended in the windows [fromMs, toMs), as of `toMs`: at most `limit`, those with the smallest hash of their id, and
   * as many of them as the bounds allow. `ended` counts all.
   */
  async ended(
    tenantId: number,
    fromMs: number,
    toMs: number,
    limit: number,
  ): Promise<{ traces: Pick<StoredTrace, 'traceId' | 'spans'>[]; ended: number }> {
    const roots = new Set<string>();
    for (const posting of await this.reader.postings(tenantId, fromMs, toMs)) {
      for (let i = 0; i < posting.n; i++) {
        if ((posting.flags[i]! & POSTED_ROOT) !== 0) roots.add(posting.traceId(i));
      }
    }
    const { segments, wanted } = await this.choose(tenantId, [...roots].sort(byTraceHash).slice(0, limit));
    const found = new Map<string, Map<string, StoredSpan>>();
    for (let from = 0; from < segments.length; from += SEGMENTS_AT_ONCE) {
      const some = segments.slice(from, from + SEGMENTS_AT_ONCE);
      const tables = await this.reader.tables(this.db.manager, tenantId, some);
      for (const { id } of some) {
        const spans = tables.get(id);
        if (spans === undefined) continue;
        eachWanted(spans, wanted, toMs * 1_000, (i, traceId) => {
          const span = storedSpan(spans, i);
          const trace = found.get(traceId);
          if (trace === undefined) found.set(traceId, new Map([[span.spanId, span]]));
          else if (!trace.has(span.spanId)) trace.set(span.spanId, span);
        });
      }
    }
    return {
      traces: [...found].map(([traceId, spans]) => ({ traceId, spans: [...spans.values()] })),
      ended: roots.size,
    };
  }

  /** As many of the traces as the bounds allow, and where they lie, in the order of the segments. */
  private async choose(
    tenantId: number,
    traceIds: readonly string[],
  ): Promise<{ segments: SegmentKey[]; wanted: Set<string>; left: number }> {
    const rows = await this.query<{ trace_id: string; segment_id: string; hour: Date }>(
      `select replace(trace_id::text, '-', '') as trace_id, segment_id, hour from trace_segments
        where trace_id = any($1::uuid[]) and tenant_id = $2`,
      [traceIds, tenantId],
    );
    const places = new Map<string, Where[]>();
    for (const { trace_id, segment_id: id, hour } of rows) {
      const its = places.get(trace_id);
      if (its === undefined) places.set(trace_id, [{ id, hour }]);
      else its.push({ id, hour });
    }
    const sizes = await this.sizes(tenantId, rows);
    const chosen = new Map<string, SegmentKey>();
    const wanted = new Set<string>();
    let bytes = 0;
    for (const traceId of traceIds) {
      const more = (places.get(traceId) ?? []).filter(({ id }) => !chosen.has(id));
      const size = more.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
      // A giant trace must not take the place of all others; beyond the bounds a prefix is fairer than what happens to fit.
      if (size > MAX_BYTES_A_TRACE) continue;
      if (bytes + size > MAX_BYTES || chosen.size + more.length > MAX_SEGMENTS) break;
      bytes += size;
      wanted.add(traceId);
      for (const key of more) chosen.set(key.id, key);
    }
    const segments = [...chosen.values()].sort((a, b) => a.hour.getTime() - b.hour.getTime() || (a.id < b.id ? -1 : 1));
    return { segments, wanted, left: traceIds.length - wanted.size };
  }

  /** Stored size of each segment, from its row alone. */
  private async sizes(
    tenantId: number,
    keys: readonly { segment_id: string; hour: Date }[],
  ): Promise<Map<string, number>> {
    const rows = await this.query<{ segment_id: string; bytes: number }>(
      `select segment_id, octet_length(payload) as bytes from segments
        where segment_id = any($1::int8[]) and hour = any($2::timestamptz[]) and tenant_id = $3`,
      [
        [...new Set(keys.map(({ segment_id }) => segment_id))],
        [...new Set(keys.map(({ hour }) => hour.toISOString()))],
        tenantId,
      ],
    );
    return new Map(rows.map(({ segment_id, bytes }) => [segment_id, bytes]));
  }

  private query<T>(sql: string, parameters: unknown[]): Promise<T[]> {
    return this.db.transaction(async (db) => {
      await db.query(`set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
      return await db.query<T[]>(sql, parameters);
    });
  }
}

function collect(spans: SpanTable, wanted: ReadonlySet<string>, untilUs: number, collector: TermCollector): void {
  eachWanted(spans, wanted, untilUs, (i, traceId) => collector.add(spans, i, traceId));
}

/** Calls `visit` for each span of a wanted trace that ended before `untilUs`. */
function eachWanted(
  spans: SpanTable,
  wanted: ReadonlySet<string>,
  untilUs: number,
  visit: (i: number, traceId: string) => void,
): void {
  const { bytes } = spans;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Comparing a few bytes is far cheaper than making a string of every trace id.
  const ends = new Set(Array.from(wanted, (traceId) => parseInt(traceId.slice(24), 16)));
  for (let i = 0; i < spans.n; i++) {
    const at = spans.traceAt[i]!;
    if (spans.endUs[i]! >= untilUs || !ends.has(buffer.readUInt32BE(at + 12))) continue;
    const traceId = buffer.toString('hex', at, at + 16);
    if (wanted.has(traceId)) visit(i, traceId);
  }
}
