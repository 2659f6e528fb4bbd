import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import { OVERFLOW_NAME } from '../model/operation.js';
import { normaliseSpanName } from '../model/span-name.js';
import { HOUR_MS } from '../model/window.js';
import { unpackRow, type PostedSpans } from './posting.js';
import { placesOf } from './posting-layout.js';
import type { SegmentKey } from './read.js';
import type { EventTime } from './search-period.js';
import { hourName } from './partitions.js';
import { filterCondition } from './attribute-filter.js';
import { termsOf } from './attribute-terms.js';
import { keysOf, type SpanFilter } from './search-filter.js';
import type { Chunk, WindowWeight } from './search-slices.js';

/** More operations than this are not searched at once by name or kind alone. */
const MOST_OPERATIONS = 20_000;
/** So few are looked up by their key even when all are meant: it is their tenant's alone. */
const FEW_OPERATIONS = 1_000;
const ROWS_AT_ONCE = 512;
/** Of the rows of an hour's segments, which hold the filters: to look at more takes longer than a statement may. */
const MOST_FILTER_BYTES = 512 * 1024 * 1024;
/** Spans of services ahead of the watermark are found too, those of a service with a wrong clock are not in the way. */
const AHEAD = `interval '5 minutes'`;

/** Operations that a filter names; `overflowing` hold spans of other names too. Null: all there are, and they are many. */
export type NamedOperations = { ids: number[]; areAll: boolean; overflowing: ReadonlySet<number> } | null;

export interface PostingRow {
  windowMs: number;
  operationId: number;
  spans: PostedSpans;
}

const at = (ms: number) => new Date(ms).toISOString();

/** The statements of a search. Each names one table of facts and reads a bounded range of it. */
@Injectable()
export class SearchStore {
  constructor(private readonly db: DataSource) {}

  /** Runs `read` on one snapshot, in which no statement takes longer than `timeoutMs`. */
  snapshot<T>(timeoutMs: number, read: (db: EntityManager) => Promise<T>): Promise<T> {
    return this.db.transaction('REPEATABLE READ', async (db) => {
      await db.query(`set transaction read only`);
      await db.query(`set local statement_timeout = ${timeoutMs}`);
      return await read(db);
    });
  }

  /** How far event time has come for the tenant. */
  async eventTime(tenantId: number): Promise<EventTime> {
    const [row] = await this.db.query<{ watermark: Date | null; newest: Date | null }[]>(
      `select watermark, least(newest, watermark + ${AHEAD}) as newest
       from (select percentile_disc(0.5) within group (order by seen_through) as watermark, max(seen_through) as newest
             from event_clocks where tenant_id = $1) clocks`,
      [tenantId],
    );
    return { watermarkMs: row?.watermark?.getTime() ?? null, newestMs: row?.newest?.getTime() ?? null };
  }

  /** The range of hours (epoch ms) outside of which the journal holds nothing; empty when it holds nothing at all. */
  async hours(db: EntityManager): Promise<{ firstMs: number; endMs: number }> {
    const [row] = await db.query<{ first: Date | null; last: Date | null }[]>(
      `select min(hour) as first, max(hour) as last from journal_hours`,
    );
    return row?.first && row.last
      ? { firstMs: row.first.getTime(), endMs: row.last.getTime() + HOUR_MS }
      : { firstMs: 0, endMs: 0 };
  }

  /** The operations whose spans can match the filter's names. Throws Rejected when they are too many. */
  async operations(db: EntityManager, tenantId: number, filter: SpanFilter): Promise<NamedOperations> {
    const { service, operation, kind } = filter;
    const isNamed = service !== undefined || operation !== undefined || kind !== undefined;
    const most = isNamed ? MOST_OPERATIONS : FEW_OPERATIONS;
    const rows = await db.query<{ id: number; overflows: boolean }[]>(
      `select o.id, coalesce((o.name in ($5, $6) and $3 <> o.name) or (s.name = $5 and $2 <> $5), false) as overflows
       from operations o join services s on s.id = o.service_id
       where o.tenant_id = $1 and s.tenant_id = $1 and ($2::text is null or s.name in ($2, $5))
         and ($3::text is null or o.name in ($3, $5, $6)) and ($4::int2 is null or o.kind = $4)
       limit ${most + 1}`,
      [
        tenantId,
        service ?? null,
        operation ?? null,
        kind ?? null,
        OVERFLOW_NAME,
        operation === undefined ? null : normaliseSpanName(operation),
      ],
    );
    if (rows.length > most && !isNamed) return null;
    if (rows.length > most)
      throw new Rejected('too_broad', `more than ${MOST_OPERATIONS} operations match: name a service`, 422, 'service');
    return {
      ids: rows.map(({ id }) => id),
      areAll: !isNamed,
      overflowing: new Set(rows.filter(({ overflows }) => overflows).map(({ id }) => id)),
    };
  }

