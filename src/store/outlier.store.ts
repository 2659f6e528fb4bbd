import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Outlier, OutlierReason } from '../model/outlier.js';
import { isoUs } from './iso-time.js';

export interface OutlierFilter {
  from?: Date | undefined;
  to?: Date | undefined;
  service?: string | undefined;
  limit: number;
  cursor?: { windowAt: string; traceId: string; reason: OutlierReason } | undefined;
}

/** An outlier with the names of its operation; `windowAt` is its place in the list. */
export interface ListedOutlier {
  outlier: Outlier;
  service: string;
  operation: string;
  kind: number;
  windowAt: string;
}

/** Single traces that are far outside of what is normal. */
@Injectable()
export class OutlierStore {
  constructor(private readonly db: DataSource) {}

  /** Puts these in place of whatever was noted in [fromMs, toMs) before. */
  async replace(
    tx: EntityManager,
    tenantId: number,
    fromMs: number,
    toMs: number,
    outliers: readonly Outlier[],
  ): Promise<void> {
    await tx.query(`delete from outlier_traces where tenant_id = $1 and window_at >= $2 and window_at < $3`, [
      tenantId,
      new Date(fromMs),
      new Date(toMs),
    ]);
    if (outliers.length === 0) return;
    await tx.query(
      `insert into outlier_traces
         (tenant_id, window_at, trace_id, reason, operation_id, also_in, observed, expected, n, baseline_n, score)
       select $1, * from unnest($2::timestamptz[], $3::uuid[], $4::text[], $5::int4[], $6::int4[], $7::float8[],
                                $8::float8[], $9::int8[], $10::int8[], $11::float8[])`,
      [
        tenantId,
        outliers.map(({ windowAtMs }) => new Date(windowAtMs)),
        outliers.map(({ traceId }) => traceId),
        outliers.map(({ reason }) => reason),
        outliers.map(({ operationId }) => operationId),
        outliers.map(({ alsoIn }) => alsoIn),
        outliers.map(({ observed }) => observed),
        outliers.map(({ expected }) => expected),
        outliers.map(({ n }) => n),
        outliers.map(({ baselineN }) => baselineN),
        outliers.map(({ score }) => score),
      ],
    );
  }

  /** Newest window first; of one window by trace id. */
  async list(tenantId: number, filter: OutlierFilter): Promise<ListedOutlier[]> {
    const { from = null, to = null, service = null, limit, cursor } = filter;
    const rows = await this.db.query<OutlierRow[]>(
      `select replace(t.trace_id::text, '-', '') as trace_id, t.window_at, ${isoUs('t.window_at')} as window_at_us, t.reason,
              t.operation_id, t.also_in, t.observed, t.expected, t.n, t.baseline_n, t.score,
              s.name as service, o.name as operation, o.kind
         from outlier_traces t
         join operations o on o.id = t.operation_id
         join services s on s.id = o.service_id
        where t.tenant_id = $1
          and ($2::timestamptz is null or t.window_at >= $2)
          and ($3::timestamptz is null or t.window_at < $3)
          and ($4::text is null or s.name = $4)
          and ($5::timestamptz is null or (t.window_at, t.trace_id, t.reason) < ($5, $6::uuid, $7::text))
        order by t.window_at desc, t.trace_id desc, t.reason desc
        limit $8`,
      [tenantId, from, to, service, cursor?.windowAt ?? null, cursor?.traceId ?? null, cursor?.reason ?? null, limit],
    );
    return rows.map((row) => ({
      outlier: {
        traceId: row.trace_id,
        windowAtMs: row.window_at.getTime(),
        operationId: row.operation_id,
        alsoIn: row.also_in,
        reason: row.reason,
        observed: row.observed,
        expected: row.expected,
        n: Number(row.n),
        baselineN: Number(row.baseline_n),
        score: row.score,
      },
      service: row.service,
      operation: row.operation,
      kind: row.kind,
      windowAt: row.window_at_us,
    }));
  }
}

interface OutlierRow {
  trace_id: string;
  window_at: Date;
  window_at_us: string;
  reason: OutlierReason;
  operation_id: number;
  also_in: number;
  observed: number;
  expected: number;
  n: string;
  baseline_n: string;
  score: number;
  service: string;
  operation: string;
  kind: number;
}
