import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';

/** What one operation, or one pair of them, did in one step. */
export interface HistoryRow {
  atMs: number;
  id: number;
  n: number;
  errors: number;
  represented: number;
  latency: Buffer | null;
}

/** Sampled calls of one step: of a pair, or (callee 0) sampled spans of a caller. */
export interface CallRow {
  atMs: number;
  callerId: number;
  calleeId: number;
  n: number;
  errors: number;
}

export interface ExemplarRow {
  operationId: number;
  slowest: string[];
  failed: string[];
}

const GRAINS: Record<number, string> = {
  [WINDOW_MS]: 'rollups',
  [MINUTE_MS]: 'minute_rollups',
  [HOUR_MS]: 'hour_rollups',
};

/** What was measured, in the form in which rules look at it. */
@Injectable()
export class RuleHistoryStore {
  constructor(private readonly db: DataSource) {}

  /** Steps of a window, a minute or an hour that start in [fromMs, toMs). */
  async load(tenantId: number, stepMs: number, fromMs: number, toMs: number): Promise<HistoryRow[]> {
    if (fromMs >= toMs) return [];
    return this.db.query(
      `select (extract(epoch from window_at) * 1000)::float8 as "atMs", operation_id as id, n::float8 as n, error_count::float8 as errors,
              coalesce(weighted_n, n)::float8 as represented, latency
         from ${GRAINS[stepMs]} where tenant_id = $1 and window_at >= $2 and window_at < $3`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
  }

  /** Which steps of [fromMs, toMs) anything is known of, and how often their windows were measured again. */
  async known(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
  ): Promise<{ atMs: number; revision: number }[]> {
    if (fromMs >= toMs) return [];
    return this.db.query(
      `select (floor(extract(epoch from window_at) * 1000 / $4::float8) * $4)::float8 as "atMs", sum(revision)::int4 as revision
         from window_totals where tenant_id = $1 and window_at >= $2 and window_at < $3 and n > 0 group by 1`,
      [tenantId, new Date(fromMs), new Date(toMs), stepMs],
    );
  }

  /** Sampled calls, and sampled spans of callers, in steps of any length. */
  async calls(tenantId: number, stepMs: number, fromMs: number, toMs: number): Promise<CallRow[]> {
    if (fromMs >= toMs) return [];
    const step = `(floor(extract(epoch from window_at) * 1000 / $4::float8) * $4)::float8`;
    return this.db.query(
      `select ${step} as "atMs", caller_id as "callerId", callee_id as "calleeId", sum(calls)::float8 as n, sum(error_count)::float8 as errors
         from edge_rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 group by 1, 2, 3
       union all
       select ${step}, operation_id, 0, sum(sampled_n)::float8, 0
         from rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 and sampled_n > 0 group by 1, 2`,
      [tenantId, new Date(fromMs), new Date(toMs), stepMs],
    );
  }

  /** Traces that show operations in the windows that start in [fromMs, toMs), newest windows last. */
  async exemplars(tenantId: number, fromMs: number, toMs: number): Promise<ExemplarRow[]> {
    const rows: { operation_id: number; exemplars: { slowest: string[]; failed: string[] } }[] = await this.db.query(
      `select operation_id, exemplars from rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 order by window_at`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map(({ operation_id, exemplars }) => ({ operationId: operation_id, ...exemplars }));
  }

  /** Steps of a longer period for a replay: an operation is one row, columns in order of time, since millions of rows would take long. */
  async replay(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    operationIds: readonly number[],
    withLatency: boolean,
    visit: (row: HistoryRow) => void,
  ): Promise<void> {
    const rows: PackedRow[] = await this.db.query(
      `select operation_id as id,
              array_agg((extract(epoch from window_at) * 1000)::float8 order by window_at) as at,
              array_agg(n::float8 order by window_at) as n,
              array_agg(error_count::float8 order by window_at) as errors,
              array_agg(coalesce(weighted_n, n)::float8 order by window_at) as represented,
              ${withLatency ? `array_agg(length(latency) order by window_at) as lengths, string_agg(latency, ''::bytea order by window_at) as latency` : `null as lengths, null as latency`}
         from ${GRAINS[stepMs]} where tenant_id = $1 and window_at >= $2 and window_at < $3 and operation_id = any($4::int4[])
        group by operation_id`,
      [tenantId, new Date(fromMs), new Date(toMs), operationIds],
    );
    for (const { id, at, n, errors, represented, lengths, latency } of rows) {
      let offset = 0;
      at.forEach((atMs, i) => {
        const length = lengths?.[i] ?? 0;
        const bytes = latency === null ? null : latency.subarray(offset, offset + length);
        offset += length;
        visit({ atMs, id, n: n[i]!, errors: errors[i]!, represented: represented[i]!, latency: bytes });
      });
    }
  }
}

interface PackedRow {
  id: number;
  at: number[];
  n: number[];
  errors: number[];
  represented: number[];
  lengths: number[] | null;
  latency: Buffer | null;
}