  /** What the windows [fromMs, toMs) hold for the filter, newest first, without reading any span. */
  async weigh(
    db: EntityManager,
    tenantId: number,
    operations: NamedOperations,
    filter: SpanFilter,
    fromMs: number,
    toMs: number,
  ): Promise<WindowWeight[]> {
    if (operations === null || operations.areAll) return this.weighAll(db, tenantId, filter, fromMs, toMs);
    const rows = await db.query<WeightRow[]>(
      `select window_at, count(*)::int4 as postings,
         coalesce(sum(n) filter (where ${MAY_HOLD}), 0)::float8 as spans
       from postings
       where tenant_id = $1 and window_at >= $2 and window_at < $3 and operation_id = any($6::int4[])
       group by window_at order by window_at desc`,
      parameters(tenantId, operations, filter, fromMs, toMs),
    );
    return rows.map(({ window_at, ...weight }) => ({ windowMs: window_at.getTime(), ...weight }));
  }

  /** By the totals of commits: what is looked at are those, and the postings of the ones that may hold a match. */
  private async weighAll(
    db: EntityManager,
    tenantId: number,
    filter: SpanFilter,
    fromMs: number,
    toMs: number,
  ): Promise<WindowWeight[]> {
    const rows = await db.query<WeightRow[]>(
      `select window_at, (count(*) + coalesce(sum(postings) filter (where ${MAY_HOLD}), 0))::int4 as postings,
         coalesce(sum(n) filter (where ${MAY_HOLD}), 0)::float8 as spans
       from posting_totals
       where tenant_id = $1 and window_at >= $2 and window_at < $3
       group by window_at order by window_at desc`,
      parameters(tenantId, null, filter, fromMs, toMs),
    );
    return rows.map(({ window_at, ...weight }) => ({ windowMs: window_at.getTime(), ...weight }));
  }

  /** Calls `visit` for each posting of the chunk that may hold a match, in no order. */
  async read(
    db: EntityManager,
    tenantId: number,
    operations: NamedOperations,
    filter: SpanFilter,
    { fromMs, toMs }: Chunk,
    visit: (row: PostingRow) => void,
  ): Promise<void> {
    // A cursor, since one busy window may be larger than what should be in memory at a time.
    await db.query(
      `declare found no scroll cursor for
       select operation_id, window_at, entries from postings
       where tenant_id = $1 and window_at >= $2 and window_at < $3${operations ? ` and operation_id = any($6::int4[])` : ''}
         and ${MAY_HOLD}`,
      parameters(tenantId, operations, filter, fromMs, toMs),
    );
    const wanted = operations && new Set(operations.ids);
    for (;;) {
      const rows = await db.query<{ operation_id: number; window_at: Date; entries: Buffer }[]>(
        `fetch ${ROWS_AT_ONCE} from found`,
      );
      for (const row of rows) {
        const packed = { operationId: row.operation_id, entries: row.entries };
        for (const { operationId, spans } of unpackRow(packed, wanted))
          visit({ windowMs: row.window_at.getTime(), operationId, spans });
      }
      if (rows.length < ROWS_AT_ONCE) break;
    }
    await db.query(`close found`);
  }

