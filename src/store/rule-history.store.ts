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

/** Bounds the memory of one answer: a week of these in minutes is some 60 MB. */
const OPERATIONS_AT_ONCE = 20;

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

  /**
   * Steps of a longer period for a replay, some operations at a time: an operation is one row and its columns are packed, since millions of rows would
   * take long. Latencies are read only `withLatency`.
   */
  async *replay(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    operationIds: readonly number[],
    withLatency: boolean,
  ): AsyncGenerator<HistoryColumns[]> {
    const read = (i: number): Promise<PackedRow[]> =>
      this.db.query(
        // The aggregates of a group see its rows in one and the same order, whichever that is.
        `select operation_id as id,
                string_agg(float8send(date_part('epoch', window_at) * 1000), ''::bytea) as at,
                string_agg(float8send(n::float8), ''::bytea) as n,
                string_agg(float8send(error_count::float8), ''::bytea) as errors,
                string_agg(float8send(coalesce(weighted_n, n)::float8), ''::bytea) as represented,
                ${withLatency ? `string_agg(int4send(length(latency)), ''::bytea) as lengths, string_agg(latency, ''::bytea) as latency` : `null as lengths, null as latency`}
           from ${GRAINS[stepMs]} where tenant_id = $1 and window_at >= $2 and window_at < $3 and operation_id = any($4::int4[])
          group by operation_id`,
        [tenantId, new Date(fromMs), new Date(toMs), operationIds.slice(i, i + OPERATIONS_AT_ONCE)],
      );
    let next = read(0);
    for (let i = OPERATIONS_AT_ONCE; i < operationIds.length + OPERATIONS_AT_ONCE; i += OPERATIONS_AT_ONCE) {
      const rows = await next;
      // The server reads on while this process unpacks.
      next = i < operationIds.length ? read(i) : Promise.resolve([]);
      next.catch(() => undefined);
      yield rows.map(({ id, at, n, errors, represented, lengths, latency }) => ({
        id,
        atMs: doubles(at),
        n: doubles(n),
        errors: doubles(errors),
        represented: doubles(represented),
        latency: lengths === null ? null : { bytes: latency ?? Buffer.alloc(0), lengths: whole(lengths) },
      }));
    }
  }
}

/** What an operation did in many steps; histograms lie one behind the other. */
export interface HistoryColumns {
  id: number;
  atMs: Float64Array;
  n: Float64Array;
  errors: Float64Array;
  represented: Float64Array;
  latency: { bytes: Buffer; lengths: Uint32Array } | null;
}

interface PackedRow {
  id: number;
  at: Buffer;
  n: Buffer;
  errors: Buffer;
  represented: Buffer;
  lengths: Buffer | null;
  latency: Buffer | null;
}

/** PostgreSQL sends numbers with the highest byte first. */
function doubles(packed: Buffer): Float64Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  return Float64Array.from({ length: packed.length / 8 }, (_, i) => view.getFloat64(8 * i));
}

function whole(packed: Buffer): Uint32Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  return Uint32Array.from({ length: packed.length / 4 }, (_, i) => view.getUint32(4 * i));
}