  /**
   * Segments that hold spans of this hour (epoch ms) and may have the attributes, `most` of them at most. Null when to look at all filters of the
   * hour would take long.
   */
  async segmentsWith(
    db: EntityManager,
    tenantId: number,
    attributes: SpanFilter['attributes'],
    hourMs: number,
    most: number,
  ): Promise<SegmentKey[] | null> {
    const [{ bytes }] = await db.query<[{ bytes: string | null }]>(
      `select pg_relation_size(to_regclass($1)) as bytes`,
      [hourName('segments', hourMs)],
    );
    if (Number(bytes ?? 0) > MOST_FILTER_BYTES) return null;
    const having = `tenant_id = $1 and ${mayHave(attributes)}`;
    const rows = await db.query<{ segment_id: string; hour: Date }[]>(
      `select segment_id, hour from segments where hour = $2 and ${having}
       union all
       select segment_id, hour from segments where hour < $2 and is_wide is not false and ${having}
       limit ${most}`,
      [tenantId, at(hourMs)],
    );
    return rows.map(({ segment_id: id, hour }) => ({ id, hour }));
  }

  /** Where the traces (32 hex digits) lie, each with its segments in the order in which they are always read. */
  async segmentsOf(
    db: EntityManager,
    tenantId: number,
    traceIds: readonly string[],
    receivedBeforeMs: number | null,
  ): Promise<Map<string, SegmentKey[]>> {
    const rows = await db.query<{ trace_id: string; segment_id: string; hour: Date }[]>(
      `select replace(trace_id::text, '-', '') as trace_id, segment_id, hour from trace_segments
       where trace_id = any($1::uuid[]) and tenant_id = $2 order by hour, segment_id`,
      [traceIds, tenantId],
    );
    const wanted = receivedBeforeMs === null ? null : await this.receivedBefore(db, tenantId, rows, receivedBeforeMs);
    const segments = new Map<string, SegmentKey[]>(traceIds.map((traceId) => [traceId, []]));
    for (const { trace_id, segment_id: id, hour } of rows) {
      if (wanted?.has(id) ?? true) segments.get(trace_id)!.push({ id, hour });
    }
    return segments;
  }

  /** Those of the segments (ids) of which their filters do not say that an attribute is missing. */
  async mayHold(
    db: EntityManager,
    tenantId: number,
    keys: readonly SegmentKey[],
    attributes: SpanFilter['attributes'],
  ): Promise<Set<string>> {
    const rows = await db.query<{ segment_id: string }[]>(
      `select segment_id from segments
       where segment_id = any($1::int8[]) and hour = any($2::timestamptz[]) and tenant_id = $3
         and ${mayHave(attributes)}`,
      [keys.map(({ id }) => id), [...new Set(keys.map(({ hour }) => hour.toISOString()))], tenantId],
    );
    return new Set(rows.map(({ segment_id }) => segment_id));
  }

  private async receivedBefore(
    db: EntityManager,
    tenantId: number,
    keys: readonly { segment_id: string; hour: Date }[],
    receivedBeforeMs: number,
  ): Promise<Set<string>> {
    const rows = await db.query<{ segment_id: string }[]>(
      `select segment_id from segments
       where segment_id = any($1::int8[]) and hour = any($2::timestamptz[]) and tenant_id = $3 and received_at <= $4`,
      [
        keys.map(({ segment_id }) => segment_id),
        [...new Set(keys.map(({ hour }) => hour.toISOString()))],
        tenantId,
        at(receivedBeforeMs),
      ],
    );
    return new Set(rows.map(({ segment_id }) => segment_id));
  }
}

interface WeightRow {
  window_at: Date;
  postings: number;
  spans: number;
}

/** SQL that is false where the filter of a segment says that one of the attributes is missing. */
function mayHave(attributes: SpanFilter['attributes']): string {
  const wanted = attributes.flatMap(({ key, value }) => {
    const terms = keysOf(key).map((each) => termsOf(each, value));
    return terms.some((each) => each === null)
      ? []
      : [
          filterCondition(
            'attributes',
            terms.flatMap((each) => each!),
          ),
        ];
  });
  return `(attributes is null or (${['true', ...wanted].join(' and ')}))`;
}

/** A posting without such a span need not be unpacked. */
const MAY_HOLD = `max_duration_us >= $4 and (error_count > 0 or not $5)`;

function parameters(
  tenantId: number,
  operations: NamedOperations,
  filter: SpanFilter,
  fromMs: number,
  toMs: number,
): unknown[] {
  const all = [tenantId, at(fromMs), at(toMs), filter.minDurationUs, filter.errorsOnly];
  return operations ? [...all, placesOf(operations.ids)] : all;
}
